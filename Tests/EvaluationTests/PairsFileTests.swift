import Evaluation
import Testing

@Suite struct PairsFileTests {
  private let view2 = """
    2\t2
    Ann\t1\t2
    Ann\t1\t3
    Ann\t1\tBob\t4
    Bob\t12\tCy\t1
    Di\t1\t2
    Di\t1\t12345
    Di\t2\tEd\t1
    Di\t1\tEd\t2

    """

  @Test func readsFoldsKindsAndPaths() throws {
    let file = try PairsFile(parsing: view2, file: "pairs.txt")
    #expect(file.foldCount == 2)
    #expect(file.entries.map(\.fold) == [0, 0, 0, 0, 1, 1, 1, 1])
    #expect(file.entries.map(\.isSame) == [true, true, false, false, true, true, false, false])
    #expect(file.entries[3].first == "Bob/Bob_0012.jpg")
    #expect(file.entries[3].second == "Cy/Cy_0001.jpg")
    #expect(file.entries[5].second == "Di/Di_12345.jpg")
    #expect(file.entries.map(\.line) == Array(2...9))
  }

  @Test func cutsASingleSetIntoTenInterleavedFolds() throws {
    let same = (1...20).map { "P\($0)\t1\t2\n" }.joined()
    let different = (1...20).map { "P\($0)\t1\tQ\t\($0)\n" }.joined()
    let file = try PairsFile(parsing: "20\n" + same + different, file: "pairsDevTest.txt")
    #expect(file.foldCount == 10)
    for fold in 0..<10 {
      let mine = file.entries.filter { $0.fold == fold }
      #expect(mine.filter(\.isSame).count == 2)
      #expect(mine.count == 4)
    }
    #expect(file.entries[13].fold == 3)
    #expect(file.foldRule.contains("interleaved"))
  }

  @Test func readsWindowsLineEndingsAndSpaces() throws {
    let windows = view2.split(separator: "\n").joined(separator: "\r\n") + "\r\n\r\n"
    #expect(try PairsFile(parsing: windows, file: "p").entries.count == 8)
    let spaces = view2.split(separator: "\t").joined(separator: " ")
    let plain = try PairsFile(parsing: view2, file: "p")
    #expect(try PairsFile(parsing: spaces, file: "p").entries == plain.entries)
  }

  @Test(arguments: [
    ("", 1, "empty"),
    ("ten\t300\n", 1, "neither"),
    ("0\n", 1, "neither"),
    ("1\nA\t1\t2\n", 3, "promises 2 pairs"),
    ("1\nA\t1\t2\nA\t1\tB\t1\nC\t1\tB\t1\n", 4, "promises 2 pairs"),
    ("1\nA\t1\tB\t2\nA\t1\tB\t1\n", 1, "has 0 and 2"),
    ("1\nA\t1\t2\nA\t1\t3\n", 1, "has 2 and 0"),
    ("1\nA\t1\t2\nA\n", 3, "nor four"),
    ("1\nA\t1\tx\nA\t1\tB\t1\n", 2, "not the number"),
    ("1\nA\t1\t2\nA\t1\tB\t-1\n", 3, "not the number"),
    ("1\nA\t1\t2\nA\t1\tA\t2\n", 3, "twice"),
  ]) func namesTheBadLine(text: String, line: Int, problem: String) {
    let error = #expect(throws: PairsFileError.self) {
      try PairsFile(parsing: text, file: "bad.txt")
    }
    #expect(error?.line == line)
    #expect(error?.problem.contains(problem) == true, "\(String(describing: error))")
    #expect(error?.description.hasPrefix("bad.txt:\(line): ") == true)
  }

  @Test func missingPhotosAreSkippedAndNamed() throws {
    let file = try PairsFile(parsing: view2, file: "pairs.txt")
    let photos = [
      "Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", "deep/Ann/Ann_0003.jpg", "Bob/Bob_0004.jpg",
      "Di/Di_0001.jpg", "Di/Di_0002.jpg", "Ed/Ed_0001.jpg", "a/Ed/Ed_0002.jpg",
      "b/Ed/Ed_0002.jpg",
    ]
    let pairs = file.resolved(against: photos)
    #expect(pairs.pairs.map(\.first) == [0, 0, 0, 4, 5])
    #expect(pairs.pairs.map(\.second) == [1, 2, 3, 5, 6])
    #expect(pairs.pairs.map(\.fold) == [0, 0, 0, 1, 1])
    #expect(pairs.skipped.map(\.line) == [5, 7, 9])
    #expect(pairs.skipped[0].missingPhotos == ["Bob/Bob_0012.jpg", "Cy/Cy_0001.jpg"])
    // Two photos end in the same two components: the name does not say which.
    #expect(pairs.skipped[2].missingPhotos == [])
    #expect(
      pairs.skipped[2].description
        == "line 9: 2 photos are called Ed/Ed_0002.jpg: a/Ed/Ed_0002.jpg, b/Ed/Ed_0002.jpg")
    #expect(pairs.photoIndices == [0, 1, 2, 3, 4, 5, 6])
  }

  @Test func renumberingKeepsThePairs() throws {
    let file = try PairsFile(parsing: "1\nA\t1\t2\nA\t1\tB\t1\n", file: "p")
    let pairs = file.resolved(
      against: ["z.jpg", "A/A_0002.jpg", "A/A_0001.jpg", "y.jpg", "B/B_0001.jpg"])
    let renumbered = pairs.renumbered()
    #expect(renumbered.pairs.map(\.first) == [1, 1])
    #expect(renumbered.pairs.map(\.second) == [0, 2])
    #expect(renumbered.pairs.map(\.isSame) == [true, false])
  }
}
