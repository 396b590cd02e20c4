/// Which columns of a table of embeddings are what, by the titles in its first line.
struct CSVLayout {
  /// Why a first line does not tell.
  struct Problem: Error {
    let reason: String
  }

  /// The column of names.
  let name: Int
  /// The columns of numbers, in their order.
  let numbers: [Int]
  /// The others.
  let passedOver: [Int]
  /// Whether the titles of the numbers count them.
  let isCounted: Bool

  private static let nameWords: Set<String> = [
    "name", "names", "path", "paths", "photo", "file", "filename", "file_name", "filepath",
    "file_path", "image", "img", "image_path", "image_name", "image_id", "img_path", "key",
  ]
  private static let otherWords: Set<String> = [
    "label", "labels", "person", "person_id", "identity", "id", "class", "class_id", "target",
    "score", "quality", "confidence", "conf", "index", "fold", "split", "age", "gender", "set",
    "sex", "race", "subject", "subject_id", "identity_id", "frame", "camera", "cam", "video",
    "time", "timestamp", "date", "year", "width", "height", "yaw", "pitch", "roll", "blur",
  ]
  /// What pandas calls the column of its index.
  private static let indexWords: Set<String> = ["", "unnamed: 0"]
  /// Words before counted columns that are a face's place and not its embedding.
  private static let placeWords: Set<String> = [
    "x", "y", "bbox", "box", "kps", "kp", "keypoint", "landmark", "landmarks", "lm", "pt", "point",
  ]

  /// Reads `titles`, two or more.
  init(_ titles: [String]) throws(Problem) {
    let words = Self.words(titles)
    let counted = try Self.counted(words, titles)
    let name =
      words.indices.first { Self.nameWords.contains(words[$0]) && !counted.contains($0) } ?? 0
    guard !counted.contains(name) else {
      throw Problem(
        reason: "begins with '\(titles[0])', one of the numbers; a column of names stands first, "
          + "'name,0,1,...'")
    }
    let rest = words.indices.filter { $0 != name }
    self.name = name
    isCounted = !counted.isEmpty
    if isCounted {
      numbers = counted
      passedOver = rest.filter { !counted.contains($0) }
      return
    }
    if let other = rest.first(where: { Self.otherWords.contains(words[$0]) }) {
      throw Problem(
        reason:
          "has a column '\(titles[other])', which is no number of an embedding; leave it out, "
          + "or count the titles of those that are, '0,1,...' or 'e0,e1,...'")
    }
    numbers = rest.filter { !Self.indexWords.contains(words[$0]) }
    passedOver = rest.filter { Self.indexWords.contains(words[$0]) }
    guard !numbers.isEmpty else { throw Problem(reason: "names no column of numbers") }
  }

  /// The column of names in a table whose numbers are lists in column `list`; nil where there is
  /// none beside it.
  static func nameColumn(_ titles: [String], beside list: Int) -> Int? {
    let words = words(titles)
    let others = ownColumns(titles).filter { $0 != list }
    return others.first { nameWords.contains(words[$0]) } ?? others.first
  }

  /// The columns that are no index of the rows.
  static func ownColumns(_ titles: [String]) -> [Int] {
    let words = words(titles)
    return words.indices.filter { !indexWords.contains(words[$0]) }
  }

  /// Whether `title` is a word for the name of a photo.
  static func isNameTitle(_ title: String) -> Bool { nameWords.contains(words([title])[0]) }

  private static func words(_ titles: [String]) -> [String] {
    titles.map { title in
      title.split(whereSeparator: \.isWhitespace).joined(separator: " ").lowercased()
    }
  }

  /// The columns whose titles are one word before 0, 1, 2, ... or 1, 2, 3, ..., by their numbers,
  /// in whatever order they stand; none where fewer than two count. Throws `Problem` where some of
  /// them are missing or twice there, and where several words count.
  private static func counted(_ words: [String], _ titles: [String]) throws(Problem) -> [Int] {
    var columns: [String: [(number: Int, column: Int)]] = [:]
    for (column, word) in words.enumerated() {
      let stem = word.reversed().drop { $0.isASCII && $0.isNumber }
      guard let number = Int(word.suffix(word.count - stem.count)) else { continue }
      columns[String(stem.reversed()), default: []].append((number, column))
    }
    let series = columns.filter { stem, found in
      found.count > 1 && !nameWords.contains(stem.filter { $0 != "_" })
    }
    let own = series.filter { !placeWords.contains($0.key.filter { $0.isLetter }) }
    let known = own.isEmpty ? series : own
    let sorted = known.values.map { $0.sorted { ($0.number, $0.column) < ($1.number, $1.column) } }
      .sorted { $0[0].column < $1[0].column }
    func span(_ found: [(number: Int, column: Int)]) -> String {
      "'\(titles[found[0].column])' to '\(titles[found[found.count - 1].column])'"
    }
    guard sorted.count < 2 else {
      throw Problem(
        reason: "counts columns in several words, \(span(sorted[0])) and \(span(sorted[1])); leave "
          + "out those that are not the embedding, or count them all in one word, 'e0,e1,...'")
    }
    guard let found = sorted.first else { return [] }
    for (one, next) in zip(found, found.dropFirst()) where next.number != one.number + 1 {
      let problem =
        next.number == one.number
        ? "has '\(titles[one.column])' and '\(titles[next.column])', one number of an embedding "
          + "twice"
        : "has no column between '\(titles[one.column])' and '\(titles[next.column])'"
      throw Problem(
        reason: "\(problem); the numbers of an embedding are counted without a hole, "
          + "'e0,e1,e2,...': put the column back, or count those that are there anew")
    }
    guard found[0].number > 1 else { return found.map(\.column) }
    // The first of a vector may have been left away.
    throw Problem(
      reason: "counts columns from '\(titles[found[0].column])' on, not from 0 or 1; put those "
        + "before it back, or count those that are there anew, 'e0,e1,...'")
  }
}
