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

  private static let nameWords: Set<String> = [
    "name", "names", "path", "paths", "photo", "file", "filename", "file_name", "filepath",
    "file_path", "image", "img", "image_path", "image_name", "image_id", "key",
  ]
  private static let otherWords: Set<String> = [
    "label", "labels", "person", "person_id", "identity", "id", "class", "class_id", "target",
    "score", "quality", "confidence", "conf", "index", "fold", "split", "age", "gender", "set",
  ]

  /// Reads `titles`, two or more.
  init(_ titles: [String]) throws(Problem) {
    let words = titles.map { title in
      title.split(whereSeparator: \.isWhitespace).joined(separator: " ").lowercased()
    }
    let counted = Self.counted(words)
    let name =
      words.indices.first { Self.nameWords.contains(words[$0]) && !counted.contains($0) } ?? 0
    guard !counted.contains(name) else {
      throw Problem(
        reason: "begins with '\(titles[0])', one of the numbers; a column of names stands first, "
          + "'name,0,1,...'")
    }
    let rest = words.indices.filter { $0 != name }
    self.name = name
    if !counted.isEmpty {
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
    numbers = rest
    passedOver = []
  }

  /// The columns whose titles are one word before 0, 1, 2, ... or 1, 2, 3, ..., the most there are;
  /// none where fewer than two count.
  private static func counted(_ words: [String]) -> [Int] {
    var columns: [String: [Int]] = [:]
    for (column, word) in words.enumerated() {
      let stem = word.reversed().drop { $0.isASCII && $0.isNumber }
      let number = word.suffix(word.count - stem.count)
      guard let number = Int(number) else { continue }
      let stemText = String(stem.reversed())
      let known = columns[stemText, default: []].count
      let first =
        columns[stemText]?.first.flatMap { Int(words[$0].drop { !$0.isNumber }) } ?? number
      if number == first + known, first <= 1 { columns[stemText, default: []].append(column) }
    }
    let most = columns.values.max { ($0.count, $1[0]) < ($1.count, $0[0]) } ?? []
    return most.count > 1 ? most : []
  }
}
