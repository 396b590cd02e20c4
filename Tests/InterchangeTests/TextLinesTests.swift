import Foundation
import Interchange
import Testing

@Suite struct TextLinesTests {
  private static func withFile<Result>(
    _ text: String, _ body: (String) throws -> Result
  ) throws -> Result {
    let path = NSTemporaryDirectory() + "lines-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return try body(path)
  }

  /// Lines longer than a piece, over its edges, empty, and a last one without an end: a text as
  /// often as it says, and another behind it.
  @Test(arguments: [
    ("", 1, ""), ("\n", 1, ""), ("a", 1, ""), ("a\nb", 1, ""), ("a\nb\n", 1, ""),
    ("\n\nx\n\n", 1, ""), ("y", 3_000_000, "\nz"), ("0123456789\n", 200_000, ""),
    ("w", (1 << 20) - 1, "\nnext\n"),
  ])
  func everyLineComesOnceWithItsPlace(part: String, count: Int, end: String) throws {
    let text = String(repeating: part, count: count) + end
    try Self.withFile(text) { path in
      var found: [(String, Int, Bool)] = []
      var read = 0
      try TextLines.forEach(path, onBytes: { read += $0 }) {
        found.append((String(decoding: $0, as: UTF8.self), $1, $2))
      }
      #expect(read == text.utf8.count)
      let whole = found.map { $0.0 + ($0.2 ? "\n" : "") }.joined()
      #expect(whole == text)
      #expect(found.dropLast().allSatisfy { $0.2 })
      var place = 0
      for (line, offset, _) in found {
        #expect(offset == place)
        place += line.utf8.count + 1
      }
    }
  }

  @Test func aFileThatIsNotThereHasNoLines() throws {
    try TextLines.forEach("/nowhere/at/all") { _, _, _ in Issue.record("a line") }
  }

  @Test(arguments: [
    ("a\nb\nc\n", "b", "a\nc\n"), ("a\nb\nc\n", "c", "a\nb\n"), ("a\nb\nb\n", "b", "a\n"),
    ("a\nb", "b", "a\n"), ("a\nb", "a", "b\n"), ("a\nb", "x", "a\nb\n"), ("a\n", "x", "a\n"),
    ("b\n", "b", ""), ("", "b", ""),
  ])
  func whatIsNotKeptIsGone(text: String, dropped: String, left: String) throws {
    try Self.withFile(text) { path in
      try TextLines.filter(path) { line, _, _ in
        String(decoding: line, as: UTF8.self) != dropped
      }
      #expect(try String(contentsOfFile: path, encoding: .utf8) == left)
    }
  }

  @Test func numbersAndWordsAreFound() throws {
    try Self.withFile("{\"a\":1.5e-3,\"b\":null,\"c\":-7}") { path in
      try TextLines.forEach(path) { line, _, _ in
        #expect(line.starts(with: "{\"a\""))
        #expect(line.firstOffset(of: "\"a\":") == 1)
        #expect(line.number(at: 5) == 1.5e-3)
        #expect(line.number(at: line.firstOffset(of: "\"b\":")! + 4).isNaN)
        #expect(line.number(at: line.firstOffset(of: "\"c\":")! + 4) == -7)
        #expect(line.firstOffset(of: "\"a\":", from: 2) == nil)
      }
    }
  }
}
