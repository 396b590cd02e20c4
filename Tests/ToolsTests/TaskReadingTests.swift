import Collectives
import Datasets
import Foundation
import Interchange
import Measuring
import RunSupport
import Tasks
import Testing
import Training

/// What `verify`, `identify` and `cluster` are given by name, and what cannot be compared.
@Suite struct TaskReadingTests {
  private let folder = SmallRun.temporaryFolder()

  /// Embeddings on the plane, by names; nil for one that holds no numbers, zero for one that is
  /// none.
  private func stored(
    _ rows: [(name: String, degrees: Double?)], zero: Set<Int> = []
  ) throws -> FaceOptions {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let values = rows.enumerated().flatMap { row, face -> [Float] in
      guard !zero.contains(row) else { return [0, 0] }
      guard let degrees = face.degrees else { return [.nan, 1] }
      return [Float(cos(degrees * .pi / 180)), Float(sin(degrees * .pi / 180))]
    }
    try NumPyFile.write(values, shape: [rows.count, 2], to: folder + "/faces.npy")
    try TextFile.write(
      "\u{FEFF}" + rows.map { $0.name + "\r\n" }.joined(), to: folder + "/faces.txt")
    var options = FaceOptions(
      source: .embeddings(file: folder + "/faces.npy", names: folder + "/faces.txt"))
    options.threshold = 1
    return options
  }

  private func verify(_ options: FaceOptions, _ first: String, _ second: String) throws -> [String]
  {
    try VerifyRequest(options, first: first, second: second).answer(over: SoloCommunicator()).lines
  }

  private func complaint(_ body: () throws -> Void) throws -> String {
    "\(try #require(#expect(throws: (any Error).self) { try body() }))"
  }

  @Test func aNameThatMeansSeveralPhotosIsNoPhoto() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let options = try stored([
      ("ann/1.jpg", 0), ("ann/2.jpg", 10), ("bob/1.jpg", 90), ("cy/5.jpg", 120), ("bob/7.jpg", 80),
      ("bob/7.jpg", 85),
    ])
    #expect(try verify(options, "ann/1.jpg", "bob/1.jpg").last == "different people")
    let folder = try complaint { _ = try verify(options, "ann", "bob/1.jpg") }
    #expect(folder == "'ann' is 2 photos (ann/1.jpg, ann/2.jpg); give one photo")
    let second = try complaint { _ = try verify(options, "ann/1.jpg", "ann") }
    #expect(second == folder)
    let twice = try complaint { _ = try verify(options, "ann/1.jpg", "bob/7.jpg") }
    #expect(twice.contains("has 'bob/7.jpg' 2 times, in lines 5, 6"), "\(twice)")
    let open = try complaint { _ = try verify(options, "1.jpg", "ann/2.jpg") }
    #expect(open.contains("'1.jpg' is 2 photos (ann/1.jpg, bob/1.jpg)"), "\(open)")
    // A folder of one photo is that photo; lists' ways to write a name are known.
    #expect(try verify(options, "cy", "ann/1.png").first == "distance 3.0000")
    #expect(try verify(options, "/data/faces/cy/5.jpg", "5.jpg").first == "distance 0.0000")
    let none = try complaint { _ = try verify(options, "di/1.jpg", "ann/2.jpg") }
    #expect(none.contains("has no 'di/1.jpg'"), "\(none)")
    let gallery = try complaint {
      _ = try IdentifyRequest(options, gallery: "ann", probes: ["bob/7.jpg"])
        .answer(over: SoloCommunicator())
    }
    #expect(gallery == twice)
  }

  @Test func rowsWithoutNumbersAreUnreadableAndTheStatusSaysSo() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let rows: [(name: String, degrees: Double?)] = [
      ("known/ann/1", 0), ("known/ann/2", nil), ("known/bob/1", 100), ("who/ann/3", 5),
      ("who/ann/4", nil), ("who/cid/1", 200), ("who/cid/2", 210),
    ]
    var options = try stored(rows, zero: [6])
    let nan = try complaint { _ = try verify(options, "known/ann/1", "known/ann/2") }
    #expect(
      nan == "known/ann/2 cannot be compared: row 2 of its embeddings holds a NaN or an infinity")
    let zero = try complaint { _ = try verify(options, "who/cid/2", "known/ann/1") }
    #expect(zero == "who/cid/2 cannot be compared: row 7 of its embeddings is zero")

    let found = try IdentifyRequest(options, gallery: "known", probes: ["who"])
      .answer(over: SoloCommunicator())
    #expect(!found.isGood)
    let line = { (start: String) in found.lines.first { $0.hasPrefix(start) } ?? "" }
    #expect(line("ann/3").contains("ann"))
    #expect(line("ann/4").contains("unreadable") && !line("ann/4").contains("unknown"))
    #expect(line("cid/1").contains("unknown"))
    #expect(
      found.lines.contains("unreadable: ann/4: row 5 of its embeddings holds a NaN or an infinity"))
    #expect(found.lines.contains("of the gallery 1 photos are left out"))
    #expect(line("threshold").contains("gallery: 2 photos of 2 people"))
    // One of two probes with a label and a face is in the gallery, and named right.
    #expect(line("in the gallery") == "in the gallery: 1 named right, 0 named wrong, 0 unknown")

    let clusters = try ClusterRequest(options, photos: "").answer(over: SoloCommunicator())
    #expect(!clusters.isGood)
    #expect(
      clusters.lines.contains(
        "4 photos in 1 clusters by average-linkage below 1.0000, 2 alone, 3 unreadable"),
      "\(clusters.lines)")

    options.json = true
    let sound = try IdentifyRequest(options, gallery: "known/bob", probes: ["who/ann/3"])
      .answer(over: SoloCommunicator())
    #expect(sound.isGood && !sound.lines[0].contains("\"unreadable\""))
    let nothing = try complaint {
      _ = try ClusterRequest(options, photos: "known/ann/2").answer(over: SoloCommunicator())
    }
    #expect(nothing.contains("none of the photos of 'known/ann/2' can be compared"))
  }

  /// Galleries lie deeper than probes, or less deep: people are the same by the ends of their
  /// names.
  @Test func peopleAreTheSameAtAnyDepth() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let options = try stored([
      ("g/train/ann/1", 0), ("g/train/bob/1", 90), ("g/test/bob/2", 95), ("p/ann/2", 3),
      ("p/bob/3", 92), ("q/x/train/ann/5", 1), ("r/zed/1", 180),
    ])
    func decided(_ probes: String) throws -> TaskAnswer {
      try IdentifyRequest(options, gallery: "g", probes: [probes]).answer(over: SoloCommunicator())
    }
    let shallow = try decided("p").lines
    // bob is the name of two people of this gallery: which of them is not known.
    #expect(
      shallow.contains("in the gallery: 1 named right, 0 named wrong, 0 unknown"), "\(shallow)")
    let deep = try decided("q").lines
    #expect(deep.contains("in the gallery: 1 named right, 0 named wrong, 0 unknown"), "\(deep)")
    let strangers = try decided("r").lines
    #expect(strangers.contains { $0.hasPrefix("warning: nobody of the photos") }, "\(strangers)")
    #expect(!shallow.contains { $0.hasPrefix("warning:") })
  }

  @Test func aPhotoOfTheGalleryIsComparedWithTheOthers() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let options = try stored([("k/ann/1", 0), ("k/ann/2", 10), ("k/bob/1", 100), ("k/cy/1", 200)])
    let found = try IdentifyRequest(options, gallery: "k", probes: ["k"])
      .answer(over: SoloCommunicator()).lines
    #expect(found.contains("in the gallery: 2 named right, 0 named wrong, 0 unknown"), "\(found)")
    #expect(found.contains("not in the gallery: 2 unknown, 0 named"), "\(found)")
    #expect(found.contains { $0.hasPrefix("warning: 4 of the photos to identify are in") })
    #expect(found.first { $0.contains("ann/1") }?.contains("0.000") == false)
  }

  @Test func photosThatCannotBeReadAreNamedByACheckpointToo() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try SmallRun.train(SmallRun.configuration(), folder: folder)
    let photos = folder + "/photos"
    try SyntheticFaces(people: 2, photosPerPerson: 2, size: 32, seed: 9).writeFolder(to: photos)
    let names = try FaceFolder(root: photos).photos.map(\.path)
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: photos + "/" + names[3]))
    var options = FaceOptions(source: .checkpoint(folder))
    (options.threads, options.threshold) = (1, 1)
    let several = try complaint { _ = try verify(options, photos, photos + "/" + names[0]) }
    #expect(several.contains("is 4 photos") && several.hasSuffix("give one photo"), "\(several)")
    let clusters = try ClusterRequest(options, photos: photos).answer(over: SoloCommunicator())
    #expect(!clusters.isGood)
    #expect(clusters.lines.contains { $0.hasPrefix("unreadable: \(names[3]): ") })
    let found = try IdentifyRequest(
      options, gallery: photos, probes: [photos + "/" + names[0], photos + "/" + names[3]]
    ).answer(over: SoloCommunicator())
    #expect(!found.isGood)
    #expect(found.lines.contains { $0.contains(names[3]) && $0.contains("unreadable") })
    #expect(found.lines.contains("of the gallery 1 photos are left out"))
    let bad = try complaint {
      _ = try verify(options, photos + "/" + names[0], photos + "/" + names[3])
    }
    #expect(bad.contains("cannot be compared: not a"), "\(bad)")
  }
}
