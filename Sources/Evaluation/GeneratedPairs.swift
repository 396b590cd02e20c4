internal import Determinism
internal import Preconditions

extension VerificationPairs {
  /// Balanced pairs of labelled photos, a function of `labels` [photos], `seed` and the limits
  /// alone.
  ///
  /// People are dealt into up to `folds` groups, and pairs stay inside a group, so that no person
  /// is in two folds; with too few people for two groups, all pairs come from one and are dealt to
  /// folds in turn. Pairs of one person go round the people, so that nobody with many photos
  /// dominates; pairs of two people draw people, then photos, evenly. Every fold has as many of the
  /// one kind as of the other; no pair occurs twice. Each group gives an equal part of `limit`, or
  /// what its photos hold; nothing comes where nobody has two photos or there is only one person.
  ///
  /// With embeddings `hard` [photos] pairs of two people are the nearest of their group instead;
  /// photos without a direction are in none of them.
  package static func generated(
    labels: [Int], limit: Int, folds: Int = 10, seed: UInt64, hard: Embeddings? = nil
  ) -> VerificationPairs {
    require(limit >= 0, "VerificationPairs.generated: limit \(limit) is negative")
    require(folds > 0, "VerificationPairs.generated: \(folds) folds")
    let groups = peopleGroups(labels: labels, folds: folds, seed: seed)
    let isDisjoint = groups.count > 1
    let foldCount = isDisjoint ? groups.count : folds
    var pairs: [Pair] = []
    for (group, people) in groups.enumerated() {
      let quota = limit / 2 / groups.count + (group < limit / 2 % groups.count ? 1 : 0)
      let random = CounterRandom(seed: seed, purpose: .split, 2, group)
      let same = samePairs(of: people, quota: quota)
      let different =
        hard.map { nearestPairs(of: people, quota: same.count, by: $0) }
        ?? differentPairs(of: people, quota: same.count, random: random)
      for (isSame, kind) in [(true, Array(same.prefix(different.count))), (false, different)] {
        for (index, pair) in kind.enumerated() {
          let fold = isDisjoint ? group : index % folds
          pairs.append(Pair(first: pair.0, second: pair.1, isSame: isSame, fold: fold))
        }
      }
    }
    let rule =
      isDisjoint
      ? "\(foldCount) folds, no person in two of them"
      : "\(foldCount) folds of pairs dealt in turn (too few people for folds by people)"
    return VerificationPairs(
      pairs: pairs, foldCount: foldCount, foldRule: rule, people: labels)
  }

  /// The photos of each person, shuffled, people dealt to groups that can each make both kinds.
  private static func peopleGroups(labels: [Int], folds: Int, seed: UInt64) -> [[[Int]]] {
    var photos: [Int: [Int]] = [:]
    for (index, label) in labels.enumerated() { photos[label, default: []].append(index) }
    let sorted = photos.keys.sorted()
    let order = CounterRandom(seed: seed, purpose: .split, 0).permutation(of: sorted.count)
    var repeated: [[Int]] = []
    var single: [[Int]] = []
    for position in order {
      let label = sorted[position]
      let mine = photos[label] ?? []
      let shuffle = CounterRandom(seed: seed, purpose: .split, 1, label)
        .permutation(of: mine.count)
      if mine.count > 1 { repeated.append(shuffle.map { mine[$0] }) } else { single.append(mine) }
    }
    let count = max(1, min(folds, repeated.count, sorted.count / 2))
    var groups = [[[Int]]](repeating: [], count: count)
    for (turn, person) in (repeated + single).enumerated() { groups[turn % count].append(person) }
    return groups
  }

  /// Up to `quota` pairs of one person, one of each person a round.
  ///
  /// Round r of a person with n photos joins photo r mod n with the one r / n + 1 further on the
  /// circle, which meets every one of the n (n - 1) / 2 pairs once and needs no list of them.
  private static func samePairs(of people: [[Int]], quota: Int) -> [(Int, Int)] {
    var pairs: [(Int, Int)] = []
    var round = 0
    var grew = true
    while grew && pairs.count < quota {
      grew = false
      for photos in people where round < photos.count * (photos.count - 1) / 2 {
        guard pairs.count < quota else { break }
        let from = round % photos.count
        let to = (from + round / photos.count + 1) % photos.count
        pairs.append((photos[from], photos[to]))
        grew = true
      }
      round += 1
    }
    return pairs
  }

  /// Up to `quota` different pairs of two people each; fewer only where few exist.
  private static func differentPairs(
    of people: [[Int]], quota: Int, random: CounterRandom
  ) -> [(Int, Int)] {
    guard people.count > 1, quota > 0 else { return [] }
    var pairs: [(Int, Int)] = []
    var seen: Set<[Int]> = []
    var attempt = 0
    while pairs.count < quota && attempt < 64 * quota + 1024 {
      let first = random.integer(4 * attempt, below: people.count)
      let skip = random.integer(4 * attempt + 1, below: people.count - 1)
      let second = skip < first ? skip : skip + 1
      let a = people[first][random.integer(4 * attempt + 2, below: people[first].count)]
      let b = people[second][random.integer(4 * attempt + 3, below: people[second].count)]
      if seen.insert([min(a, b), max(a, b)]).inserted { pairs.append((a, b)) }
      attempt += 1
    }
    return pairs
  }

  /// The photos of others that each photo may be paired with.
  private static let nearestPerPhoto = 4

  /// Up to `quota` pairs of two people, nearest first: of each photo's nearest photos of others.
  private static func nearestPairs(
    of people: [[Int]], quota: Int, by embeddings: Embeddings
  ) -> [(Int, Int)] {
    struct Candidate: Hashable {
      let first, second: Int
    }
    let photos = people.enumerated().flatMap { person, photos in photos.map { ($0, person) } }
      .filter { embeddings.hasDirection($0.0) }
    let dimension = embeddings.dimension
    let own = Embeddings(
      photos.flatMap { embeddings.values[$0.0 * dimension..<($0.0 + 1) * dimension] },
      dimension: dimension)
    let unit = own.normalized()
    var found: [Candidate: Float] = [:]
    Similarity.forEachRow(unit, against: unit, dimension: dimension, isRepeatable: true) {
      row, cosines in
      var best: [Int] = []
      for other in cosines.indices where photos[other].1 != photos[row].1 {
        if best.count == nearestPerPhoto {
          guard cosines[other] > cosines[best[nearestPerPhoto - 1]] else { continue }
          best.removeLast()
        }
        best.insert(other, at: best.firstIndex { cosines[$0] < cosines[other] } ?? best.count)
      }
      for other in best {
        let (a, b) = (photos[row].0, photos[other].0)
        found[Candidate(first: min(a, b), second: max(a, b))] = cosines[other]
      }
    }
    return found.sorted {
      ($1.value, $0.key.first, $0.key.second) < ($0.value, $1.key.first, $1.key.second)
    }.prefix(quota).map { ($0.key.first, $0.key.second) }
  }

  /// The same pairs with as many of either kind in every fold as the fold with the fewest has,
  /// folds one behind the other, of each the pairs of one person first, as files of pairs have
  /// them; and how many of each kind that are.
  package func evened() -> (pairs: VerificationPairs, perKind: Int) {
    let kinds = (0..<foldCount).map { fold in
      [true, false].map { isSame in pairs.filter { $0.fold == fold && $0.isSame == isSame } }
    }
    let perKind = kinds.flatMap { $0.map(\.count) }.min() ?? 0
    return (
      VerificationPairs(
        pairs: kinds.flatMap { $0.flatMap { $0.prefix(perKind) } }, foldCount: foldCount,
        foldRule: foldRule, people: people), perKind
    )
  }
}
