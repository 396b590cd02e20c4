internal import Timing
internal import Kernels
internal import Losses
internal import Networks

/// One compute thread's memory; it runs whole microbatches, alone.
final class Worker {
  let arena: Arena
  /// The gradients of the layer that runs, or of the head.
  let layerGradients: AlignedMemory
  let moments: AlignedMemory
  let headScratch: AlignedMemory
  let labels: UnsafeMutablePointer<Int32>
  let extras: UnsafeMutablePointer<Double>
  var seconds = PhaseSeconds()
  let bytes: Int

  init(network: Network, head: MarginSoftmaxHead?, extraCount: Int) {
    arena = Arena(for: network, phase: .training)
    layerGradients = AlignedMemory(
      count: max(network.largestLayerCount, head?.parameterCount ?? 0), fill: 0)
    moments = AlignedMemory(count: network.statisticsCount, fill: 0)
    headScratch = AlignedMemory(
      count: head?.scratchCount(rows: network.maximumRows) ?? 0, fill: .nan)
    labels = .allocate(capacity: network.maximumRows)
    labels.initialize(repeating: 0, count: network.maximumRows)
    extras = .allocate(capacity: extraCount)
    extras.initialize(repeating: 0, count: extraCount)
    bytes =
      Arena.bytes(for: network, phase: .training) + layerGradients.bytes + moments.bytes
      + headScratch.bytes + 8 * extraCount
  }

  deinit {
    labels.deallocate()
    extras.deallocate()
  }
}

/// Where each sum of a step lies among the reducer's extras.
struct ExtraSlots {
  let lossSum = 0
  let correctCount = 1
  let targetCosineSum = 2
  let spreadSum = 3
  let replacedCount = 4
  let unsoundRanks = 5
  /// The rank's hash of the weights in three parts of 22 bits: equal on all ranks where each sum is
  /// the rank's own part times the ranks.
  let weightsHash = 6
  private let ranks = 9
  let rankCount: Int
  /// Batch-norm addends [statisticsCount].
  let statistics: Int
  /// What ranks have measured of their blocks of the gradient, where the optimizer is sharded.
  let blocks: Int
  let count: Int

  init(rankCount: Int, statisticsCount: Int, blockValues: Int) {
    self.rankCount = rankCount
    statistics = ranks + Self.valuesOfRank * rankCount
    blocks = statistics + statisticsCount
    count = blocks + blockValues
  }

  /// Of each rank: its microbatches, then what `RankSeconds` holds.
  private static let valuesOfRank = 1 + RankSeconds.count

  /// Where rank `rank` counts its microbatches.
  func microbatches(of rank: Int) -> Int { ranks + Self.valuesOfRank * rank }

  /// Where rank `rank` tells the seconds of its step before this one.
  func seconds(of rank: Int) -> Int { microbatches(of: rank) + 1 }

  /// The parts of `hash`.
  static func parts(of hash: UInt64) -> [Double] {
    [0, 22, 44].map { Double((hash >> $0) & 0x3F_FFFF) }
  }

  /// The hash of these `parts`.
  static func hash(ofParts parts: [Double]) -> UInt64 {
    zip(parts, [0, 22, 44]).reduce(0) { $0 | UInt64($1.0) << UInt64($1.1) }
  }

  func sums(_ extras: UnsafePointer<Double>) -> StepSums {
    StepSums(
      lossSum: extras[lossSum], correctCount: extras[correctCount],
      targetCosineSum: extras[targetCosineSum], spreadSum: extras[spreadSum],
      replacedCount: extras[replacedCount], unsoundRanks: extras[unsoundRanks],
      microbatchesOfRanks: (0..<rankCount).map { Int(extras[microbatches(of: $0)]) },
      secondsOfRanks: (0..<rankCount).map { RankSeconds(extras + seconds(of: $0)) })
  }
}
