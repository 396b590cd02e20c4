import Checkpoints
import Collectives
import Configuration
import DataTools
import Datasets
import Foundation
import Interchange
import Measuring
import RunSupport
import TestSupport
import Testing
import Training

/// What `--exclude` leaves out is as if it were not there, in training and behind it.
@Suite struct ExclusionRunTests {
  /// Drawn photos in a folder, and the same without some of them.
  private final class Subject {
    let root = SmallRun.temporaryFolder()
    var photos: String { root + "/photos" }
    var rest: String { root + "/rest" }
    var list: String { root + "/drop.txt" }

    init() throws {
      try SyntheticFaces(people: 12, photosPerPerson: 6, size: 32, seed: 5).writeFolder(to: photos)
      try FileManager.default.copyItem(atPath: photos, toPath: rest)
      let index = try FaceFolder(root: photos).index
      let dropped = [index.photos[3].path, index.photos[17].path, index.photos[60].path]
      for path in dropped { try FileManager.default.removeItem(atPath: "\(rest)/\(path)") }
      try FileManager.default.removeItem(atPath: "\(rest)/\(index.people[7])")
      try TextFile.write(
        (dropped + [index.people[7] + "/\tdrop\tin the test set"]).joined(separator: "\n"),
        to: list)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }
  }

  private static func configuration(
    _ data: String, exclude: String? = nil
  ) -> RunConfiguration {
    SmallRun.configuration {
      $0.data = .folder(data)
      $0.exclude = exclude
      $0.split = .peopleRandom(fraction: 0.8)
      $0.length = .steps(3)
    }
  }

  @Test func theReceiptIsThatOfDataWithoutThem() throws {
    let subject = try Subject()
    let whole = try SmallRun.train(Self.configuration(subject.photos))[0]
    let rest = try SmallRun.train(Self.configuration(subject.rest))[0]
    let configuration = Self.configuration(subject.photos, exclude: subject.list)
    for outcome in try SmallRun.train(configuration, ranks: 2, threads: 2) {
      #expect(outcome.records.map(StepBits.init) == rest.records.map(StepBits.init))
      #expect(outcome.weights == rest.weights && outcome.weights != whole.weights)
    }
  }

  /// Drawn faces have no files to remove: those of fewer people are drawn alike.
  @Test func drawnPeopleAreLeftOutToo() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Folders.make(folder)
    let names = (9..<12).map {
      SyntheticFaces(people: 12, photosPerPerson: 6, size: 32, seed: 1).personName($0)
    }
    try TextFile.write(names.joined(separator: "\n"), to: folder + "/drop.txt")
    func run(people: Int, _ exclude: String?) throws -> UInt64 {
      try SmallRun.train(
        SmallRun.configuration {
          $0.data = .synthetic(SyntheticData(people: people, photos: 6, size: 32))
          $0.exclude = exclude
          $0.length = .steps(2)
        })[0].weights
    }
    #expect(try run(people: 12, folder + "/drop.txt") == run(people: 9, nil))
  }

  /// A merged person's photos are those of a list that says so.
  @Test func whoIsTakenForAnotherTrainsInThatClass() throws {
    let subject = try Subject()
    let index = try FaceFolder(root: subject.photos).index
    let (from, to) = (index.people[2], index.people[9])
    try TextFile.write("\(from)/\t=\(to)\n", to: subject.list)
    let rows = index.photos.map { photo in
      let person = index.people[photo.person]
      return "photos/\(photo.path),\(person == from ? to : person)\n"
    }
    try TextFile.write("path,label\n" + rows.joined(), to: subject.root + "/list.csv")
    func outcome(_ data: String, _ exclude: String?) throws -> SmallRun.Outcome {
      var configuration = Self.configuration(data, exclude: exclude)
      configuration.split = .all
      configuration.length = .steps(2)
      return try SmallRun.train(configuration)[0]
    }
    let merged = try outcome(subject.photos, subject.list)
    #expect(try outcome(subject.root + "/list.csv", nil).weights == merged.weights)
    #expect(try outcome(subject.photos, nil).weights != merged.weights)
  }

  /// A run goes on with the same list, wherever it lies, and not with another.
  @Test func anotherListIsOtherData() throws {
    let subject = try Subject()
    let out = subject.root + "/run"
    func train(_ list: String?, steps: Int) throws {
      var configuration = Self.configuration(subject.photos, exclude: list)
      configuration.length = .steps(steps)
      configuration.schedule = .constant
      configuration.resume = .auto
      _ = try SmallRun.train(configuration, folder: out)
    }
    try train(subject.list, steps: 1)
    let moved = subject.root + "/moved.txt"
    try FileManager.default.copyItem(atPath: subject.list, toPath: moved)
    try train(moved, steps: 2)
    #expect(throws: (any Error).self) { try train(nil, steps: 3) }
    try TextFile.write(TextFile.read(moved) + "\n" + (try Self.first(subject)), to: moved)
    #expect(throws: (any Error).self) { try train(moved, steps: 3) }
  }

  private static func first(_ subject: Subject) throws -> String {
    try FaceFolder(root: subject.photos).index.photos[0].path
  }

  /// What the run held out is found again with its own list; all photos are embedded without one.
  @Test func commandsTakeTheListToo() throws {
    let subject = try Subject()
    let run = subject.root + "/run"
    var configuration = Self.configuration(subject.photos, exclude: subject.list)
    configuration.length = .steps(1)
    _ = try SmallRun.train(configuration, folder: run)
    func embedded(_ exclude: String?) throws -> Int {
      var request = EmbedRequest(
        checkpoint: run, data: .folder(subject.photos), out: subject.root + "/e.csv", quiet: true)
      request.exclude = exclude
      request.threads = 1
      try request.run(over: SoloCommunicator())
      return try TextFile.lines(of: subject.root + "/e.csv").count
    }
    #expect(try embedded(nil) - embedded(subject.list) == 9)
    var request = try #require(
      PackRequest(data: subject.photos, form: "tar", out: subject.root + "/p.tar"))
    request.exclude = subject.list
    let lines = try request.run()
    #expect(
      lines.contains { $0.contains("9 of 72 photos are left out; 63 photos of 11 people stay") })
    let pack = try PhotoSet(path: subject.root + "/p.tar").index
    let rest = try PhotoSet(path: subject.rest).index
    #expect(pack.photos.map(\.path) == rest.photos.map(\.path) && pack.people == rest.people)
    var check = CheckRequest(data: subject.photos)
    check.exclude = subject.list
    check.printsJSON = true
    #expect(try check.run().lines[0].contains("\"photos\" : 63"))
  }
}
