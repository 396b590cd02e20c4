import Evaluation
import Testing

/// Tables in which a name stands several times.
@Suite struct DistinctRowsTests {
  private func rows(_ values: [Float], _ names: [String]) -> DistinctRows {
    DistinctRows(Embeddings(values, dimension: 2), names: names)
  }

  @Test func rowsThatStandAgainCountOnce() {
    let found = rows([1, 2, 3, .nan, 1, 2, 5, 6, 3, .nan], ["a", "b", "a", "c", "b"])
    #expect(found.names == ["a", "b", "c"])
    #expect(found.embeddings.count == 3 && Array(found.embeddings.values[4...]) == [5, 6])
    #expect(
      found.notes == [
        "2 rows stand again with the same name and numbers, such as 'a', and count once"
      ])
  }

  @Test func otherNumbersOfOneNameAreSaidOnce() {
    let found = rows([1, 2, 3, 4, 1, 3, 7, 8, 1, 2], ["a", "b", "a", "a", "a"])
    #expect(found.names == ["a", "b", "a", "a"] && found.embeddings.count == 4)
    #expect(found.notes.count == 2)
    #expect(
      found.notes.last?.hasPrefix(
        "1 name stands several times with other numbers, such as 'a' in the rows 1 and 3") == true)
  }

  @Test func namesOfTheirOwnAreLeftAsTheyAre() {
    let found = rows([1, 2, 1, 2], ["a", "b"])
    #expect(found.names == ["a", "b"] && found.embeddings.values == [1, 2, 1, 2])
    #expect(found.notes.isEmpty)
  }

  /// A pair of a name that two rows have is left out, and the name is said once.
  @Test func aPairOfSuchANameSaysItOnce() throws {
    let file = try PairsFile(parsing: "x/a.jpg x/b.jpg 1\n", file: "p")
    let found = file.resolved(against: ["x/a.jpg", "x/b.jpg", "x/a.jpg"])
    #expect(found.skipped.map { "\($0)" } == ["line 1: 2 photos are called x/a.jpg"])
  }
}
