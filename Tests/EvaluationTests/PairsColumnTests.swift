import Evaluation
import Testing

/// Which columns of a list of pairs are taken, and which folds.
@Suite struct PairsColumnTests {
  private func parse(_ lines: [String]) throws -> PairsFile {
    try PairsFile(parsing: lines.joined(separator: "\n") + "\n", file: "p")
  }

  private func complaint(_ lines: [String]) throws -> String {
    "\(try #require(#expect(throws: PairsFileError.self) { try parse(lines) }))"
  }

  @Test(arguments: ["fold", "fold_id", "Fold"])
  func aColumnOfFoldsIsRead(title: String) throws {
    let rows = (0..<12).map { "\(10 - $0 / 4),a/\($0).jpg,b/\($0).jpg,\($0 % 2)" }
    let file = try parse(["\(title),path1,path2,issame"] + rows)
    #expect(file.foldCount == 3 && file.foldRule == "the 3 folds of the column '\(title)'")
    #expect(file.entries.map(\.fold) == (0..<12).map { 2 - $0 / 4 }, "by number")
    let named = try parse(
      ["path1,path2,same,fold"] + (0..<8).map { "a/\($0).jpg,b/1.jpg,1,\($0 % 2 == 0 ? "x" : "b")" }
    )
    #expect(named.entries.map(\.fold) == (0..<8).map { $0 % 2 })
  }

  /// Some scripts write the fold first, or last, without titles.
  @Test(arguments: [(0, true), (1, true), (0, false)])
  func foldsWithoutATitleAreRead(first: Int, isInFront: Bool) throws {
    func rows(_ fold: (Int) -> Int) -> [String] {
      (0..<12).map { row in
        let pair = "a/\(row).jpg b/\(row).jpg \(row % 2)"
        return isInFront ? "\(fold(row)) \(pair)" : "\(pair) \(fold(row))"
      }
    }
    let file = try parse(rows { first + $0 / 4 })
    #expect(file.entries.map(\.fold) == (0..<12).map { $0 / 4 })
    #expect(file.entries.map(\.isSame) == (0..<12).map { $0 % 2 == 1 })
    #expect(file.foldRule == "the 3 folds of the column \(isInFront ? 1 : 4)")
    // Numbers of lines, of folds of other sizes, and from 5 on, are no folds.
    for other in [{ $0 }, { first + min($0 / 3, 2) }, { 5 + $0 / 4 }] as [(Int) -> Int] {
      #expect(try parse(rows(other)).foldRule.contains("interleaved"))
    }
  }

  @Test func foldsOfOnePairAreAnError() throws {
    let rows = (0..<8).map { "\($0),a/\($0).jpg,b/\($0).jpg,\($0 % 2)" }
    #expect(
      try complaint(["fold,path1,path2,same"] + rows).contains(
        "the column 'fold' says 8 folds of 8 pairs"))
  }

  /// Lists often have a pair of one person and one of two in turns.
  @Test func linesInTurnsAreNoFolds() throws {
    let inTurns = try parse((0..<60).map { "a/\($0).jpg b/\($0).jpg \(1 - $0 % 2)" })
    #expect(inTurns.foldCount == 10 && inTurns.foldRule.contains("interleaved"))
    let byTwos = try parse((0..<804).map { "a/\($0).jpg b/\($0).jpg \(1 - $0 / 2 % 2)" })
    #expect(byTwos.foldCount == 10)
    let tens = try parse((0..<80).map { "a/\($0).jpg b/\($0).jpg \(1 - $0 / 10 % 2)" })
    #expect(tens.foldCount == 4 && tens.foldRule.contains("10 pairs of each kind in turn"))
  }

  @Test func twoColumnsOfAnswersWithoutTitlesAreAnError() throws {
    let rows = [(0, 1), (1, 0), (1, 1)]
    for lines in [
      rows.map { "a/1.jpg b/\($0.0)\($0.1).jpg \($0.0) \($0.1)" },
      rows.map { "\($0.0) a/1.jpg b/\($0.0)\($0.1).jpg \($0.1)" },
    ] {
      #expect(try complaint(lines).contains("has two columns that may be the answer"))
    }
    // What another line shows to be no answer is none.
    let scores = ["1", "0.4", "0"]
    let file = try parse(zip(rows, scores).map { "a/1.jpg b/2.jpg \($1) \($0.1)" })
    #expect(file.entries.map(\.isSame) == [true, false, true])
    let indices = try parse((0..<2).map { "\($0) a/1.jpg b/2.jpg \(1 - $0)" })
    #expect(indices.entries.map(\.isSame) == [true, false])
  }

  @Test(arguments: ["different", "distance", "not_same", "score"])
  func aTitleThatIsNoAnswerIsNotTakenForOne(title: String) throws {
    let said = try complaint(["path1,path2,\(title)", "a/1.jpg,a/2.jpg,0"])
    #expect(said.contains("none for the answer ('\(title)' may say anything)"), "\(said)")
  }

  @Test func severalTitlesOfAnswersAreAnError() throws {
    let said = try complaint(["path1,path2,label1,label2", "a/1.jpg,a/2.jpg,0,0"])
    #expect(said.contains("'label1' and 'label2'"), "\(said)")
  }

  @Test func peopleBesideThePhotosAreNotTakenForPhotos() throws {
    let file = try parse(["path1,id1,path2,id2,label", "a/1.jpg,7,b/1.jpg,8,0"])
    #expect(file.entries.map(\.first) == ["a/1.jpg"] && file.entries.map(\.second) == ["b/1.jpg"])
    #expect(
      try complaint(["path1,id1,path2,id2", "a/1.jpg,7,b/1.jpg,8"]).contains(
        "none for the answer ('id1', 'id2' may say anything)"))
  }

  @Test func theFirstLineOfASpreadsheetIsNoPair() throws {
    let file = try parse(["sep=;", "path1;path2;same", "a/1.jpg;a/2.jpg;1"])
    #expect(file.entries.map(\.second) == ["a/2.jpg"] && file.entries[0].line == 3)
  }

  /// Embeddings may be named by the numbers of their rows.
  @Test func numbersBelowTitlesAreNames() throws {
    let file = try parse(["id1,id2,label", "0,18,1", "3,4,0"])
    #expect(file.entries.map(\.first) == ["0", "3"] && file.entries.map(\.second) == ["18", "4"])
    #expect(file.entries.map(\.isSame) == [true, false])
  }
}
