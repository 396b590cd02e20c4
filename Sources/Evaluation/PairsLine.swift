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

  /// `fields` without a fourth one beside two paths and an answer: the number of the line before
  /// them, a score or a fold behind them.
  static func withoutExtra(_ fields: [String]) -> [String] {
    guard fields.count == 4 else { return fields }
    if isPath(fields[0]), isPath(fields[1]), answer(fields[2]) != nil {
      return Array(fields[..<3])
    }
    if Int(fields[0]) != nil, isPath(fields[1]), isPath(fields[2]), answer(fields[3]) != nil {
      return Array(fields[1...])
    }
    return fields
  }

  /// The words above the columns of a list (`name,imagenum1,imagenum2` in scikit-learn's copies).
  struct Titles {
    private enum Kind {
      case photo, answer, other
    }

    private static let photoWords: Set<String> = [
      "name", "imagenum", "path", "file", "filename", "filepath", "image", "img", "photo", "person",
      "id", "left", "right", "first", "second", "probe", "reference", "ref",
    ]
    private static let answerWords: Set<String> = [
      "label", "issame", "same", "match", "target", "decision", "answer", "genuine", "truth", "gt",
    ]

    /// The columns of the two paths and of the answer; nil where titles do not say.
    let order: [Int]?

    /// Nil for a line that is a pair itself.
    init?(_ fields: [String]) {
      guard fields.count > 1, !fields.contains(where: { PairsLine.isPath($0) || Int($0) != nil })
      else { return nil }
      let kinds = fields.map(Self.kind)
      let photos = kinds.indices.filter { kinds[$0] == .photo }
      let answers = kinds.indices.filter { kinds[$0] == .answer }
      guard photos.count + answers.count > 1 else { return nil }
      order = photos.count == 2 && answers.count == 1 ? photos + answers : nil
    }

    private static func kind(_ title: String) -> Kind {
      let words = title.lowercased().split { !$0.isLetter }.map(String.init)
      if words.contains(where: answerWords.contains) { return .answer }
      return words.contains(where: photoWords.contains) ? .photo : .other
    }
  }
}
