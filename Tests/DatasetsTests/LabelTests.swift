import Datasets
import Foundation
import Testing

/// Who is on a photo is a text, in every format that says it.
@Suite struct LabelTests {
  /// Short hexadecimal ids, which read as numbers would be fewer.
  private static let ids = [
    "0e17", "00e4", "0000", "3e02", "0300", "300", "1e03", "1000", "0007", "7", "0x12", "18", "nan",
    "inf", "+3", "-0", "1_000", "3.50", "3.5", ".5", "5.", "٣", "1e2", "100",
  ]

  private func people(_ set: PhotoSet) -> [String: Set<String>] {
    Dictionary(grouping: set.index.photos) { set.index.people[$0.person] }
      .mapValues { Set($0.map(\.path)) }
  }

  /// One photo a label, all in one folder.
  private func expectDistinct(
    _ labels: [String], sourceLocation: SourceLocation = #_sourceLocation,
    _ write: (TemporaryFolder, [(photo: String, label: String)]) -> String
  ) throws {
    let disk = TemporaryFolder()
    let photos = labels.indices.map { "\($0).jpg" }
    for photo in photos { disk.write(photo, Pictures.jpeg(8, 8)) }
    let set = try PhotoSet(path: write(disk, Array(zip(photos, labels))))
    #expect(set.index.people.count == labels.count, sourceLocation: sourceLocation)
    #expect(Set(set.index.people) == Set(labels), sourceLocation: sourceLocation)
    #expect(set.labels == nil, sourceLocation: sourceLocation)
  }

  @Test func idsThatLookLikeNumbersAreTexts() throws {
    try expectDistinct(Self.ids) { disk, rows in
      disk.write(
        "metadata.csv", "file_name,identity\n" + rows.map { "\($0),\($1)\n" }.joined())
      return disk.path
    }
    try expectDistinct(Self.ids) { disk, rows in
      disk.write(
        "metadata.jsonl",
        rows.map { "{\"file_name\": \"\($0)\", \"label\": \"\($1)\"}\n" }.joined())
      return disk.path
    }
    try expectDistinct(Self.ids) { disk, rows in
      disk.write("list.txt", rows.map { "\($0) \($1)\n" }.joined())
    }
    try expectDistinct(Self.ids) { disk, rows in
      Tar.write(
        rows.flatMap {
          [($0.photo, Pictures.jpeg(8, 8)), ($0.photo.stem + ".cls", Array($0.label.utf8))]
        },
        to: disk, "ids.tar")
    }
    try expectDistinct(Self.ids) { disk, rows in
      Tar.write(
        rows.flatMap {
          [
            ($0.photo, Pictures.jpeg(8, 8)),
            ($0.photo.stem + ".json", Array("{\"identity\": \"\($0.label)\"}".utf8)),
          ]
        }, to: disk, "ids.tar")
    }
  }

  /// Whole numbers of which some have leading zeros, and nothing else that is a text.
  @Test func leadingZerosTellPeopleApart() throws {
    let labels = ["007", "7", "07", "0", "00"]
    try expectDistinct(labels) { disk, rows in
      disk.write("metadata.csv", "file_name,label\n" + rows.map { "\($0),\($1)\n" }.joined())
      return disk.path
    }
    try expectDistinct(labels) { disk, rows in
      disk.write(
        "metadata.jsonl",
        rows.map { "{\"file_name\": \"\($0)\", \"label\": \"\($1)\"}\n" }.joined())
      return disk.path
    }
    try expectDistinct(labels) { disk, rows in
      disk.write("list.txt", rows.map { "\($0) \($1)\n" }.joined())
    }
    try expectDistinct(labels) { disk, rows in
      disk.write("list.csv", rows.map { "\($0),\($1)\n" }.joined())
    }
    try expectDistinct(labels) { disk, rows in
      Tar.write(
        rows.flatMap {
          [($0.photo, Pictures.jpeg(8, 8)), ($0.photo.stem + ".cls", Array($0.label.utf8))]
        }, to: disk, "zeros.tar")
    }
    try expectDistinct(labels) { disk, rows in
      Tar.write(
        rows.flatMap {
          [
            ($0.photo, Pictures.jpeg(8, 8)),
            ($0.photo.stem + ".json", Array("{\"label\": \"\($0.label)\"}".utf8)),
          ]
        }, to: disk, "zeros.tar")
    }
  }

  /// Pairs of spellings of one whole number, in every format.
  @Test func wholeNumbersOfFloatColumnsAreOnePerson() throws {
    let labels = ["3", "3.0", "3.000000", "0", "0.0", "12", "12.00"]
    let expected = [
      "0": Set(["3.jpg", "4.jpg"]), "3": ["0.jpg", "1.jpg", "2.jpg"], "12": ["5.jpg", "6.jpg"],
    ]
    let disk = TemporaryFolder()
    for photo in labels.indices { disk.write("\(photo).jpg", Pictures.jpeg(8, 8)) }
    disk.write("list.txt", labels.enumerated().map { "\($0).jpg \($1)\n" }.joined())
    disk.write("t.lst", labels.enumerated().map { "\($0)\t\($1)\t\($0).jpg\n" }.joined())
    Tar.write(
      labels.enumerated().flatMap {
        [("\($0).jpg", Pictures.jpeg(8, 8)), ("\($0).cls", Array("\($1)\n".utf8))]
      }, to: disk, "cls.tar")
    Tar.write(
      labels.enumerated().flatMap {
        [("\($0).jpg", Pictures.jpeg(8, 8)), ("\($0).json", Array("{\"label\": \($1)}".utf8))]
      }, to: disk, "json.tar")
    for name in ["list.txt", "t.lst", "cls.tar", "json.tar"] {
      let set = try PhotoSet(path: disk.path + "/" + name)
      #expect(people(set) == expected, "\(name)")
      #expect(set.labels == [0, 3, 12] && set.index.people == ["0", "3", "12"], "\(name)")
    }
    // Beside shards a folder's metadata would not be looked at.
    for name in ["cls.tar", "json.tar"] {
      try FileManager.default.removeItem(atPath: disk.path + "/" + name)
    }
    for (name, text) in [
      (
        "metadata.csv",
        "file_name,label\n" + labels.enumerated().map { "\($0).jpg,\($1)\n" }.joined()
      ),
      (
        "metadata.jsonl",
        labels.enumerated().map { "{\"file_name\": \"\($0).jpg\", \"label\": \($1)}\n" }.joined()
      ),
    ] {
      let file = disk.write(name, text)
      #expect(people(try PhotoSet(path: disk.path)) == expected, "\(name)")
      try FileManager.default.removeItem(atPath: file)
    }
  }

  /// What no integer holds is ordered by bytes and stays apart.
  @Test func hugeNumbersStayApart() throws {
    let disk = TemporaryFolder()
    let labels = ["10000000000000000000000000", "10000000000000000000000001", "3"]
    for photo in labels.indices { disk.write("\(photo).jpg", Pictures.jpeg(8, 8)) }
    let list = disk.write("list.txt", labels.enumerated().map { "\($0).jpg \($1)\n" }.joined())
    #expect(try PhotoSet(path: list).index.people == labels)
  }

  @Test func oneColumnDecidesForAllLines() throws {
    let disk = TemporaryFolder()
    for photo in 0..<2 { disk.write("\(photo).jpg", Pictures.jpeg(8, 8)) }
    disk.write(
      "metadata.jsonl",
      "{\"file_name\": \"0.jpg\", \"label\": 1}\n"
        + "{\"file_name\": \"1.jpg\", \"label\": null, \"person\": \"bob\"}\n")
    let error = #expect(throws: DatasetError.self) { try PhotoSet(path: disk.path) }
    #expect("\(error!)".contains("line 2: has no label"), "\(error!)")
  }

  @Test func headersOfMetadataMayHaveCapitalsAndSpaces() throws {
    let disk = TemporaryFolder()
    for photo in 0..<2 { disk.write("\(photo).jpg", Pictures.jpeg(8, 8)) }
    for text in [
      "File_Name,Label\n0.jpg,ann\n1.jpg,bob\n", "file_name, label\r0.jpg, ann\r1.jpg, bob\r",
      "\u{FEFF}file_name;label\r\n0.jpg;ann\r\n1.jpg;bob\r\n",
    ] {
      disk.write("metadata.csv", text)
      #expect(try PhotoSet(path: disk.path).index.people == ["ann", "bob"], "\(text)")
    }
    disk.write("metadata.csv", "file_name,note,label\n0.jpg,\"a\nb\",ann\n1.jpg,x,\n")
    let error = #expect(throws: DatasetError.self) { try PhotoSet(path: disk.path) }
    #expect("\(error!)".contains("line 4: has an empty label"), "\(error!)")
  }
}

extension String {
  /// Without what stands behind the last dot.
  var stem: String { lastIndex(of: ".").map { String(self[..<$0]) } ?? self }
}
