import Foundation
import Interchange
import Testing

/// Texts as editors, spreadsheets and scripts leave them.
@Suite struct TextReadingTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

  @Test(arguments: ["a\nb c\n\nd", "a\r\nb c\r\n\r\nd\r\n", "a\rb c\r\rd"])
  func linesEndAsOnEverySystem(text: String) throws {
    for start in [[], mark] {
      let path = try folder.write(start + Array(text.utf8), "t")
      #expect(try TextFile.lines(of: path) == ["a", "b c", "", "d"])
      #expect(try TextFile.read(path) == text)
    }
  }

  @Test(
    arguments: [
      ([0xFF, 0xFE, 0x61, 0, 0x0A, 0], "UTF-16"), ([0xFE, 0xFF, 0, 0x61, 0, 0x0A], "UTF-16"),
      ([0x61, 0, 0x62, 0, 0x0A, 0], "UTF-16"), ([0x1F, 0x8B, 8, 0], "gunzip"),
      ([0x50, 0x4B, 3, 4, 20], "unzip"), ([0x28, 0xB5, 0x2F, 0xFD], "unzstd"),
      ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "unxz"), ([0xFF, 0xD8, 0xFF, 0xE0], "JPEG photo"),
      (Array("BZh91AY&SY".utf8), "bunzip2"), (Array("PAR1".utf8) + [0x15, 4], "Parquet"),
    ] as [([UInt8], String)])
  func whatIsNoTextIsCalledByItsName(bytes: [UInt8], word: String) throws {
    let path = try folder.write(bytes, "t")
    for read in [{ _ = try TextFile.lines(of: path) }, { _ = try TextFile.read(path) }] {
      let error = #expect(throws: InterchangeError.self) { try read() }
      #expect("\(error!)".contains(word) && "\(error!)".contains(path), "\(error!)")
    }
  }

  /// Names that begin as archives do.
  @Test func textsAreNotTakenForArchives() throws {
    for text in [
      "BZhang/1.jpg 3\n", "PAR1/1.jpg 3\n", "PK/1.jpg 3\n", "Rar!/1.jpg\n", "1 2\n", "a",
    ] {
      #expect(try TextFile.read(try folder.write(Array(text.utf8), "t")) == text)
    }
  }

  @Test func bytesThatAreNoUTF8AreNamedByTheirLine() throws {
    let path = try folder.write(Array("a\nb\n".utf8) + [0x4A, 0xF3, 0x0A], "t")
    for read in [{ _ = try TextFile.lines(of: path) }, { _ = try TextFile.read(path) }] {
      let error = #expect(throws: InterchangeError.self) { try read() }
      #expect("\(error!)".contains("line 3: is not UTF-8 text"), "\(error!)")
    }
  }

  private func table(_ text: String) throws -> CSVTable {
    try CSVTable(path: folder.write(Array(text.utf8), "t.csv"))
  }

  /// A pipe that nobody writes to would be waited for until somebody does.
  @Test(.timeLimit(.minutes(1))) func aPipeIsNoFile() throws {
    let path = try folder.write([], "pipe")
    #expect(unlink(path) == 0 && mkfifo(path, 0o600) == 0)
    for read in [
      { _ = try TextFile.read(path) }, { _ = try TensorFiles.open(path) },
      { _ = try VerificationBin(path: path) },
    ] {
      let error = try #require(#expect(throws: InterchangeError.self) { try read() })
      #expect("\(error)".contains("not a regular file"), "\(error)")
    }
  }

  /// A label, a quality or a row's number is no number of an embedding.
  @Test(arguments: [
    ("path,label,e0,e1\na,7,1.5,-2\nb,8,3,4\n", ["label"]),
    ("name,0,1,label\na,1.5,-2,x\nb,3,4,y\n", ["label"]),
    (",path,emb_0,emb_1,conf\n0,a,1.5,-2,0.9\n1,b,3,4,0.8\n", ["", "conf"]),
    ("image,id,f1,f2\na,1,1.5,-2\nb,1,3,4\n", ["id"]),
  ])
  func columnsThatAreNoNumbersOfAnEmbeddingArePassedOver(
    text: String, passedOver: [String]
  ) throws {
    let table = try table(text)
    #expect(table.names == ["a", "b"] && table.columns == 2 && table.values == [1.5, -2, 3, 4])
    #expect(table.passedOver == passedOver)
  }

  @Test(arguments: [
    ("e0,e1\n1.5,-2\n", "begins with 'e0', one of the numbers"),
    ("0,1,2\n1.5,-2,3\n", "begins with '0', one of the numbers"),
    ("name,label,x,y\na,1,1.5,-2\n", "has a column 'label'"),
  ])
  func tablesThatDoNotTellNumbersFromOtherColumnsAreRefused(text: String, reason: String) throws {
    let error = try #require(#expect(throws: InterchangeError.self) { try table(text) })
    #expect("\(error)".contains(reason), "\(error)")
  }

  @Test(arguments: [
    "name,0,1\na,1.5,-2\nb,3,4\n", "\u{FEFF}name,0,1\r\na,1.5,-2\r\nb,3,4",
    ",0,1\ra,1.5,-2\rb,3,4\r",
    "name;0;1\na;1.5;-2\nb;3;4\n", "name\tx\ty\na\t1.5\t-2\nb\t3\t4\n",
    "id, 1, 2\na, 1.5, -2\nb, 3, 4\n",
    "photo,dim_0,dim_1\na,1.5,-2\nb,3,4\n",
  ])
  func tablesOfOtherProgramsAreRead(text: String) throws {
    let table = try table(text)
    #expect(table.names == ["a", "b"] && table.columns == 2 && table.values == [1.5, -2, 3, 4])
    #expect(table.passedOver.isEmpty)
  }

  @Test(
    "A first line of numbers is a photo, not a header",
    arguments: [
      "a,1.5,-2\nb,3,4\n", "a,0,2\nb,3,4\n", "a,2,3\nb,3,4\n", "0.5,1.5,-2\n1,3,4\n",
      "a,nan,1\nb,1,2\n",
    ])
  func aTableWithoutHeaderIsAnError(text: String) throws {
    let error = #expect(throws: InterchangeError.self) { try table(text) }
    #expect("\(error!)".contains("line 1: holds numbers"), "\(error!)")
  }

  @Test func errorsNameTheLineInTheFile() throws {
    let error = #expect(throws: InterchangeError.self) {
      try table("name,0\n\"a\nb\",1\nc,x\n")
    }
    #expect("\(error!)".contains("line 4: 'x' is no number"), "\(error!)")
  }

  @Test func objectsOfJSONGiveNumbersAsTheyStand() throws {
    let long = "[" + Array(repeating: "0.1", count: 5000).joined(separator: ",") + "]"
    let text =
      #"{"a": 3.0, "b": 10000000000000000000000000, "c": "1e2", "d": -0.5, "e": NaN, "f": null, "#
      + #""g": {"h": [1, {"i": "]}"}]}, "j": "# + long + #", "k": 1e2, "l": true, "m": 7}"#
    let fields = try #require(JSONFields(Array(text.utf8)))
    #expect(fields["a"] == "3.0" && fields["b"] == "10000000000000000000000000")
    #expect(fields["c"] == "1e2" && fields["d"] == "-0.5" && fields["k"] == "1e2")
    #expect(fields["m"] == "7")
    for name in ["e", "f", "g", "j", "l"] { #expect(fields[name] == nil, "\(name)") }
  }

  @Test(arguments: [
    "", "[1]", "{\"a\": [1}", "{\"a\": [1]", "{\"a\": [\"}]}", "{\"a\": [x]}", "{\"a\" 1}", "{} 1",
    "{\"a\": 0x10 1}",
  ])
  func brokenObjectsAreNone(text: String) {
    #expect(JSONFields(Array(text.utf8)) == nil)
  }
}
