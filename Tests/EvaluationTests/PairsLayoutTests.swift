import Evaluation
import Interchange
import Testing

/// Lists of pairs as other programs write them.
@Suite struct PairsLayoutTests {
  /// Two folds of two pairs of one person and two of two people.
  private let lines = [
    "Ann\t1\t2", "Ann\t1\t3", "Ann\t1\tBob\t4", "Bob\t12\tCy\t1", "Di\t1\t2", "Di\t1\t3",
    "Di\t2\tEd\t1", "Di\t1\tEd\t2",
  ]
  private let paths = [
    ("Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg"), ("Ann/Ann_0001.jpg", "Ann/Ann_0003.jpg"),
    ("Ann/Ann_0001.jpg", "Bob/Bob_0004.jpg"), ("Bob/Bob_0012.jpg", "Cy/Cy_0001.jpg"),
    ("Di/Di_0001.jpg", "Di/Di_0002.jpg"), ("Di/Di_0001.jpg", "Di/Di_0003.jpg"),
    ("Di/Di_0002.jpg", "Ed/Ed_0001.jpg"), ("Di/Di_0001.jpg", "Ed/Ed_0002.jpg"),
  ]
  private let isSame = [true, true, false, false, true, true, false, false]
  private let folds = [0, 0, 0, 0, 1, 1, 1, 1]

  private func expectAll(
    _ file: PairsFile, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(file.entries.map(\.first) == paths.map(\.0), sourceLocation: sourceLocation)
    #expect(file.entries.map(\.second) == paths.map(\.1), sourceLocation: sourceLocation)
    #expect(file.entries.map(\.isSame) == isSame, sourceLocation: sourceLocation)
    #expect(file.entries.map(\.fold) == folds, sourceLocation: sourceLocation)
    #expect(file.foldCount == 2, sourceLocation: sourceLocation)
  }

  private func parse(_ lines: [String], end: String = "\n") throws -> PairsFile {
    try PairsFile(parsing: lines.joined(separator: end) + end, file: "p")
  }

  @Test func oneListInEveryLayout() throws {
    let pairs = zip(paths, isSame)
    expectAll(try parse(["2\t2"] + lines))
    // Without counts, with those of folds alone, with blank lines, as old Macs end them.
    expectAll(try parse(lines))
    expectAll(try parse(["2"] + lines))
    expectAll(try parse(["2\t2"] + lines[..<4] + ["", " \t"] + lines[4...] + [""]))
    expectAll(try parse(["2 2"] + lines.map { $0.replacing("\t", with: " ") }, end: "\r"))
    expectAll(try parse(pairs.map { "\($0.0) \($0.1) \($1 ? 1 : 0)" }))
    expectAll(try parse(pairs.map { "\($0.0)\t\($0.1)\t\($1 ? 1 : -1)" }))
    expectAll(try parse(pairs.map { "\($1 ? 1 : 0) \($0.0) \($0.1)" }))
    expectAll(
      try parse(["path1,path2,issame"] + pairs.map { "\($0.0), \($0.1), \($1 ? "True" : "False")" })
    )
    expectAll(
      try parse(pairs.flatMap { ["\($0.0) \($1 ? 1 : 0)", "\($0.1) \($1 ? 1 : 0)"] }))
    expectAll(
      try parse(["name,imagenum1,imagenum2"] + lines.map { $0.replacing("\t", with: ",") }))
    expectAll(
      try parse(["2\t2", "Ann\tAnn_0001.jpg\tAnn_0002.jpg"] + lines.dropFirst()))
  }

  /// Numbers as floats, words for the answers, columns that say nothing, quotes, remarks.
  @Test func tablesOfOtherProgramsAreRead() throws {
    let pairs = Array(zip(paths, isSame))
    func rows(
      _ separator: String, _ row: (Int, String, String, Bool) -> [String]
    ) -> [String] {
      pairs.enumerated().map { i, pair in
        row(i, pair.0.0, pair.0.1, pair.1).joined(separator: separator)
      }
    }
    for (yes, no) in [("1.0", "0.0"), ("+1", "-1"), ("yes", "no"), ("TRUE", "FALSE")] {
      expectAll(try parse(rows(" ") { [$1, $2, $3 ? yes : no] }))
    }
    expectAll(try parse(rows(";") { [$1, $2, $3 ? "1" : "0"] }))
    expectAll(try parse(rows(",") { [$1, $2, $3 ? "1" : "0", "\($0 % 3)"] }))
    expectAll(try parse(rows(" ") { [$1, $2, $3 ? "1" : "0", "0.53\($0)"] }))
    expectAll(try parse(rows(",") { ["\($0)", $1, $2, $3 ? "1" : "0"] }))
    expectAll(try parse(rows(",") { ["\"\($1)\"", "\"\($2)\"", $3 ? "1" : "0"] }))
    expectAll(try parse(["# a remark"] + rows(" ") { [$1, $2, $3 ? "1" : "0"] }))
    expectAll(try parse(rows(",") { [$1, $2, $3 ? "1" : "0", ""] }))
    expectAll(try parse(rows("\t") { [$1, "\($2) \($3 ? 1 : 0)"] }))
  }

  @Test(arguments: [
    "img1_path,img2_path,label", "image_a,image_b,is_match", "file_x,file_y,Decision",
    "filename1,filename2,same", "path1,path2,issame",
  ])
  func titlesOfColumnsAreKnown(titles: String) throws {
    let rows = zip(paths, isSame).map { "\($0.0),\($0.1),\($1 ? 1 : 0)" }
    expectAll(try parse([titles] + rows))
  }

  @Test func titlesSayWhichColumnIsWhat() throws {
    let rows = zip(paths, isSame).enumerated().map { i, pair in
      "\(i),\(pair.1 ? 1 : 0),\(pair.0.1),0.7,\(pair.0.0)"
    }
    let file = try parse([",label,img2,score,img1"] + rows)
    #expect(file.entries.map(\.first) == paths.map(\.1))
    #expect(file.entries.map(\.second) == paths.map(\.0))
    #expect(file.entries.map(\.isSame) == isSame)
  }

  @Test func linesInAnotherOrderKeepTheirKindAndBalancedFolds() throws {
    let file = try parse(["2\t2"] + lines.reversed())
    #expect(file.entries.count == 8 && file.entries.count(where: \.isSame) == 4)
    for fold in 0..<2 {
      let mine = file.entries.filter { $0.fold == fold }
      #expect(mine.count == 4 && mine.count(where: \.isSame) == 2)
    }
    #expect(file.entries.first { $0.first == "Ann/Ann_0001.jpg" }?.isSame == false)
    #expect(file.foldRule.contains("another order"))
  }

  @Test func listsWithoutStretchesAreInterleaved() throws {
    let same = (1...30).map { "a/\($0).jpg b/\($0).jpg 1" }
    let different = (1...20).map { "a/\($0).jpg c/\($0).jpg 0" }
    let file = try parse(same + different)
    #expect(file.foldCount == 10 && file.foldRule.contains("interleaved"))
    for fold in 0..<10 {
      let mine = file.entries.filter { $0.fold == fold }
      #expect(mine.count == 5 && mine.count(where: \.isSame) == 3)
    }
    #expect(try parse(Array(same.prefix(4))).entries.map(\.fold) == [0, 1, 2, 3])
  }

  @Test(arguments: [
    ("2\t2\nA\t1\t2\n", 3, "promises 8 pairs"),
    ("1\t2\nA\t1\t2\nA\t1\t3\nA\t1\t4\nA\t1\tB\t1\n", 1, "has 3 and 1"),
    ("a/1.jpg a/2.jpg 1\n1 a/1.jpg b/2.jpg\n", 2, "as the lines before it"),
    ("a/1.jpg 1\na/2.jpg 0\n", 2, "says otherwise"),
    ("a/1.jpg 1\na/2.jpg 1\nb/1.jpg 0\n", 3, "takes two"),
    ("a/1.jpg a/2.jpg 7\n", 1, "'7' is no answer"),
    ("a/1.jpg a/2.jpg\n", 1, "does not say whether"),
    ("path1,path2,label\n", 1, "names no pairs"),
    ("A\t0\t1\n", 1, "'0' is not the number"),
  ])
  func namesTheBadLine(text: String, line: Int, problem: String) {
    let error = #expect(throws: PairsFileError.self) {
      try PairsFile(parsing: text, file: "bad.txt")
    }
    #expect(error?.line == line, "\(String(describing: error))")
    #expect(error?.problem.contains(problem) == true, "\(String(describing: error))")
  }

  @Test func aPairOfAPhotoWithItselfIsLeftOutAndNamed() throws {
    let file = try parse(["1", "A\t2\t2", "A\t1\tB\t1"])
    let pairs = file.resolved(against: ["A/A_0001.png", "A/A_0002.png", "B/B_0001.png"])
    #expect(pairs.pairs.map(\.isSame) == [false])
    #expect(pairs.skipped.map(\.description) == ["line 2: compares A/A_0002.png with itself"])
  }

  @Test func pairsOfOneKindSayWhyThereIsNoAccuracy() throws {
    let embeddings = Embeddings([1, 0, 0, 1, 1, 1], dimension: 2)
    let file = try parse(["a/1.jpg a/2.jpg 1", "a/1.jpg a/3.jpg 1"])
    let pairs = file.resolved(against: ["a/1.jpg", "a/2.jpg", "a/3.jpg"])
    let result = EvaluationResult(embeddings: embeddings, pairs: pairs)
    #expect(result.verification == nil)
    #expect(
      result.warnings == [
        "no accuracy: all 2 pairs show one person, and it takes pairs of both kinds"
      ])
  }
}

/// A name of a list means one photo, or none.
@Suite struct PhotoLookupTests {
  private func find(_ name: String, in photos: [String]) -> PhotoLookup.Answer {
    var lookup = PhotoLookup(photos)
    return lookup.find(name)
  }

  @Test func theWholePathComesFirst() {
    let photos = ["x/a/1.jpg", "a/1.png", "a/1.jpg", "b/1.jpg"]
    #expect(find("a/1.jpg", in: photos) == .one(2))
    #expect(find("./a/1.jpg", in: photos) == .one(2))
    #expect(find("a/1.webp", in: photos) == .several([1, 2]))
    #expect(find("c/1.jpg", in: photos) == .none)
    #expect(find("b\\1.jpg", in: photos) == .one(3), "as Windows writes it")
  }

  @Test func endingsOfPhotosDoNotCount() {
    #expect(find("a/1.jpg", in: ["a/1.JPEG", "a/2.jpg"]) == .one(0))
    #expect(find("a/1", in: ["a/1.png"]) == .one(0))
    #expect(find("a/1.x.jpg", in: ["a/1.jpg", "a/1.x.png"]) == .one(1))
    // What is no ending belongs to the name.
    #expect(find("a/1.2", in: ["a/1.jpg"]) == .none)
  }

  @Test func componentsCountFromTheEndAndAtLeastTwo() {
    let photos = ["deep/ann/1.jpg", "deep/bob/1.jpg"]
    #expect(find("ann/1.jpg", in: photos) == .one(0))
    #expect(find("/data/lfw/deep/bob/1.jpg", in: photos) == .one(1))
    #expect(find("n/1.jpg", in: photos) == .none)
    #expect(find("other/ann/1.jpg", in: photos) == .none)
    // A folder's name must not be lost on a flat folder.
    #expect(find("ann/1.jpg", in: ["1.jpg"]) == .none)
    #expect(find("1.jpg", in: photos) == .several([0, 1]))
    #expect(find("7.jpg", in: ["ann/7.png", "bob/8.png"]) == .one(0))
  }

  @Test func aPathThatStandsTwiceMeansNobody() {
    #expect(find("a/1.jpg", in: ["a/1.jpg", "b/1.jpg", "a/1.jpg"]) == .several([0, 2]))
  }
}
