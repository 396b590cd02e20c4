/// Which triplets of a batch the loss is taken over: `--mining` (Schroff et al. 2015, section 3.2).
///
/// d_ap and d_an are squared distances of unit embeddings, alpha is the margin; a pair is an anchor
/// and another face of the same person, in both directions. Ties go to the lower batch slot.
package enum MiningMode: String, Sendable, Equatable, CaseIterable {
  /// For every pair a random negative of the band d_ap < d_an < d_ap + alpha.
  case randomSemiHard = "random-semi-hard"
  /// For every pair the nearest negative of that band.
  case semiHard = "semi-hard"
  /// For every pair a random negative with d_an < d_ap + alpha (facenet's code).
  case violating
  /// For every pair the nearest negative of all.
  case hardest
  /// For every anchor its farthest positive and its nearest negative (Hermans et al. 2017).
  case batchHard = "batch-hard"
  /// Every triplet with d_an < d_ap + alpha.
  case all
  /// The triplets that the batch was made of, hard ones of a larger pool.
  case offline

  /// Whether negatives nearer than the positive are chosen for being so, which can make the
  /// embeddings shrink to one point.
  package var isHard: Bool { self != .semiHard && self != .randomSemiHard && self != .all }
}

/// Slots of a batch, or photos: an anchor, another face of its person, and one of another person.
package struct Triplet: Sendable, Equatable {
  /// The photo that the two others are compared with.
  package var anchor: Int
  /// Another photo of the same person.
  package var positive: Int
  /// A photo of someone else.
  package var negative: Int

  /// Three positions, whatever list they are in.
  package init(anchor: Int, positive: Int, negative: Int) {
    self.anchor = anchor
    self.positive = positive
    self.negative = negative
  }
}

/// How a batch is mined.
package struct MiningRequest: Sendable {
  /// Which triplets are wanted.
  package let mode: MiningMode
  /// The margin alpha between squared distances.
  package let margin: Double
  /// What random choices are a function of, with `step`.
  package let seed: UInt64
  /// Steps before the one whose batch is mined.
  package let step: Int
  /// The triplets of `.offline`, as slots of the batch; empty for the other modes.
  package let listed: [Triplet]

  package init(
    mode: MiningMode, margin: Double, seed: UInt64, step: Int, listed: [Triplet] = []
  ) {
    self.mode = mode
    self.margin = margin
    self.seed = seed
    self.step = step
    self.listed = listed
  }
}

/// The embeddings of a whole batch, as mining and the loss read them.
///
/// For a harmonic embedding (Schroff et al. 2015, section 7) the batch is in it twice: as the
/// network that learns embeds it, then as an older one did.
package struct EmbeddedBatch: @unchecked Sendable {
  /// Unit rows [count, stride], zeros behind `width`.
  package let units: UnsafePointer<Double>
  /// 1 / length of each row before it was one [count].
  package let inverseNorms: UnsafePointer<Double>
  /// The person of each row [count]; below 0 for a row of the older network that is missing.
  package let labels: UnsafePointer<Int32>
  /// Rows.
  package let count: Int
  /// Rows of the network that learns; those from here on are the older one's.
  package let learnedCount: Int
  /// Numbers of an embedding.
  package let width: Int
  /// Floats from one row to the next.
  package let stride: Int

  package init(
    units: UnsafePointer<Double>, inverseNorms: UnsafePointer<Double>,
    labels: UnsafePointer<Int32>, count: Int, learnedCount: Int? = nil, width: Int, stride: Int
  ) {
    self.units = units
    self.inverseNorms = inverseNorms
    self.labels = labels
    self.count = count
    self.learnedCount = learnedCount ?? count
    self.width = width
    self.stride = stride
  }
}

/// What mining has found for one anchor; the weights of its distances follow it in `MinedWords`.
struct MinedAnchor: Equatable {
  /// What could have become a triplet: pairs; anchors for batch-hard; all triplets for `all`.
  var candidates = 0
  /// Triplets with a loss above zero.
  var triplets = 0
  var pairs = 0
  var negatives = 0
  /// 1 where the nearest other face is the anchor's person.
  var nearestIsOwn = 0
  /// Sums over the triplets, the pairs and the negatives.
  var lossSum = 0.0
  var positiveSum = 0.0
  var negativeSum = 0.0

  static let wordCount = 9

  /// What two rounds over the same anchor have found together.
  func joined(with other: MinedAnchor) -> MinedAnchor {
    var sum = self
    sum.candidates += other.candidates
    sum.triplets += other.triplets
    sum.pairs += other.pairs
    sum.negatives += other.negatives
    sum.nearestIsOwn = max(nearestIsOwn, other.nearestIsOwn)
    sum.lossSum += other.lossSum
    sum.positiveSum += other.positiveSum
    sum.negativeSum += other.negativeSum
    return sum
  }

  func append(entryCount: Int, to words: inout [UInt64]) {
    for count in [candidates, triplets, pairs, negatives, nearestIsOwn, entryCount] {
      words.append(UInt64(count))
    }
    for sum in [lossSum, positiveSum, negativeSum] { words.append(sum.bitPattern) }
  }

  init() {}

  init(_ words: UnsafePointer<UInt64>) {
    candidates = Int(words[0])
    triplets = Int(words[1])
    pairs = Int(words[2])
    negatives = Int(words[3])
    nearestIsOwn = Int(words[4])
    lossSum = Double(bitPattern: words[6])
    positiveSum = Double(bitPattern: words[7])
    negativeSum = Double(bitPattern: words[8])
  }

  static func entryCount(_ words: UnsafePointer<UInt64>) -> Int { Int(words[5]) }

  /// A slot and how often its distance to the anchor counts in the loss, below 0 for negatives.
  static func entry(slot: Int, weight: Int) -> UInt64 {
    UInt64(UInt32(slot)) << 32 | UInt64(UInt32(bitPattern: Int32(weight)))
  }
}
