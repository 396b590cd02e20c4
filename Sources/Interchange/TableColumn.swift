#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// A table's file, with the title of one of its columns behind a colon: `FILE.csv:column`.
package struct TableColumn: Sendable, Equatable {
  /// The path of the table.
  package let file: String
  /// The title; nil where none is given.
  package let column: String?

  /// Reads `text`: what is there under the whole of it has no column behind it, else the longest
  /// part before a colon that is there is the file.
  package init(_ text: String) {
    let colons = text.indices.filter { text[$0] == ":" }
    let isThere = access(text, F_OK) == 0
    guard !isThere, let last = colons.last else {
      (file, column) = (text, nil)
      return
    }
    let cut = colons.last { access(String(text[..<$0]), F_OK) == 0 } ?? last
    (file, column) = (String(text[..<cut]), String(text[text.index(after: cut)...]))
  }

  /// The place of the column among `titles`, in any capitals where none is written so; nil where
  /// no column, or several, are called so.
  package func place(among titles: [String]) -> Int? {
    guard let column else { return nil }
    if let exact = titles.firstIndex(of: column) { return exact }
    let alike = titles.indices.filter { titles[$0].lowercased() == column.lowercased() }
    return alike.count == 1 ? alike[0] : nil
  }
}
