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
    if let said = try Self.said(reader) {
      self = said
      return
    }
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
      let folds = Self.foldCount(kinds),
      !reader.counts.isEmpty || stretches > 1 && folds <= Self.mostUnsaid
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

  /// Stretches of one pair, and more of them than this, are an order of lines and no folds.
  private static let mostUnsaid = 100

  /// The folds that a column of the file says, by number or else in the order of the lines; nil
  /// where there is no such column.
  private static func said(
    _ reader: PairsReader
  ) throws(PairsFileError) -> PairsFolds? {
    let texts = reader.foldTexts.map { text in Int(text).map(String.init) ?? text }
    guard texts.count == reader.pairs.count, !texts.isEmpty else { return nil }
    var places: [String: Int] = [:]
    for text in texts where places[text] == nil { places[text] = places.count }
    guard places.count > 1, 2 * places.count <= texts.count else {
      throw reader.fail(
        reader.pairs[0].line,
        "the column \(reader.foldName) says \(places.count) folds of \(texts.count) pairs, and it "
          + "takes two at least, of several pairs each; give it another title to have it passed over"
      )
    }
    let numbers = places.keys.compactMap { Int($0) }
    if numbers.count == places.count {
      for (place, number) in numbers.sorted().enumerated() { places[String(number)] = place }
    }
    let folds = texts.map { places[$0] ?? 0 }
    return PairsFolds(
      count: places.count, rule: "the \(places.count) folds of the column \(reader.foldName)",
      folds: folds)
  }

  private init(count: Int, rule: String, folds: [Int]) {
    self.count = count
    self.rule = rule
    self.folds = folds
  }

  /// `fold` is told the place of a pair among those of its kind.
  private init(_ count: Int, rule: String, kinds: [Bool], fold: (Int) -> Int) {
    var places = (same: 0, different: 0)
    let folds = kinds.map { isSame in
      defer { if isSame { places.same += 1 } else { places.different += 1 } }
      return fold(isSame ? places.same : places.different)
    }
    self.init(count: count, rule: rule, folds: folds)
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
