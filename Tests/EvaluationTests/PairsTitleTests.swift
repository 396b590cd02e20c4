import Evaluation
import Testing

/// First lines of lists of pairs that are titles, in words that are not known.
@Suite struct PairsTitleTests {
  private func complaint(_ text: String) -> String? {
    do {
      _ = try PairsFile(parsing: text, file: "p.csv")
      return nil
    } catch { return error.description }
  }

  @Test(arguments: ["p1,p2,issame2", "anchor,positive,negative"])
  func titlesThatAreNotKnownAreTaken(titles: String) throws {
    let found = try #require(complaint(titles + "\na/1.jpg,b/1.jpg,0\n"))
    #expect(
      found
        == "p.csv:1: '\(titles.replacing(",", with: " "))' is no pair; if these are titles, call the "
        + "columns 'path1', 'path2' and 'same', 1 for one person and 0 for two")
    #expect(complaint("path1,path2,same\na/1.jpg,b/1.jpg,0\na/1.jpg,a/2.jpg,1\n") == nil)
  }

  @Test func anEmptyAnswerIsToldAsOne() throws {
    let found = try #require(complaint("path1,path2,same\na/1.jpg,a/2.jpg,1\na/1.jpg,b/1.jpg\n"))
    #expect(found.hasPrefix("p.csv:3: ") && found.contains("which is empty or lacks"), "\(found)")
  }
}
