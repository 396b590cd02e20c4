/// The pairs of a list, before they have folds.
struct PairsReader {
  struct Pair {
    let first, second: String
    let isSame: Bool
    /// Counted from one.
    let line: Int
  }

  /// What the lines of one file are.
  private enum Form: String {
    case names = "'name i j' or 'name1 i name2 j'"
    case answerLast = "'path path 1'"
    case answerFirst = "'1 path path'"
    case halves = "two lines 'path 1' for a pair"
  }

  private enum Content {
    case pair(String, String, isSame: Bool)
    case half(String, isSame: Bool)
  }

  private(set) var pairs: [Pair] = []
  /// The numbers of line 1, folds and pairs or pairs alone; empty for lists without.
  private(set) var counts: [Int] = []
  let file: String
  /// The number of the last line with a pair.
  private(set) var lastLine = 1

  /// Reads `text`; throws `PairsFileError` at the first bad line.
  init(_ text: String, file: String) throws(PairsFileError) {
    self.file = file
    var lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }.enumerated()
      .map { (number: $0 + 1, fields: Self.fields($1), text: $1) }
      .filter { !$0.fields.isEmpty }[...]
    guard let first = lines.first else {
      throw fail(1, "the file is empty; the first line of an LFW pairs file holds its counts")
    }
    let numbers = first.fields.compactMap { Int($0) }
    if numbers.count == first.fields.count, numbers.count <= 2 {
      guard numbers.allSatisfy({ (1...1_000_000).contains($0) }) else {
        throw fail(first.number, Self.noStart(first.text))
      }
      counts = numbers
      lines.removeFirst()
    } else if Self.isHeader(first.fields) {
      lines.removeFirst()
    }
    var form: Form?
    var half: (photo: String, isSame: Bool, line: Int)?
    for line in lines {
      let (found, content) = try read(
        line.fields, line.number, isFirst: form == nil && counts == [])
      guard form == nil || form == found else {
        throw fail(line.number, "is not \(form?.rawValue ?? "") as the lines before it")
      }
      form = found
      lastLine = line.number
      switch content {
      case .pair(let first, let second, let isSame):
        pairs.append(Pair(first: first, second: second, isSame: isSame, line: line.number))
      case .half(let photo, let isSame):
        guard let known = half else {
          half = (photo, isSame, line.number)
          continue
        }
        guard known.isSame == isSame else {
          throw fail(line.number, "says otherwise than line \(known.line), of the same pair")
        }
        pairs.append(Pair(first: known.photo, second: photo, isSame: isSame, line: known.line))
        half = nil
      }
    }
    if let half { throw fail(half.line, "is the last line, and a pair takes two such") }
    guard !pairs.isEmpty || !counts.isEmpty else { throw fail(1, "the file names no pairs") }
  }

  func fail(_ line: Int, _ problem: String) -> PairsFileError {
    PairsFileError(file: file, line: line, problem: problem)
  }

  private static func noStart(_ text: some StringProtocol) -> String {
    "'\(text)' is neither 'folds<TAB>pairs' nor a single count of pairs, nor a pair"
  }

  /// Tabs separate LFW's fields, commas those of its .csv; files rewritten with spaces are read
  /// too.
  private static func fields(_ line: Substring) -> [Substring] {
    guard let mark = ["\t", ","].first(where: { line.contains($0) }) else {
      return line.split(whereSeparator: \.isWhitespace)
    }
    return line.split(separator: mark).map(trimmed).filter { !$0.isEmpty }
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop(while: \.isWhitespace)
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }

  /// Words above the columns of a list (`name,imagenum1,imagenum2` in scikit-learn's copies).
  private static func isHeader(_ fields: [Substring]) -> Bool {
    let titles: Set<String> = [
      "name", "imagenum", "path", "file", "image", "img", "photo", "label", "issame", "is_same",
      "same", "person", "id", "left", "right", "first", "second", "target", "match",
    ]
    return fields.count > 1
      && fields.allSatisfy { field in
        var word = field.lowercased()
        while let last = word.last, last.isNumber || last == "_" { word.removeLast() }
        return titles.contains(word)
      }
  }

  private static func answer(_ field: Substring) -> Bool? {
    switch field.lowercased() {
    case "1", "true", "same": true
    case "0", "-1", "false", "diff", "different": false
    default: nil
    }
  }

  private func read(
    _ fields: [Substring], _ line: Int, isFirst: Bool
  ) throws(PairsFileError) -> (Form, Content) {
    if fields.count == 2, let isSame = Self.answer(fields[1]), Int(fields[0]) == nil {
      return (.halves, .half(String(fields[0]), isSame: isSame))
    }
    if fields.count == 3, Int(fields[1]) == nil {
      if let isSame = Self.answer(fields[2]) {
        return (.answerLast, .pair(String(fields[0]), String(fields[1]), isSame: isSame))
      }
      if let isSame = Self.answer(fields[0]) {
        return (.answerFirst, .pair(String(fields[1]), String(fields[2]), isSame: isSame))
      }
    }
    guard fields.count == 3 || fields.count == 4 else {
      let text = fields.joined(separator: " ")
      throw fail(
        line,
        isFirst
          ? Self.noStart(text)
          : "'\(text)' has neither three fields, 'name i j' or 'path path 1', "
            + "nor four, 'name1 i name2 j'")
    }
    return (.names, try names(fields, line))
  }

  /// Whether `field` is the number of a photo or the name of its file.
  private static func isPhoto(_ field: Substring) -> Bool {
    Int(field) != nil || (field.contains(".") && !field.contains("/"))
  }

  private func names(_ fields: [Substring], _ line: Int) throws(PairsFileError) -> Content {
    let isSame = fields.count == 3
    let names = isSame ? [fields[0], fields[0]] : [fields[0], fields[2]]
    let photos = isSame ? [fields[1], fields[2]] : [fields[1], fields[3]]
    var paths: [String] = []
    for (name, photo) in zip(names, photos) {
      if Int(photo) == nil, Self.isPhoto(photo) {
        paths.append("\(name)/\(photo)")
        continue
      }
      guard let number = Int(photo), number > 0 else {
        throw fail(line, "'\(photo)' is not the number of a photo")
      }
      let padding = String(repeating: "0", count: max(0, 4 - String(number).count))
      paths.append("\(name)/\(name)_\(padding)\(number).jpg")
    }
    if !isSame, names[0] == names[1] {
      throw fail(line, "a pair of two people names \(names[0]) twice")
    }
    return .pair(paths[0], paths[1], isSame: isSame)
  }
}

/// The folds in which the pairs of a list are scored.
struct PairsFolds {
  let count: Int
  /// How they were made, in words.
  let rule: String
  /// The fold of each pair, from zero.
  let folds: [Int]

  /// The folds of what `reader` has read; throws `PairsFileError` where its counts are not kept.
  init(of reader: PairsReader) throws(PairsFileError) {
    let kinds = reader.pairs.map(\.isSame)
    let sameCount = kinds.count { $0 }
    let stretches = Self.stretches(kinds)
    switch reader.counts.count {
    case 2:
      let (folds, perKind) = (reader.counts[0], reader.counts[1])
      try Self.require(2 * folds * perKind, sameCount, reader)
      let isInOrder = stretches == perKind
      self.init(
        folds,
        rule: "the \(folds) folds of the file"
          + (isInOrder ? "" : " (its lines are in another order: pairs of each kind as they come)"),
        kinds: kinds
      ) { $0 / perKind }
      return
    case 1 where kinds.count != 2 * reader.counts[0] && Self.foldCount(kinds) == reader.counts[0]:
      // A count of folds where View 1 has one of pairs, as some scripts write it.
      break
    case 1: try Self.require(2 * reader.counts[0], sameCount, reader)
    default: break
    }
    if reader.counts.isEmpty || kinds.count != 2 * reader.counts[0], let stretches,
      let folds = Self.foldCount(kinds)
    {
      self.init(
        folds, rule: "the \(folds) folds of the file (\(stretches) pairs of each kind in turn)",
        kinds: kinds
      ) { $0 / stretches }
      return
    }
    let isOneSided = sameCount == 0 || sameCount == kinds.count
    let fewest = isOneSided ? kinds.count : min(sameCount, kinds.count - sameCount)
    let folds = max(1, min(PairsFile.interleavedFoldCount, fewest))
    self.init(
      folds,
      rule: "\(folds) interleaved folds (pair i of either kind is in fold i mod \(folds))",
      kinds: kinds
    ) { $0 % folds }
  }

  /// `fold` is told the place of a pair among those of its kind.
  private init(_ count: Int, rule: String, kinds: [Bool], fold: (Int) -> Int) {
    var places = (same: 0, different: 0)
    folds = kinds.map { isSame in
      defer { if isSame { places.same += 1 } else { places.different += 1 } }
      return fold(isSame ? places.same : places.different)
    }
    self.count = count
    self.rule = rule
  }

  private static func require(
    _ expected: Int, _ sameCount: Int, _ reader: PairsReader
  ) throws(PairsFileError) {
    let count = reader.pairs.count
    guard count == expected else {
      let culprit = count < expected ? reader.lastLine + 1 : reader.pairs[expected].line
      throw reader.fail(culprit, "line 1 promises \(expected) pairs, the file has \(count)")
    }
    guard 2 * sameCount == expected else {
      throw reader.fail(
        1,
        "promises \(expected / 2) pairs of one person and as many of two, the file has "
          + "\(sameCount) and \(count - sameCount)")
    }
  }

  /// n, where n pairs of one person and n of two follow each other to the end.
  private static func stretches(_ kinds: [Bool]) -> Int? {
    guard kinds.first == true, let length = kinds.firstIndex(of: false),
      kinds.count % (2 * length) == 0
    else { return nil }
    return kinds.indices.allSatisfy { kinds[$0] == ($0 / length % 2 == 0) } ? length : nil
  }

  /// The number of such stretches of both kinds where there are several.
  private static func foldCount(_ kinds: [Bool]) -> Int? {
    stretches(kinds).map { kinds.count / (2 * $0) }.flatMap { $0 > 1 ? $0 : nil }
  }
}
