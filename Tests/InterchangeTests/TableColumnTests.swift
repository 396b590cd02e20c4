import Interchange
import Testing

/// `FILE.csv:column`, where either may have a colon.
@Suite struct TableColumnTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func parts(_ text: String) -> [String?] {
    let table = TableColumn(folder.file(text))
    return [String(table.file.dropFirst(folder.path.count + 1)), table.column]
  }

  @Test func whatIsThereUnderTheWholeNameHasNoColumn() throws {
    for name in ["q.csv", "q:r.csv"] { _ = try folder.write([], name) }
    #expect(parts("q.csv") == ["q.csv", nil] && parts("q.csv:q") == ["q.csv", "q"])
    #expect(parts("q:r.csv") == ["q:r.csv", nil] && parts("q:r.csv:q") == ["q:r.csv", "q"])
    #expect(parts("q.csv:a:b") == ["q.csv", "a:b"])
    #expect(parts("gone.csv:q") == ["gone.csv", "q"] && parts("gone.csv") == ["gone.csv", nil])
  }

  @Test func capitalsCountWhereTheyTell() {
    let titles = ["name", "Q", "q", "Norm"]
    #expect(TableColumn("f:q").place(among: titles) == 2)
    #expect(TableColumn("f:norm").place(among: titles) == 3)
    #expect(TableColumn("f:x").place(among: titles) == nil)
    #expect(TableColumn("f").place(among: titles) == nil)
  }
}
