import Datasets
import Foundation
import Testing
import TestSupport

/// A label is its bytes, in every form of data.
@Suite struct NameRuleTests {
  private static let composed = "Zo\u{EB}"
  private static let decomposed = "Zoe\u{308}"
  private static let photo = Pictures.jpeg(8, 8)

  /// The people of the same labels, one photo each, in every form that is written as text.
  private static func everywhere(_ labels: [String]) throws -> [(form: String, set: PhotoSet)] {
    let disk = TemporaryFolder()
    for number in labels.indices { disk.write("\(number).jpg", photo) }
    var sets: [(String, PhotoSet)] = []
    func add(_ form: String, _ path: String) throws {
      sets.append((form, try PhotoSet(path: path)))
    }
    func lines(_ line: (Int, String) -> String) -> String {
      labels.enumerated().map(line).joined(separator: "\n") + "\n"
    }
    try add("list", disk.write("list.txt", lines { "\($0).jpg\t\($1)" }))
    try add("csv list", disk.write("list.csv", "path,label\n" + lines { "\($0).jpg,\($1)" }))
    try add("csv", disk.write("metadata.csv", "file_name,label\n" + lines { "\($0).jpg,\($1)" }))
    try add(
      "jsonl",
      disk.write(
        "metadata.jsonl", lines { "{\"file_name\": \"\($0).jpg\", \"label\": \"\($1)\"}" }))
    for (ending, text) in [("cls", "%"), ("json", "{\"label\": \"%\"}"), ("txt", "%\n")] {
      try add(
        ending,
        Tar.write(
          labels.enumerated().flatMap {
            [
              ("\($0).jpg", photo),
              ("\($0).\(ending)", Array(text.replacingOccurrences(of: "%", with: $1).utf8)),
            ]
          }, to: disk, ending + ".tar"))
    }
    try add(
      "lmdb",
      disk.write(
        "x.lmdb",
        LMDBWriter.file(
          labels.enumerated().map { ("\($0)", message(photo, label: Array($1.utf8))) })))
    return sets
  }

  /// MessagePack of (image, label) with a label of text.
  private static func message(_ image: [UInt8], label: [UInt8]) -> [UInt8] {
    [0x92, 0xC6] + withUnsafeBytes(of: UInt32(image.count).bigEndian) { Array($0) } + image
      + [0xD9, UInt8(label.count)] + label
  }

  private static func bytes(_ names: [String]) -> Set<[UInt8]> { Set(names.map { Array($0.utf8) }) }

  @Test func labelsThatOnlyLookAlikeAreApartAndWarnedOfInEveryForm() throws {
    for labels in [
      [Self.composed, Self.decomposed, "bob"], ["Ann", "ann", "bob"], ["c", "\u{A0}c", "bob"],
    ] {
      for (form, set) in try Self.everywhere(labels) {
        #expect(Self.bytes(set.index.people) == Self.bytes(labels), "\(form) \(labels)")
        let near = set.notes.warnings.filter { $0.contains("2 people have names that differ") }
        #expect(near.count == 1, "\(form) \(labels) \(set.notes.warnings)")
      }
      let disk = TemporaryFolder()
      for label in labels { disk.write("\(label)/1.jpg", Self.photo) }
      let folder = try PhotoSet(path: disk.path)
      #expect(Self.bytes(folder.index.people) == Self.bytes(labels))
      #expect(folder.notes.warnings.count { $0.contains("2 people have names that differ") } == 1)
    }
  }

  @Test func whiteSpaceAroundAWrittenLabelIsNoPartOfIt() throws {
    for (form, set) in try Self.everywhere(["ann", " ann ", "bob  x"]) {
      #expect(set.index.people == ["ann", "bob  x"], "\(form)")
      #expect(set.notes.warnings.allSatisfy { !$0.contains("names that differ") }, "\(form)")
    }
    // A folder's name is its bytes.
    let disk = TemporaryFolder()
    for name in ["c", " c", "d"] { disk.write("\(name)/1.jpg", Self.photo) }
    let folder = try PhotoSet(path: disk.path)
    #expect(folder.index.people == [" c", "c", "d"])
    #expect(folder.notes.warnings.contains { $0.contains("' c' and 'c'") })
  }

  /// Numbers that are not written out, as `.cls` of eight bytes have them.
  @Test func labelsWithControlCharactersAreRefused() throws {
    let disk = TemporaryFolder()
    for number in [7, 9, 10, 13, 300] as [Int64] {
      let path = Tar.write(
        [
          ("a.jpg", Self.photo), ("a.cls", withUnsafeBytes(of: number.littleEndian) { Array($0) }),
        ], to: disk, "x.tar")
      let error = #expect(throws: DatasetError.self) { try PhotoSet(path: path) }
      #expect("\(error!)".contains("a label with control characters (bytes"), "\(error!)")
      #expect("\(error!)".contains("beside a.jpg"))
    }
    for label in ["a\u{7F}", "a\u{85}b", "\u{1}"] {
      disk.write("1.jpg", Self.photo)
      let list = disk.write("list.txt", "1.jpg\t\(label)\n")
      let error = #expect(throws: DatasetError.self) { try PhotoSet(path: list) }
      #expect("\(error!)".contains("line 1: has a label with control characters"), "\(error!)")
      let base = disk.write(
        "x.lmdb", LMDBWriter.file([("0", Self.message(Self.photo, label: Array(label.utf8)))]))
      #expect(throws: DatasetError.self) { try PhotoSet(path: base) }
    }
  }

  @Test func tarsSayWhoIsOnAPhotoInEveryUsualWay() throws {
    let disk = TemporaryFolder()
    func open(_ members: [(String, String)]) throws -> PhotoSet {
      try PhotoSet(
        path: Tar.write(
          members.map { ($0.0, $0.1 == "photo" ? Self.photo : Array($0.1.utf8)) }, to: disk,
          "x.tar"))
    }
    for (ending, ann, bob) in [
      ("json", "{\"name\": \"ann\", \"size\": 3}", "{\"name\": \"bob\", \"size\": 3}"),
      ("json", "\"ann\"", " \"bob\"\n"), ("txt", "ann\n", "bob"),
      ("json", "{\"person_id\": \"ann\"}", "{\"person_id\": \"bob\"}"),
    ] {
      let set = try open([
        ("1.jpg", "photo"), ("1.\(ending)", ann), ("2.jpg", "photo"), ("2.\(ending)", bob),
      ])
      #expect(set.index.people == ["ann", "bob"], "\(ann)")
    }
    let numbers = try open([
      ("1.jpg", "photo"), ("1.json", "5"), ("2.jpg", "photo"), ("2.json", "12\n"),
    ])
    #expect(numbers.labels == [5, 12])
    // A caption beside a label is no label; what a stray object says decides nothing.
    let both = try open([
      ("a.json", "{\"name\": \"data set\"}"), ("1.jpg", "photo"), ("1.cls", "3"),
      ("1.txt", "a man"), ("2.jpg", "photo"), ("2.json", "{\"label\": 4}"),
      ("2.txt", "a man\nin a hat"),
    ])
    #expect(both.labels == [3, 4])
    #expect(both.notes.passedOver.groups.map(\.kind) == [".txt"])
    #expect(both.notes.remarks == ["labels are what each .json calls 'label'"])
    let several = try open([
      ("1.jpg", "photo"), ("1.json", "{\"label\": 0, \"identity\": \"ann\"}"), ("2.jpg", "photo"),
      ("2.json", "{\"label\": 1, \"identity\": \"bob\"}"),
    ])
    #expect(several.notes.warnings.contains { $0.contains("'label' of each .json is taken") })
  }

  @Test func aFewPhotosWithoutALabelAreLeftOutAndCounted() throws {
    let disk = TemporaryFolder()
    func members(_ labelled: Int, _ others: Int) -> [(name: String, bytes: [UInt8])] {
      (0..<labelled).flatMap {
        [("\($0).jpg", Self.photo), ("\($0).cls", Array("\($0 % 5)".utf8))]
      }
        + (0..<others).map { ("x\($0).jpg", Self.photo) }
    }
    let set = try PhotoSet(path: Tar.write(members(38, 2), to: disk, "few.tar"))
    #expect(set.index.photos.count == 38)
    #expect(
      set.notes.warnings == [
        "2 of 40 photos have no label beside them and are left out, such as x0.jpg (up to one in "
          + "twenty)"
      ])
    #expect(set.notes.passedOver.groups.map(\.kind) == ["photo without a label"])
    let error = #expect(throws: DatasetError.self) {
      try PhotoSet(path: Tar.write(members(37, 2), to: disk, "many.tar"))
    }
    #expect("\(error!)".contains("so it is with 2 of 39 photos"), "\(error!)")
  }

  /// What Vec2Face's prepare_training_set.py writes: MessagePack of (image, feature, label).
  @Test func featuresBetweenImageAndLabelArePassedOver() throws {
    let disk = TemporaryFolder()
    func length(_ count: Int) -> [UInt8] { [UInt8(count >> 8), UInt8(count & 255)] }
    func value(_ label: [UInt8], feature: Int) -> [UInt8] {
      [0x93, 0xC5] + length(Self.photo.count) + Self.photo
        + (feature < 256 ? [0xC4, UInt8(feature)] : [0xC5] + length(feature))
        + [UInt8](repeating: 1, count: feature) + label
    }
    let path = disk.write(
      "x.lmdb",
      LMDBWriter.file([
        ("0", value([7], feature: 2176)), ("1", value([0xCD, 1, 44], feature: 20)),
        ("2", value([7], feature: 0)), ("__len__", [3]), ("__classnum__", [2]),
      ]))
    let set = try PhotoSet(path: path)
    #expect(set.labels == [7, 300] && set.index.photos.map(\.person) == [0, 1, 0])
    #expect(try PackTests.contents(set) == [Self.photo, Self.photo, Self.photo])
    #expect(set.notes.warnings.isEmpty)
    let cut = disk.write("x.lmdb", LMDBWriter.file([("0", [0x93, 0xC4, 1, 7, 0xC5, 9, 9, 1])]))
    #expect(throws: DatasetError.self) { try PhotoSet(path: cut) }
  }

  @Test func labelsInPicklesThatAreNoneAreRefusedByName() throws {
    let disk = TemporaryFolder()
    // pickle.dumps((image, 0.5), 4) and (image, None): a float, and Python's None.
    let body: [UInt8] = [0x43, UInt8(4), 0xFF, 0xD8, 0xFF, 0xD9, 0x94]
    for (label, word) in [
      ([0x47, 0x3F, 0xE0, 0, 0, 0, 0, 0, 0], "0.5, no whole number"), ([0x4E], "None"),
      ([0x88], "True or False"), ([0x5D, 0x94], "a list"),
    ] as [([UInt8], String)] {
      let path = disk.write(
        "x.lmdb", LMDBWriter.file([("0", [0x80, 4] + body + label + [0x86, 0x94, 0x2E])]))
      let error = #expect(throws: DatasetError.self) { try PhotoSet(path: path) }
      #expect("\(error!)".contains(word) && "\(error!)".contains("under the key '0'"), "\(error!)")
    }
  }
}
