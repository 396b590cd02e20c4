import Checkpoints
import Collectives
import Configuration
import DataTools
import Datasets
import Foundation
import Inputs
import Interchange
import Measuring
import RunSupport
import Scoring
import Sessions
import TestSupport
import Testing
import Training

/// Whom `evaluate` measures of the data of a run, what it says of them, and by whose points photos
/// are aligned.
@Suite struct MeasuredPhotosTests {
  private final class Lines: LineSink {
    var all: [String] = []
    func writeLine(_ line: String) { all.append(line) }
  }

  /// A folder with `faces` of 8 people, of whom the first 4 stand in `list.txt`, and a `run` that
  /// was trained on these.
  private static func withRun(
    _ change: [String: String] = [:], prepare: (String) throws -> Void = { _ in },
    _ body: (String) throws -> Void
  ) throws {
    try FlaggedRun.withFolder { folder in
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
      _ = try SynthesizeRequest(
        out: folder + "/faces", faces: SyntheticData(people: 8, photos: 4, size: 32), seed: 1
      ).run()
      try TextFile.write(
        (1...4).map { "person_000\($0)\n" }.joined(), to: folder + "/list.txt")
      try prepare(folder)
      let flags = FlaggedRun.small.merging([
        "data": folder + "/faces", "split": "people:\(folder)/list.txt", "steps": "2",
        "batch": "16",
      ]) { $1 }.merging(change.mapValues { $0.replacingOccurrences(of: "@", with: folder) }) { $1 }
      try FlaggedRun.train(flags, in: folder + "/run")
      try body(folder)
    }
  }

  /// What is measured of `data` by the run in `folder`, and what is said of it.
  private static func measure(
    _ data: String, in folder: String, _ change: (inout EvaluateRequest) -> Void = { _ in }
  ) throws -> (people: Set<String>, photos: Int, lines: [String]) {
    let console = Console(isSpeaker: true, isQuiet: true, isLaunched: false)
    let lines = Lines()
    console.record(in: lines)
    let session = try Session.start(
      communicator: SoloCommunicator(), threads: 1, console: console,
      launch: LaunchEnvironment(variables: [:]))
    defer { session.pool.end() }
    let network = try CheckpointNetwork.open(folder + "/run", in: session)
    var request = EvaluateRequest(source: .checkpoint(folder + "/run"), quiet: true)
    request.data = .folder(data)
    change(&request)
    let own = network.configuration(
      data: .folder(data), split: request.split, splitSeed: nil, minPhotos: nil,
      exclude: nil, landmarks: request.landmarks)
    let opened = try OpenedPhotos.open(
      own.data, besides: [], seed: 0, communicator: session.communicator, pool: session.pool)
    let sets = try network.sets(
      request, own, opened, Preprocessing(own, index: opened.index))
    try network.tellOverlaps(of: sets, in: opened.index)
    let photos = sets[0].plan.photos
    let people = Set(photos.map { opened.index.people[opened.index.photos[$0].person] })
    return (people, photos.count, lines.all)
  }

  private static let strangers = Set((5...8).map { "person_000\($0)" })

  @Test func theRunsOwnDataAreMeasuredByWhatItHeldOut() throws {
    try Self.withRun { folder in
      let found = try Self.measure(folder + "/faces", in: folder)
      #expect(found.people == Self.strangers && found.photos == 16)
      #expect(!found.lines.contains { $0.hasPrefix("warning: ") }, "\(found.lines)")
      #expect(
        found.lines.last == "people overlap: 0 of the 4 people measured were trained on")
    }
  }

  @Test(arguments: ["a photo more", "no list", "another place"])
  func dataThatHaveChangedAreMeasuredByStrangersAndWhyIsSaid(change: String) throws {
    try Self.withRun(change == "no list" ? ["pairs": "@/pairs.txt"] : [:]) {
      try TextFile.write(
        "person_0005\t1\t2\nperson_0005\t1\tperson_0006\t1\n", to: $0 + "/pairs.txt")
    } _: { folder in
      let files = FileManager.default
      var faces = folder + "/faces"
      if change == "a photo more" {
        try files.copyItem(
          atPath: faces + "/person_0001/person_0001_0001.jpg",
          toPath: faces + "/person_0001/person_0001_0009.jpg")
      } else if change == "no list" {
        try files.removeItem(atPath: folder + "/list.txt")
      } else {
        try files.moveItem(atPath: faces, toPath: folder + "/moved")
        faces = folder + "/moved"
        try files.removeItem(atPath: faces + "/person_0001/person_0001_0001.jpg")
      }
      let found = try Self.measure(faces, in: folder)
      #expect(found.people == Self.strangers && found.photos == 16)
      let warnings = found.lines.filter { $0.hasPrefix("warning: ") }
      #expect(warnings.count == 1, "\(warnings)")
      let reason = change == "no list" ? "list.txt" : "photos, who of them trains"
      #expect(
        warnings[0].contains("held out of these data cannot be found again")
          && warnings[0].contains(reason), "\(warnings)")
      #expect(warnings[0].contains("--pairs \(folder)/pairs.txt") == (change == "no list"))
      #expect(
        found.lines.contains {
          $0.hasSuffix("16 photos of the 4 people that were not trained on, of 32 of 8")
            || $0.hasSuffix("16 photos of the 4 people that were not trained on, of 33 of 8")
            || $0.hasSuffix("16 photos of the 4 people that were not trained on, of 31 of 8")
        }, "\(found.lines)")
      let all = try Self.measure(faces, in: folder) { $0.split = .all }
      #expect(all.people.count == 8)
    }
  }

  /// Said to who asks for figures alone, and in what is kept of them.
  @Test func trainedPeopleAmongTheMeasuredAreFigureAndWarning() throws {
    try Self.withRun { folder in
      let found = try Self.measure(folder + "/faces", in: folder) { $0.split = .all }
      #expect(found.people.count == 8)
      #expect(
        found.lines.contains("people overlap: 4 of the 8 people measured were trained on"))
      #expect(
        found.lines.contains(
          "warning: 4 of the 8 people measured were trained on: the figures are better than those "
            + "of strangers"))
    }
  }

  @Test func otherPeopleAreAllMeasured() throws {
    try Self.withRun { folder in
      let other = folder + "/other"
      for person in 0..<3 {
        try FileManager.default.createDirectory(
          atPath: "\(other)/p\(person)", withIntermediateDirectories: true)
        for photo in 1...2 {
          try FileManager.default.copyItem(
            atPath: "\(folder)/faces/person_0007/person_0007_000\(photo).jpg",
            toPath: "\(other)/p\(person)/\(photo).jpg")
        }
      }
      let found = try Self.measure(other, in: folder)
      #expect(found.photos == 6 && !found.lines.contains { $0.hasPrefix("warning: ") })
    }
  }

  // MARK: Landmarks of the run

  private static func writePoints(_ folder: String) throws {
    var text = ""
    for person in 1...8 {
      for photo in 1...4 {
        text += "person_000\(person)/person_000\(person)_000\(photo).jpg "
        text += "10 12 22 12 16 18 11 24 21 24\n"
      }
    }
    try TextFile.write(text, to: folder + "/points.txt")
  }

  @Test func pointsOfTheRunAreForItsOwnPhotosAlone() throws {
    try Self.withRun(["landmarks": "@/points.txt"], prepare: Self.writePoints) { folder in
      let own = try Self.measure(folder + "/faces", in: folder)
      #expect(own.people == Self.strangers)
      #expect(
        own.lines.contains("landmarks: \(folder)/points.txt, as in training on these photos"))
      // Other photos of the same names, as `align` writes them, and names without points.
      try FileManager.default.copyItem(atPath: folder + "/faces", toPath: folder + "/aligned")
      try FileManager.default.copyItem(
        atPath: folder + "/faces/person_0005/person_0005_0001.jpg",
        toPath: folder + "/aligned/person_0005/new.jpg")
      let other = try Self.measure(folder + "/aligned", in: folder)
      #expect(!other.lines.contains { $0.hasPrefix("landmarks: ") })
      #expect(
        other.lines.contains {
          $0.hasPrefix("warning: the network was trained on photos that \(folder)/points.txt")
            && $0.contains("these are others")
        }, "\(other.lines)")
      #expect(other.people == Self.strangers && other.photos == 17)
    }
  }
}
