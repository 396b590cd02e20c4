/// The cells of one line of a text that may have other lines of other kinds.
package enum LineCells {
  /// The cells between marks that do not stand in quotes, a quote in quotes twice (RFC 4180); white
  /// space around those without quotes is none of theirs.
  package static func split(_ line: Substring, separator: Character) -> [String] {
    var cells: [String] = []
    var cell = ""
    var isQuoted = false
    var wasQuoted = false
    var lastWasQuote = false
    func ended() -> String { wasQuoted ? cell : String(trimmed(cell[...])) }
    for character in line {
      if character == "\"" {
        if isQuoted {
          isQuoted = false
          lastWasQuote = true
        } else if lastWasQuote {
          cell.append("\"")
          (isQuoted, lastWasQuote) = (true, false)
        } else if trimmed(cell[...]).isEmpty {
          (cell, isQuoted, wasQuoted) = ("", true, true)
        } else {
          cell.append(character)
        }
        continue
      }
      lastWasQuote = false
      if character == separator && !isQuoted {
        cells.append(ended())
        (cell, wasQuoted) = ("", false)
      } else if isQuoted || !wasQuoted || !character.isWhitespace {
        cell.append(character)
      }
    }
    return cells + [ended()]
  }

  /// `text` without the white space around it.
  package static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop(while: \.isWhitespace)
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }
}
