internal import Interchange

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
  /// What the column of folds says of each pair; empty where there is none.
  private(set) var foldTexts: [String] = []
  /// What to call that column.
  private(set) var foldName = ""
  let file: String
  /// The number of the last line with a pair.
  private(set) var lastLine = 1

  /// Reads `text`; throws `PairsFileError` at the first bad line.
  init(_ text: String, file: String) throws(PairsFileError) {
    self.file = file
    let texts = text.split(omittingEmptySubsequences: false) { $0.isNewline }
    let told = texts.first.flatMap { SeparatorLine.separator(in: $0.utf8) }
    let mark = told.map { Character(UnicodeScalar($0)) }
    var lines = texts.enumerated().dropFirst(told == nil ? 0 : 1)
      .map { (number: $0 + 1, fields: PairsLine.fields($1, told: mark), text: $1) }
      .filter { !$0.fields.isEmpty && $0.fields[0].first != "#" }[...]
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
    }
    let columns = try columns(first.fields, lines.map(\.fields), first.number)
    if columns.areTitled { lines.removeFirst() }
    var form: Form?
    var half: (photo: String, isSame: Bool, line: Int)?
    for line in lines {
      let (fields, isOrdered) = try ordered(line.fields, columns, line.number)
      let (found, content) = try read(
        fields, line.number, isOrdered: isOrdered, isFirst: form == nil && counts == [])
      guard form == nil || form == found else {
        throw fail(line.number, "is not \(form?.rawValue ?? "") as the lines before it")
      }
      form = found
      lastLine = line.number
      switch content {
      case .pair(let first, let second, let isSame):
        pairs.append(Pair(first: first, second: second, isSame: isSame, line: line.number))
        if let fold = columns.found?.fold { foldTexts.append(line.fields[fold.column]) }
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

  private func noAnswer(_ line: Int, _ field: String) -> PairsFileError {
    fail(line, "'\(field)' is no answer; 1 stands for one person, 0 or -1 for two")
  }

  /// Which columns are what, told by `first` where it has titles, else by all `lines`.
  private mutating func columns(
    _ first: [String], _ lines: [[String]], _ line: Int
  ) throws(PairsFileError) -> (found: PairsColumns?, areTitled: Bool) {
    do throws(PairsColumns.Problem) {
      if counts.isEmpty, let titled = try PairsColumns(titles: first) {
        foldName = titled.fold?.name ?? ""
        return (titled, true)
      }
      let found = try PairsColumns(lines: lines)
      foldName = found?.fold?.name ?? ""
      return (found, false)
    } catch {
      throw fail(line, error.reason)
    }
  }

  /// The photos and the answer among `fields`, and whether they are told by the columns.
  private func ordered(
    _ fields: [String], _ columns: (found: PairsColumns?, areTitled: Bool), _ line: Int
  ) throws(PairsFileError) -> ([String], Bool) {
    guard let found = columns.found else { return (fields, false) }
    let needed = (found.order ?? []) + [found.fold?.column].compactMap { $0 }
    guard let last = needed.max(), columns.areTitled || fields.count == 4 else {
      return (fields, false)
    }
    guard fields.count > last else {
      throw fail(
        line,
        "has \(fields.count) fields, and the titles put one in column \(last + 1), which is empty or lacks"
      )
    }
    if let order = found.order { return (order.map { fields[$0] }, true) }
    var rest = fields
    if let fold = found.fold { rest.remove(at: fold.column) }
    return (rest, false)
  }

  private static func noStart(_ text: some StringProtocol) -> String {
    "'\(text)' is neither 'folds<TAB>pairs' nor a single count of pairs, nor a pair"
  }

  private func read(
    _ fields: [String], _ line: Int, isOrdered: Bool, isFirst: Bool
  ) throws(PairsFileError) -> (Form, Content) {
    if isOrdered {
      guard let isSame = PairsLine.answer(fields[2]) else { throw noAnswer(line, fields[2]) }
      return (.answerLast, .pair(fields[0], fields[1], isSame: isSame))
    }
    if fields.count == 2, let isSame = PairsLine.answer(fields[1]), Int(fields[0]) == nil {
      return (.halves, .half(fields[0], isSame: isSame))
    }
    if fields.count == 3, Int(fields[1]) == nil {
      if let isSame = PairsLine.answer(fields[2]) {
        return (.answerLast, .pair(fields[0], fields[1], isSame: isSame))
      }
      if let isSame = PairsLine.answer(fields[0]) {
        return (.answerFirst, .pair(fields[1], fields[2], isSame: isSame))
      }
    }
    if fields.count > 1, PairsLine.isPath(fields[0]), PairsLine.isPath(fields[1]) {
      guard fields.count == 2 else { throw noAnswer(line, fields[2]) }
      throw fail(
        line,
        "names two photos and does not say whether they show one person: 'path path 1', or 0")
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
    if isFirst, fields.allSatisfy({ !Self.isPhoto($0) && !PairsLine.isPath($0) }) {
      throw fail(
        line,
        "'\(fields.joined(separator: " "))' is no pair; if these are titles, call the columns "
          + "'path1', 'path2' and 'same', 1 for one person and 0 for two")
    }
    return (.names, try names(fields, line))
  }

  /// Whether `field` is the number of a photo or the name of its file.
  private static func isPhoto(_ field: String) -> Bool {
    Int(field) != nil || (field.contains(".") && !field.contains("/"))
  }

  private func names(_ fields: [String], _ line: Int) throws(PairsFileError) -> Content {
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
