import Datasets
import Foundation
import Interchange
import Testing

@Suite struct PackTests {
  /// 13 photos of 4 people; names with dots, capitals and spaces, and two that share a stem.
  static func folder() -> TemporaryFolder {
    let disk = TemporaryFolder()
    var seed = 0
    for (person, photos) in [
      ("ann b", ["1.jpg", "10.jpg", "2.jpg"]), ("bob", ["a.x.jpg", "b.JPG", "c.jpeg", "c.jpg"]),
      ("çelik", ["1.jpg", "2.jpg"]), ("d/e", ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]),
    ] {
      for photo in photos {
        disk.write("\(person)/\(photo)", Pictures.jpeg(20 + seed, 24, seed: seed))
        seed += 1
      }
    }
    return disk
  }

  static func contents(_ set: PhotoSet) throws -> [[UInt8]] {
    let buffer = ByteBuffer()
    return try set.index.photos.indices.map {
      try set.source.read($0, into: buffer)
      return Array(buffer.bytes)
    }
  }

  static func expectSame(
    _ set: PhotoSet, _ other: PhotoSet, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(
      set.index.photos.map(\.path) == other.index.photos.map(\.path),
      sourceLocation: sourceLocation)
    #expect(
      set.index.photos.map(\.person) == other.index.photos.map(\.person),
      sourceLocation: sourceLocation)
    #expect(set.index.people == other.index.people, sourceLocation: sourceLocation)
    #expect(try contents(set) == contents(other), sourceLocation: sourceLocation)
  }

  @Test("A folder, its packs, and lists of its photos are one data set")
  func everyFormatHoldsTheSame() throws {
    let disk = Self.folder()
    let out = TemporaryFolder()
    let folder = try PhotoSet(path: disk.path)
    #expect(folder.format == .folder && folder.index.photos.count == 13)
    for (form, path) in [
      (PackWriter.Form.rec, "packs/faces"), (.rec, "one.rec"), (.tar, "faces.tar"),
    ] {
      let target = out.path + "/" + path
      _ = try PackWriter.write(folder, as: form, to: target)
      let pack = try PhotoSet(path: target)
      #expect(pack.format == (form == .rec ? .recordIO : .tar))
      try Self.expectSame(pack, folder)
    }
    // A pack of a pack.
    _ = try PackWriter.write(
      PhotoSet(path: out.path + "/faces.tar"), as: .rec, to: out.path + "/again")
    try Self.expectSame(PhotoSet(path: out.path + "/again"), folder)

    let photos = folder.index.photos.shuffled()
    let name = { (photo: Photo) in folder.index.people[photo.person] }
    disk.write("list.txt", photos.map { "\($0.path) \($0.person)\n" }.joined())
    disk.write(
      "tabs.lst", photos.enumerated().map { "\($0)\t\($1.person).0\t\($1.path)\n" }.joined())
    for list in ["list.txt", "tabs.lst"] {
      let set = try PhotoSet(path: disk.path + "/" + list)
      #expect(set.format == .list)
      try Self.expectSame(set, folder)
    }
    disk.write(
      "metadata.csv",
      "file_name,note,label\r\n"
        + photos.map { "\"\($0.path)\",\"a, \"\"b\"\"\",\(name($0))\r\n" }.joined())
    let csv = try PhotoSet(path: disk.path)
    #expect(csv.format == .metadata)
    try Self.expectSame(csv, folder)
    try FileManager.default.removeItem(atPath: disk.path + "/metadata.csv")
    disk.write(
      "metadata.jsonl",
      photos.map { "{\"file_name\": \"\($0.path)\", \"x\": 1.5, \"label\": \($0.person)}\n" }
        .joined())
    try Self.expectSame(PhotoSet(path: disk.path), folder)
  }

  @Test("The records of facts, byte by byte")
  func recordVectors() throws {
    let out = TemporaryFolder()
    let header = "000000000000404001000000000000000000000000000000"
    let whole = Self.bytes("0a23d7ce1d000000" + header + "4a50454721000000")
    // "abcd", the magic word, "efg" as data behind a header without labels.
    let parts = Self.bytes(
      "0a23d7ce1c000020" + header + "61626364" + "0a23d7ce03000060" + "65666700")
    out.write("two.rec", whole + parts)
    out.write("two.idx", "0\t0\n1\t\(whole.count)\n")
    let set = try PhotoSet(path: out.path)
    #expect(set.index.photos.count == 2 && set.index.people == ["3"] && set.labels == [3])
    let magic: [UInt8] = [0x0A, 0x23, 0xD7, 0xCE]
    #expect(
      try Self.contents(set) == [
        Array("JPEG!".utf8), Array("abcd".utf8) + magic + Array("efg".utf8),
      ])
    // Without an index the file is read in order, and keys are the numbers in the records.
    try FileManager.default.removeItem(atPath: out.path + "/two.idx")
    out.write("two.rec", parts.replacing(3) + whole)
    #expect(try Self.contents(PhotoSet(path: out.path))[0] == Array("JPEG!".utf8))
  }

  @Test("What is written is cut at the magic word, and read back")
  func magicWordsInPhotos() throws {
    let magic: [UInt8] = [0x0A, 0x23, 0xD7, 0xCE]
    let files = [
      Array("abcd".utf8) + magic + Array("efg".utf8), magic, magic + magic, [1] + magic + [2, 3],
      Array("x".utf8), [0, 0, 0, 0] + magic + [7],
    ]
    let disk = TemporaryFolder()
    for (number, file) in files.enumerated() { disk.write("p\(number % 2)/\(number).jpg", file) }
    let folder = try PhotoSet(path: disk.path)
    let out = TemporaryFolder()
    for form in PackWriter.Form.allCases {
      _ = try PackWriter.write(folder, as: form, to: out.path + "/pack.\(form.rawValue)")
      try Self.expectSame(PhotoSet(path: out.path + "/pack.\(form.rawValue)"), folder)
    }
    let pack = try Data(contentsOf: URL(fileURLWithPath: out.path + "/pack.rec"))
    // Photo 0, "abcd" + magic + "efg", behind a header of 24 bytes: first and last part.
    #expect(
      Array(pack.prefix(52))
        == Self.bytes(
          "0a23d7ce1c000020" + "000000000000000001000000000000000000000000000000" + "61626364"
            + "0a23d7ce03000060" + "65666700" + "0a23d7ce"))
    #expect(
      Array(pack.suffix(40))
        == Self.bytes(
          "0a23d7ce20000000" + "0200000000000000" + "0000000000000000" + "0000000000000000"
            + "0000e040" + "00001041"))
  }

  @Test("InsightFace's layout without a list: labels from the people's records, names from them")
  func insightFaceLayout() throws {
    let disk = Self.folder()
    let out = TemporaryFolder()
    _ = try PackWriter.write(PhotoSet(path: disk.path), as: .rec, to: out.path + "/p")
    #expect(
      try String(contentsOfFile: out.path + "/p/property", encoding: .utf8) == "4,24,20\n")
    try FileManager.default.removeItem(atPath: out.path + "/p/train.lst")
    let set = try PhotoSet(path: out.path + "/p")
    #expect(set.index.people == ["0", "1", "2", "3"] && set.labels == [0, 1, 2, 3])
    #expect(set.index.photos.map(\.person) == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3])
    #expect(set.index.photos[4].path == "1/5")
    #expect(try Self.contents(set) == Self.contents(PhotoSet(path: disk.path)))
    // The keys of images alone, in another order of lines: every header is read.
    let lines = try String(contentsOfFile: out.path + "/p/train.idx", encoding: .utf8)
      .split(separator: "\n").filter { (1...13).contains(Int($0.prefix { $0 != "\t" })!) }
    out.write("p/train.idx", lines.reversed().joined(separator: "\n"))
    let images = try PhotoSet(path: out.path + "/p")
    #expect(images.index.photos.map(\.person) == set.index.photos.map(\.person))
    #expect(try Self.contents(images) == Self.contents(set))
  }

  @Test func shardsAreOneDataSet() throws {
    let out = TemporaryFolder()
    for (shard, people) in [["a", "b"], ["c"]].enumerated() {
      let disk = TemporaryFolder()
      for person in people { disk.write("\(person)/1.jpg", Pictures.jpeg(9, 9, seed: shard)) }
      _ = try PackWriter.write(
        PhotoSet(path: disk.path), as: .tar, to: out.path + "/s-00\(shard).tar")
    }
    let set = try PhotoSet(path: out.path + "/s-{000..001}.tar")
    #expect(set.index.photos.map(\.path) == ["s-000/a/1.jpg", "s-000/b/1.jpg", "s-001/c/1.jpg"])
    #expect(set.index.photos.map(\.person) == [0, 1, 0] && set.labels == [0, 1])
    try Self.expectSame(PhotoSet(path: out.path), set)
  }

  @Test func longNamesKeepTheirPlace() throws {
    let disk = TemporaryFolder()
    let names = [
      String(repeating: "n", count: 90) + "/" + String(repeating: "p", count: 90) + ".jpg",
      String(repeating: "ü", count: 80) + "/" + String(repeating: "é", count: 100) + ".jpg",
    ]
    for name in names { disk.write(name, Pictures.jpeg(8, 8)) }
    let set = try PhotoSet(path: disk.path)
    let out = TemporaryFolder()
    _ = try PackWriter.write(set, as: .tar, to: out.path + "/long.tar")
    try Self.expectSame(PhotoSet(path: out.path + "/long.tar"), set)
  }

  @Test("A pack that is cut short or changed says so, or has a bad photo")
  func damage() throws {
    let disk = Self.folder()
    let out = TemporaryFolder()
    let folder = try PhotoSet(path: disk.path)
    _ = try PackWriter.write(folder, as: .rec, to: out.path + "/p")
    _ = try PackWriter.write(folder, as: .tar, to: out.path + "/t.tar")
    let whole = try Data(contentsOf: URL(fileURLWithPath: out.path + "/p/train.rec"))
    let error = #expect(throws: DatasetError.self) {
      try whole.prefix(whole.count / 2).write(
        to: URL(fileURLWithPath: out.path + "/p/train.rec"))
      _ = try PhotoSet(path: out.path + "/p")
    }
    #expect(error?.description.contains("cut short") == true)
    // The magic word of photo 3 is gone: that photo is bad and the others are not.
    var changed = whole
    let places = try String(contentsOfFile: out.path + "/p/train.idx", encoding: .utf8)
      .split(separator: "\n").map { $0.split(separator: "\t").map { Int($0)! } }
    changed[places[3][1]] ^= 1
    try changed.write(to: URL(fileURLWithPath: out.path + "/p/train.rec"))
    let set = try PhotoSet(path: out.path + "/p")
    let buffer = ByteBuffer()
    for photo in set.index.photos.indices {
      if photo == 3 {
        let problem = #expect(throws: ImageError.self) { try set.source.read(3, into: buffer) }
        #expect(problem?.isOfMachine == false)
      } else {
        try set.source.read(photo, into: buffer)
      }
    }
    let tar = try Data(contentsOf: URL(fileURLWithPath: out.path + "/t.tar"))
    try tar.prefix(tar.count * 2 / 3 + 100).write(to: URL(fileURLWithPath: out.path + "/t.tar"))
    #expect(throws: DatasetError.self) { try PhotoSet(path: out.path + "/t.tar") }
  }

  @Test func whatIsWrongIsNamed() throws {
    let disk = TemporaryFolder()
    func problem(_ path: String) -> String {
      do {
        _ = try PhotoSet(path: disk.path + "/" + path)
        return "none"
      } catch {
        return error.description
      }
    }
    disk.write("a.txt", "x.jpg 1\nonlypath\n")
    #expect(problem("a.txt").hasSuffix("a.txt, line 2: is not 'path label' as the lines before it"))
    disk.write("b.txt", "x.jpg 1\nx.jpg 2\n")
    #expect(problem("b.txt").contains("says of x.jpg that it shows '1' and '2'"))
    disk.write("c.txt", "x.jpg 1\n")
    #expect(problem("c.txt").contains("which is not there"))
    disk.write("m/metadata.jsonl", "{\"file_name\": \"../x.jpg\", \"label\": 1}\n")
    #expect(problem("m").contains("leaves the folder"))
    disk.write("n/metadata.csv", "age,label\nx.jpg,1\n")
    #expect(problem("n").contains("file_name"))
    disk.write("o/train.rec", "nothing")
    disk.write("o/train.idx", "0 0\n")
    #expect(problem("o").contains("line 1: is not 'key<TAB>byte offset'"))
    disk.write("q/train.rec", "nothing at all")
    #expect(problem("q").contains("has no record at byte 0"))
    disk.write("lfw.bin", [0x80, 4, 0x95])
    #expect(problem("lfw.bin").contains("--pairs"))
    disk.write("r.tar", [UInt8](repeating: 0, count: 1024))
    #expect(problem("r.tar").contains("holds no .jpg, .png or .webp"))
  }

  static func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex.utf8)
    return stride(from: 0, to: digits.count, by: 2).map {
      UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)!
    }
  }
}

extension [UInt8] {
  /// A record of header and data with another number in its header.
  fileprivate func replacing(_ id: UInt8) -> [UInt8] {
    var copy = self
    copy[16] = id
    return copy
  }
}
