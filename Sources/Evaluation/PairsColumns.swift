/// Which columns of a list of pairs are the photos, the answer and the fold: by their titles, or by
/// all lines together.
struct PairsColumns {
  /// Why the columns do not tell.
  struct Problem: Error {
    let reason: String
  }

  /// The columns of the two photos and of the answer; nil for lines of LFW's form.
  let order: [Int]?
  /// The column of the fold, and what to call it, such as `'fold'` or `1`.
  let fold: (column: Int, name: String)?

  private enum Kind {
    case photo, person, number, answer, fold, other
  }

  private static let photoWords: Set<String> = [
    "path", "file", "filename", "filepath", "image", "img", "photo",
  ]
  private static let personWords: Set<String> = [
    "name", "person", "id", "left", "right", "first", "second", "probe", "reference", "ref",
  ]
  private static let answerWords: Set<String> = [
    "label", "issame", "same", "match", "target", "decision", "answer", "genuine", "truth", "gt",
  ]
  private static let denials: Set<String> = ["not", "non", "no", "un", "different", "diff"]

  private static func kind(_ title: String) -> Kind {
    let words = title.lowercased().split { !$0.isLetter }.map(String.init)
    if words.contains("fold") || words.contains("kfold") { return .fold }
    if words.contains(where: answerWords.contains) {
      return words.contains(where: denials.contains) ? .other : .answer
    }
    if words.contains("imagenum") { return .number }
    if words.contains(where: photoWords.contains) { return .photo }
    return words.contains(where: personWords.contains) ? .person : .other
  }

  /// What the titles in the first line say; nil for a line that is a pair itself. Throws `Problem`
  /// where two photos are named and not one answer.
  init?(titles: [String]) throws(Problem) {
    guard titles.count > 1, !titles.contains(where: { PairsLine.isPath($0) || Int($0) != nil })
    else { return nil }
    let kinds = titles.map(Self.kind)
    func columns(_ kind: Kind) -> [Int] { kinds.indices.filter { kinds[$0] == kind } }
    let (photos, people, answers) = (columns(.photo), columns(.person), columns(.answer))
    let known = photos.count + people.count + columns(.number).count + answers.count
    guard known > 1 else { return nil }
    fold = columns(.fold).first.map { ($0, "'\(titles[$0])'") }
    let both = photos.count == 2 ? photos : photos.isEmpty ? people : photos + people
    guard columns(.number).isEmpty, both.count == 2 else {
      order = nil
      return
    }
    guard answers.count < 2 else {
      throw Problem(
        reason: "has several columns that may be the answer, "
          + answers.map { "'\(titles[$0])'" }.joined(separator: " and ")
          + "; leave one of them, 'same', 1 for one person and 0 for two")
    }
    guard let answer = answers.first else {
      let others = titles.indices.filter { !both.contains($0) }.map { "'\(titles[$0])'" }
      throw Problem(
        reason: "has titles for two photos and none for the answer"
          + (others.isEmpty ? "" : " (\(others.joined(separator: ", ")) may say anything)")
          + "; call its column 'same', 1 for one person and 0 for two")
    }
    order = both + [answer]
  }

  /// What `lines` without titles, of four fields with two paths among them, have in common; nil
  /// where there are none. Throws `Problem` where two columns may be the answer.
  init?(lines: [[String]]) throws(Problem) {
    for photos in [[0, 1], [1, 2]] {
      let rows = lines.filter { fields in
        fields.count == 4 && photos.allSatisfy { PairsLine.isPath(fields[$0]) }
      }
      guard !rows.isEmpty else { continue }
      let answers = (0..<4).filter { column in
        !photos.contains(column) && rows.allSatisfy { PairsLine.answer($0[column]) != nil }
          && !Self.counts(rows.map { $0[column] })
      }
      let said = answers.map { column in rows.map { PairsLine.answer($0[column]) } }
      if answers.count == 2, said[0] != said[1] {
        throw Problem(
          reason:
            "has two columns that may be the answer, \(answers[0] + 1) and \(answers[1] + 1); "
            + "leave one of them away, or put a line of titles before the first, such as "
            + "'path1,path2,score,same'")
      }
      guard let answer = answers.first else { return nil }
      order = photos + [answer]
      let rest = (0..<4).first { !photos.contains($0) && $0 != answer } ?? 0
      let isFold = rows.count == lines.count && Self.areFolds(rows.map { $0[rest] })
      fold = isFold ? (rest, "\(rest + 1)") : nil
      return
    }
    return nil
  }

  /// Whether `cells` are the numbers of three folds and more that follow each other, of as many
  /// pairs each; two are as likely to be answers.
  private static func areFolds(_ cells: [String]) -> Bool {
    let numbers = cells.compactMap { Int($0) }
    guard numbers.count == cells.count, let first = numbers.first, (0...1).contains(first),
      let last = numbers.last, last > first + 1
    else { return false }
    let (size, rest) = numbers.count.quotientAndRemainder(dividingBy: last - first + 1)
    return size > 1 && rest == 0
      && numbers.indices.allSatisfy { numbers[$0] == first + $0 / size }
  }

  /// Whether `cells` are the numbers of their lines.
  private static func counts(_ cells: [String]) -> Bool {
    let numbers = cells.compactMap { Int($0) }
    return cells.count > 1 && numbers.count == cells.count
      && zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 }
  }
}
