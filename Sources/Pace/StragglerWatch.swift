package import Timing

/// Looks for ranks that the others wait for, and for what they are slow at.
package struct StragglerWatch: Sendable {
  /// Why a rank is slow, as far as its own times tell.
  package enum Cause: String, Sendable, Equatable {
    case decode, compute, other

    /// The cause in words, as "slow by".
    package var text: String {
      switch self {
      case .decode: "reading and decoding photos"
      case .compute: "computing"
      case .other: "work outside of the gradients (log, checkpoint, disk)"
      }
    }
  }

  /// A slow rank: how much longer than the median it takes, as a share of the median's step.
  package struct Finding: Sendable, Equatable {
    /// The slow rank.
    package let rank: Int
    /// What it is slow at.
    package let cause: Cause
    /// How much longer than the median, as a share of the median's step.
    package let excess: Double
  }

  /// Steps that are looked at together.
  package static let window = 20
  /// A rank is slow from this share of the median's work on.
  package static let threshold = 0.25

  private var sums: [RankSeconds] = []
  private var microbatches: [Int] = []
  private var steps = 0

  /// A watch at the start of its first window.
  package init() {}

  /// Takes in the seconds of every rank's step and the microbatches it computed in it; at the end
  /// of a window returns who was slow in it, the slowest first, and the means of all ranks.
  package mutating func add(
    _ seconds: [RankSeconds], microbatches counts: [Int]
  ) -> (findings: [Finding], means: [RankSeconds])? {
    guard seconds.count > 1, seconds.contains(where: { $0.compute > 0 }) else { return nil }
    if sums.count != seconds.count {
      sums = Array(repeating: RankSeconds(), count: seconds.count)
      microbatches = Array(repeating: 0, count: seconds.count)
      steps = 0
    }
    for (rank, value) in seconds.enumerated() {
      sums[rank].decode += value.decode
      sums[rank].compute += value.compute
      sums[rank].peers += value.peers
      sums[rank].other += value.other
      microbatches[rank] += counts[rank]
    }
    steps += 1
    guard steps >= Self.window else { return nil }
    let findings = judge()
    let count = Double(steps)
    let means = sums.map {
      RankSeconds(
        decode: $0.decode / count, compute: $0.compute / count, peers: $0.peers / count,
        other: $0.other / count)
    }
    self = StragglerWatch()
    return (findings, means)
  }

  /// Compares the work of each rank, by the microbatch, with that of the median rank; a rank that
  /// had more microbatches is not slow for that.
  private func judge() -> [Finding] {
    let working = sums.indices.filter { microbatches[$0] > 0 }
    guard working.count > 1 else { return [] }
    func median(_ value: (Int) -> Double) -> Double {
      // The lower one, so that of two ranks the slower can be found.
      working.map(value).sorted()[(working.count - 1) / 2]
    }
    let decode = { rank in sums[rank].decode / Double(microbatches[rank]) }
    let compute = { rank in sums[rank].compute / Double(microbatches[rank]) }
    let other = { rank in sums[rank].other / Double(microbatches[rank]) }
    let (usualDecode, usualCompute, usualOther) = (median(decode), median(compute), median(other))
    let usual = usualDecode + usualCompute + usualOther
    guard usual > 0 else { return [] }
    return working.compactMap { rank -> Finding? in
      let excesses: [(Cause, Double)] = [
        (.decode, decode(rank) - usualDecode), (.compute, compute(rank) - usualCompute),
        (.other, other(rank) - usualOther),
      ]
      let excess = excesses.reduce(0) { $0 + max(0, $1.1) } / usual
      guard excess > Self.threshold, let worst = excesses.max(by: { $0.1 < $1.1 }) else {
        return nil
      }
      return Finding(rank: rank, cause: worst.0, excess: excess)
    }.sorted { $0.excess > $1.excess }
  }
}
