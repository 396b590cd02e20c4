internal import Interchange

/// One line of a list of pairs: its fields, and what they are.
enum PairsLine {
  /// The fields of `line`: tabs separate LFW's, commas or semicolons those of tables, whose fields
  /// may stand in quotes; lists rewritten with spaces are read too.
  static func fields(_ line: Substring) -> [String] {
    guard let mark = ["\t", ",", ";"].first(where: { line.contains($0) }) else {
      return line.split(whereSeparator: \.isWhitespace).map(String.init)
    }
    var fields = cells(line, separator: mark)
    while fields.last?.isEmpty == true { fields.removeLast() }
    if mark == "\t" { fields.removeAll(where: \.isEmpty) }
    // A tab between the paths, and a space before the answer.
    if mark == "\t", fields.count == 2 {
      let words = fields[1].split(separator: " ")
      if words.count == 2, answer(String(words[1])) != nil {
        fields = [fields[0]] + words.map(String.init)
      }
    }
    return fields
  }

  /// The cells between marks that do not stand in quotes, a quote in quotes twice (RFC 4180).
  private static func cells(_ line: Substring, separator: Character) -> [String] {
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

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop(while: \.isWhitespace)
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }

  /// Whether a pair shows one person, in the words of those who write lists; nil for another word.
  static func answer(_ field: String) -> Bool? {
    switch field.lowercased() {
    case "1", "1.0", "+1", "true", "t", "yes", "y", "same", "match", "genuine": true
    case "0", "0.0", "-0", "-1", "-1.0", "false", "f", "no", "n", "diff", "different", "nonmatch",
      "non-match", "impostor", "imposter":
      false
    default: nil
    }
  }

  /// Whether `field` is the path of a photo, and neither a name nor a number.
  static func isPath(_ field: String) -> Bool {
    field.contains("/") || field.contains("\\") || PhotoLookup.hasEnding(field)
  }
}
