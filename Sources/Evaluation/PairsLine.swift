internal import Interchange

/// One line of a list of pairs: its fields, and what they are.
enum PairsLine {
  /// The fields of `line`: tabs separate LFW's, commas or semicolons those of tables, whose fields
  /// may stand in quotes; lists rewritten with spaces are read too. A mark that is `told` separates
  /// them wherever it stands.
  static func fields(_ line: Substring, told: Character? = nil) -> [String] {
    let marks = (told.map { [$0] } ?? []) + ["\t", ",", ";"]
    guard let mark = marks.first(where: { line.contains($0) }), mark != " " else {
      return line.split(whereSeparator: \.isWhitespace).map(String.init)
    }
    var fields = LineCells.split(line, separator: mark)
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
