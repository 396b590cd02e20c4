/// Excel's word for what parts the cells of a table, in a line of its own before all others:
/// `sep=;`, in any capitals, with or without quotes around it.
package enum SeparatorLine {
  /// What parts the cells behind `line`, the first of a file; nil for a line that does not say it.
  ///
  /// A tab may have been trimmed away at the end of the line, or stand as `\t`.
  package static func separator(in line: some Collection<UInt8>) -> UInt8? {
    guard (4...12).contains(line.count) else { return nil }
    let space = UInt8(ascii: " ")
    var word = Array(line)[...]
    while word.last == space || word.last == UInt8(ascii: "\r") { word.removeLast() }
    while word.first == space { word.removeFirst() }
    let quote = UInt8(ascii: "\"")
    if word.count > 1, word.first == quote, word.last == quote {
      word = word.dropFirst().dropLast()
    }
    guard word.prefix(4).map({ $0 | 0x20 }) == Array("sep=".utf8).map({ $0 | 0x20 }),
      word.dropFirst(3).first == UInt8(ascii: "=")
    else { return nil }
    let mark = word.dropFirst(4)
    if mark.isEmpty || mark.elementsEqual("\\t".utf8) { return UInt8(ascii: "\t") }
    guard mark.count == 1, let byte = mark.first, byte < 0x80, !isLetter(byte), byte != quote
    else { return nil }
    return byte
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
