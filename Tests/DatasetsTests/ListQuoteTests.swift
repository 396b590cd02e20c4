import Datasets
import Foundation
import Testing

/// Lists whose labels or paths stand in quotes, and what parts their cells.
@Suite struct ListQuoteTests {
  private let disk = TemporaryFolder()
  private let rows = [("ann b/1.jpg", "Ann Lee"), ("bob/1.jpg", "Bob"), ("bob/2.jpg", "Bob")]

  init() {
    for (photo, path) in rows.map(\.0).enumerated() {
      disk.write(path, Pictures.jpeg(8, 8, seed: photo))
    }
  }

  private func lines(_ line: (String, String) -> String) -> String {
    rows.map { line($0.0, $0.1) + "\n" }.joined()
  }

  @Test func aQuotedCellMayHaveSpacesWhateverPartsThem() throws {
    for text in [
      lines { "\($0) \"\($1)\"" }, lines { "\"\($1)\" \($0)" }, lines { "\"\($0)\" \"\($1)\"" },
      lines { "\($0)\t\"\($1)\"" }, lines { "\"\($0)\",\"\($1)\"" },
      "path label\n" + lines { "\"\($0)\" \"\($1)\"" },
      // The first line alone decides nothing.
      lines { $1 == "Bob" ? "\($0) \($1)" : "\($0) \"\($1)\"" },
    ] {
      let set = try PhotoSet(path: disk.write("list.txt", text))
      #expect(set.index.photos.map(\.path) == rows.map(\.0), "\(text)")
      #expect(set.index.photos.map(\.person) == [0, 1, 1], "\(text)")
    }
  }

  @Test func aQuoteThatBelongsToANameIsLeft() throws {
    for name in ["\"Al\" Y/1.jpg", "5\" disk/1.jpg"] { disk.write(name, Pictures.jpeg(8, 8)) }
    let set = try PhotoSet(
      path: disk.write("list.txt", "\"Al\" Y/1.jpg 3\n5\" disk/1.jpg 4\nbob/1.jpg 5\n"))
    #expect(set.index.photos.map(\.path) == ["\"Al\" Y/1.jpg", "5\" disk/1.jpg", "bob/1.jpg"])
    #expect(set.labels == [3, 4, 5])
  }

  @Test(arguments: [";", ",", "|", "\t"])
  func theFirstLineOfASpreadsheetSaysWhatPartsTheCells(mark: String) throws {
    for first in ["sep=\(mark)", "SEP=\(mark)", "\"sep=\(mark)\""] {
      for titles in ["", "path\(mark)label\n"] {
        let text = first + "\n" + titles + lines { "\($0)\(mark)\($1)" }
        let set = try PhotoSet(path: disk.write("list.csv", text))
        #expect(set.index.photos.map(\.path) == rows.map(\.0), "\(first)")
      }
      let text = first + "\nfile_name\(mark)label\n" + lines { "\($0)\(mark)\($1)" }
      disk.write("metadata.csv", text)
      #expect(try PhotoSet(path: disk.path).index.photos.count == 3, "\(first)")
    }
  }

  @Test func aMarkThatPartsNoListIsNamed() throws {
    let error = #expect(throws: DatasetError.self) {
      try PhotoSet(path: disk.write("list.csv", "sep=:\n" + lines { "\($0):\($1)" }))
    }
    #expect("\(error!)".contains("line 1: says that ':' parts the cells"))
  }
}
