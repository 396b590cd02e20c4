import Datasets
import DataTools
import Evaluation
import Foundation
import Interchange
import RunSupport
import TestSupport
import Testing
import Training

/// `pack` decodes photos before it packs them, and treats bad ones as `train` does.
@Suite struct BadPhotosOfPacksTests {
  /// 24 photos of 6 people, and three files that are no photos beside those of the last.
  private final class Subject {
    let root = SmallRun.temporaryFolder()
    var photos: String { root + "/photos" }
    let names: [String]
    let bad: [String]

    init() throws {
      try SyntheticFaces(people: 6, photosPerPerson: 4, size: 32, seed: 7)
        .writeFolder(to: root + "/photos")
      names = try PhotoSet(path: root + "/photos").index.photos.map(\.path)
      let person = names[23].prefix { $0 != "/" }
      bad = ["cut.jpg", "empty.jpg", "torn.png"].map { "\(person)/\($0)" }
      let whole = try bytes(names[23])
      // A JPEG without its second half, and a PNG that ends in its first chunk.
      try write(whole.prefix(whole.count / 2), bad[0])
      try write(Data(), bad[1])
      try write(Data([0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49, 0x48]), bad[2])
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func bytes(_ name: String) throws -> Data {
      try Data(contentsOf: URL(fileURLWithPath: photos + "/" + name))
    }

    func write(_ bytes: Data, _ name: String) throws {
      try bytes.write(to: URL(fileURLWithPath: photos + "/" + name))
    }

    func pack(_ form: String, to out: String, maxBad: Double? = nil) throws -> [String] {
      var request = try #require(PackRequest(data: photos, form: form, out: root + "/" + out))
      request.maxBad = maxBad ?? request.maxBad
      return try request.run()
    }

    /// The photos of the pack `out` and what they are called; throws for one that cannot be read.
    func packed(_ out: String) throws -> (names: [String], people: [String], bytes: [Data]) {
      let set = try PhotoSet(path: root + "/" + out)
      let buffer = ByteBuffer()
      let bytes = try set.index.photos.indices.map { photo in
        try set.source.read(photo, into: buffer)
        return Data(buffer.bytes)
      }
      return (set.index.photos.map(\.path), set.index.people, bytes)
    }

    func isThere(_ out: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + out) }
  }

  private static let packs = [("rec", "p.rec"), ("tar", "p.tar")]

  @Test(arguments: packs)
  func badPhotosAreNamedAndLeftOut(form: String, out: String) throws {
    let subject = try Subject()
    let lines = try subject.pack(form, to: out, maxBad: 0.2)
    let named = lines.filter { $0.hasPrefix("bad photo: ") }
    #expect(named.count == 3)
    for (line, name) in zip(named, subject.bad) {
      #expect(line.hasPrefix("bad photo: \(name): "), "\(line)")
    }
    let summary = try #require(lines.last)
    #expect(summary.hasPrefix("24 photos of 6 people in "))
    #expect(summary.hasSuffix("; 3 bad photos left out"))
    let packed = try subject.packed(out)
    #expect(packed.names == subject.names)
    #expect(try packed.bytes == subject.names.map { try subject.bytes($0) })
    // As if they had never been there.
    for name in subject.bad {
      try FileManager.default.removeItem(atPath: subject.photos + "/" + name)
    }
    #expect(try subject.pack(form, to: "without." + form).count == 1)
    let without = try Data(
      contentsOf: URL(fileURLWithPath: subject.root + "/without." + form))
    #expect(try Data(contentsOf: URL(fileURLWithPath: subject.root + "/" + out)) == without)
  }

  @Test(arguments: packs)
  func moreBadPhotosThanMaxBadAreAnErrorWithTheList(form: String, out: String) throws {
    let subject = try Subject()
    for maxBad in [nil, 0.1] {
      #expect {
        _ = try subject.pack(form, to: out, maxBad: maxBad)
      } throws: { error in
        let text = "\(error)"
        return text.contains("3 of 27 photos are bad, more than --max-bad")
          && subject.bad.allSatisfy { text.contains("\n\($0): ") }
      }
      #expect(!subject.isThere(out))
    }
  }

  @Test(arguments: packs)
  func aPersonOfBadPhotosAloneIsLeftOutAndTheOthersMoveUp(form: String, out: String) throws {
    let subject = try Subject()
    for name in subject.names[4..<8] { try subject.write(Data("no photo".utf8), name) }
    let lines = try subject.pack(form, to: out, maxBad: 0.5)
    let summary = try #require(lines.last)
    #expect(summary.hasPrefix("20 photos of 5 people in "))
    #expect(
      summary.hasSuffix("; 7 bad photos left out, and with them 1 person who has no other"))
    let packed = try subject.packed(out)
    #expect(packed.names == Array(subject.names[..<4] + subject.names[8...]))
    let people = try PhotoSet(path: subject.photos).index.people
    #expect(packed.people == [people[0]] + people[2...])
  }

  @Test func dataOfBadPhotosAloneAreAnError() throws {
    let subject = try Subject()
    for name in subject.names { try subject.write(Data(), name) }
    #expect {
      _ = try subject.pack("tar", to: "p.tar", maxBad: 1)
    } throws: {
      "\($0)".contains("has no photo that can be decoded")
    }
    #expect(!subject.isThere("p.tar"))
  }

  @Test func aVerificationSetHasAllOfItsPhotosOrIsNotWritten() throws {
    let subject = try Subject()
    let (list, out) = (subject.root + "/pairs.txt", subject.root + "/own.bin")
    func pack(_ second: String) throws -> [String] {
      let lines = (0..<10).map {
        "\(subject.names[$0]) \($0 < 5 ? second : subject.names[$0 + 5]) 0\n"
      }
      try TextFile.write(lines.joined(), to: list)
      return try BinRequest(data: subject.photos, pairs: list, out: out).run()
    }
    for name in subject.bad {
      #expect {
        _ = try pack(name)
      } throws: {
        "\($0)".hasPrefix("\(list) names 1 photo that cannot be packed, repair it or leave")
          && "\($0)".contains(": \(name): ")
      }
      #expect(!subject.isThere("own.bin"))
    }
    // What no pair names is nobody's affair.
    _ = try pack(subject.names[23])
    let set = try VerificationBin(path: out)
    #expect(set.photoCount == 20)
    let first = try subject.bytes(subject.names[0])
    set.withImage(0) { #expect(Data($0) == first) }
  }

  /// As in training: a list that names photos which are not there is no other list.
  @Test func aPhotoThatIsNotThereIsABadPhoto() throws {
    let subject = try Subject()
    let rows = (subject.names + ["gone/1.jpg"]).map { "photos/\($0),\($0.prefix { $0 != "/" })\n" }
    try TextFile.write("path,label\n" + rows.joined(), to: subject.root + "/list.csv")
    var request = try #require(
      PackRequest(
        data: subject.root + "/list.csv", form: "tar", out: subject.root + "/p.tar"))
    request.maxBad = 0.1
    let lines = try request.run()
    #expect(lines.contains { $0.hasPrefix("bad photo: photos/gone/1.jpg: ") }, "\(lines)")
    #expect(try subject.packed("p.tar").names.count == 24)
  }
}
