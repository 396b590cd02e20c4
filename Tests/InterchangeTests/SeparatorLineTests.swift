import Interchange
import Testing

/// Excel's first line `sep=;`, as people and programs write it.
@Suite struct SeparatorLineTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func separator(_ line: String) -> String? {
    SeparatorLine.separator(in: line.utf8).map { String(UnicodeScalar($0)) }
  }

  @Test(arguments: [
    ("sep=;", ";"), ("SEP=;", ";"), ("Sep=,", ","), ("\"sep=;\"", ";"), ("\"SEP=|\"", "|"),
    ("sep=|", "|"), ("sep=\t", "\t"), ("sep=", "\t"), ("sep=\\t", "\t"), (" sep=; ", ";"),
    ("sep=;\r", ";"),
  ])
  func isReadInAnyForm(line: String, mark: String) { #expect(separator(line) == mark) }

  @Test(arguments: [
    "sep", "sep;", "step=;", "sep=;;", "sep=a", "sep=1", "path;sep=;", "", "sep=\"",
  ])
  func otherLinesAreNone(line: String) { #expect(separator(line) == nil) }

  private func complaint(_ text: String) -> String? {
    do {
      _ = try CSVTable(path: folder.write(Array(text.utf8), "t.csv"))
      return nil
    } catch { return "\(error)" }
  }

  @Test(arguments: ["sep=;\n", "SEP=;\r\n", "\"sep=;\"\n", ""])
  func aTableBelowItIsRead(line: String) throws {
    let text = line + "path;e0;e1\nSmith, A;1.5;-2\n"
    let table = try CSVTable(path: folder.write(Array(text.utf8), "t.csv"))
    #expect(table.names == ["Smith, A"] && table.values == [1.5, -2])
  }

  /// A header that is put before the line would part no cells.
  @Test func aMissingHeaderIsAskedForBelowIt() throws {
    let text = try #require(complaint("sep=;\na;1.5;-2\n"))
    #expect(text.contains("line 2") && text.contains("put a header 'name;0;1;...' before it"))
    #expect(text.contains("below the line of 'sep='"))
    #expect(complaint("a,1.5,-2\n")?.contains("put a header 'name,0,1,...' before it") == true)
    let other = try #require(complaint("sep=;\npath,e0,e1\na,1,2\n"))
    #expect(other.contains("line 2") && other.contains("is not parted by ';'"))
  }

  @Test func belowTheTitlesItIsNamed() throws {
    let text = try #require(complaint("path;e0;e1\nsep=;\na;1;2\n"))
    #expect(text.contains("line 2") && text.contains("stands below the titles"))
  }
}
