internal import Preconditions

/// The pairs of photos that verification is scored on, as indices into a list of photos.
package struct VerificationPairs: Sendable {
  /// Two photos, whether they show one person, and the fold they are scored in.
  package struct Pair: Sendable, Equatable {
    /// One photo of the pair, an index.
    package let first: Int
    /// The other one.
    package let second: Int
    /// Whether both show one person.
    package let isSame: Bool
    /// In 0..<foldCount.
    package let fold: Int

    /// Photos `first` and `second`; the fold counts from zero.
    package init(first: Int, second: Int, isSame: Bool, fold: Int) {
      self.first = first
      self.second = second
      self.isSame = isSame
      self.fold = fold
    }
  }

  /// A pair of a pairs file left out: photos that it names are not in the data, or it does not say
  /// which.
  package struct Skipped: Sendable, Equatable, CustomStringConvertible {
    /// The line of the pairs file, counted from one.
    package let line: Int
    /// The paths that were looked for in vain.
    package let missingPhotos: [String]
    /// What else is wrong with it, in words.
    package let reasons: [String]

    /// A pair of `line` whose `missingPhotos` are not in the data, or with other `reasons`.
    package init(line: Int, missingPhotos: [String], reasons: [String] = []) {
      self.line = line
      self.missingPhotos = missingPhotos
      self.reasons = reasons
    }

    /// One line of text for the log.
    package var description: String {
      "line \(line): "
        + (missingPhotos.map { "no photo \($0)" } + reasons).joined(separator: " and ")
    }
  }

  /// The pairs, in the order of their source.
  package let pairs: [Pair]
  /// How many folds there are; a fold may be empty.
  package let foldCount: Int
  /// How the folds were made, in words, for the log.
  package let foldRule: String
  /// The pairs left out, in the order of the file.
  package let skipped: [Skipped]
  /// Pairs left out because a photo of theirs has no embedding to compare.
  package let unreadableCount: Int
  /// Why that is, of one such pair, in words.
  package let unreadableReason: String
  /// The person of each photo, by its index; nil where nobody knows.
  package let people: [Int]?

  /// Pairs made by hand; traps if a fold is not in 0..<foldCount.
  package init(
    pairs: [Pair], foldCount: Int, foldRule: String, skipped: [Skipped] = [],
    unreadableCount: Int = 0, unreadableReason: String = Self.unreadable, people: [Int]? = nil
  ) {
    for pair in pairs {
      require(
        (0..<foldCount).contains(pair.fold),
        "VerificationPairs: a pair lies in fold \(pair.fold) of \(foldCount)")
    }
    self.pairs = pairs
    self.foldCount = foldCount
    self.foldRule = foldRule
    self.skipped = skipped
    self.unreadableCount = unreadableCount
    self.unreadableReason = unreadableReason
    self.people = people
  }

  /// What is wrong with a pair of a photo that could not be read.
  package static let unreadable = "a photo of theirs could not be read"
  /// What is wrong with a pair of a photo whose stored embedding has no direction.
  package static let withoutDirection =
    "the embedding of a photo of theirs is of zeros, or holds a NaN or an infinity"

  /// The same pairs, of photos that show `people` [photos].
  package func naming(_ people: [Int]) -> VerificationPairs {
    VerificationPairs(
      pairs: pairs, foldCount: foldCount, foldRule: foldRule, skipped: skipped,
      unreadableCount: unreadableCount, unreadableReason: unreadableReason, people: people)
  }

  /// The same pairs but those with a photo of `unreadable`, which have no embedding for `reason`.
  package func without(
    _ unreadable: Set<Int>, because reason: String = Self.unreadable
  ) -> VerificationPairs {
    let rest = pairs.filter { !unreadable.contains($0.first) && !unreadable.contains($0.second) }
    return VerificationPairs(
      pairs: rest, foldCount: foldCount, foldRule: foldRule, skipped: skipped,
      unreadableCount: unreadableCount + pairs.count - rest.count, unreadableReason: reason,
      people: people)
  }

  /// Pairs that say otherwise than `people` [photos] of who is on their photos.
  package func contradictionCount(with people: [Int]) -> Int {
    pairs.count { $0.isSame != (people[$0.first] == people[$0.second]) }
  }

  /// The number of pairs of one person.
  package var sameCount: Int { pairs.reduce(0) { $0 + ($1.isSame ? 1 : 0) } }

  /// Pairs of the same two photos: how many are there again with the same answer, and of how many
  /// the answers differ.
  package var repeats: (same: Int, contrary: Int) {
    struct Photos: Hashable {
      let least, most: Int
    }
    var answers: [Photos: Bool] = [:]
    var repeats = (same: 0, contrary: 0)
    for pair in pairs {
      let photos = Photos(least: min(pair.first, pair.second), most: max(pair.first, pair.second))
      if let known = answers.updateValue(pair.isSame, forKey: photos) {
        if known == pair.isSame { repeats.same += 1 } else { repeats.contrary += 1 }
      }
    }
    return repeats
  }

  /// What is most likely not meant with the list, a sentence each.
  package var warnings: [String] {
    let (same, contrary) = repeats
    var warnings: [String] = []
    if contrary > 0 {
      warnings.append(
        "\(contrary) pairs say otherwise than another pair of the same two photos; "
          + "leave out those that are wrong")
    }
    if same > 0 {
      warnings.append(
        "\(same) pairs stand in the list again; where their folds differ, thresholds are chosen on "
          + "pairs that they are measured on")
    }
    return warnings
  }

  /// The photos that occur in a pair, ascending, each once: only these need embedding.
  package var photoIndices: [Int] {
    Set(pairs.flatMap { [$0.first, $0.second] }).sorted()
  }

  /// The same pairs where each photo is called by its place in `photoIndices`.
  package func renumbered() -> VerificationPairs {
    let places = Dictionary(uniqueKeysWithValues: photoIndices.enumerated().map { ($1, $0) })
    let renumbered = pairs.map {
      Pair(
        first: places[$0.first]!, second: places[$0.second]!, isSame: $0.isSame, fold: $0.fold)
    }
    return VerificationPairs(
      pairs: renumbered, foldCount: foldCount, foldRule: foldRule, skipped: skipped,
      unreadableCount: unreadableCount, unreadableReason: unreadableReason)
  }
}
