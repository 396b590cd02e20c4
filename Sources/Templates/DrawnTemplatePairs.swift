package import Evaluation
private import Foundation
internal import Preconditions

/// Intervals of IJB's 1:1 rates by drawing people (`PeopleBootstrap`), of millions of pairs.
///
/// Sixteen draws lie side by side in a vector, so that a pair is looked up once for all of them.
/// A threshold depends on the most similar pairs of two people alone: of the others it takes no
/// more than the sum of their weights, which is one for all modes of a template.
package struct DrawnTemplatePairs {
  private typealias Lanes = SIMD16<Float>

  private static let laneCount = Lanes.scalarCount
  private static let blockCount =
    (PeopleBootstrap.drawCount + laneCount - 1) / laneCount
  /// Pairs whose weights are summed in floats, which is exact where nobody is drawn more than 64
  /// times.
  private static let exactCount = 4096
  /// Pairs of two people that are walked through at once.
  private static let stepCount = 256

  /// A pair of two people, or of one, by the rows of its weights.
  private struct Pair {
    let score: Double
    let first, second: Int32
  }

  private let pairs: TemplatePairs
  private let people: TemplatePeople
  private let bootstrap: PeopleBootstrap
  private let seed: UInt64
  private let threads: Int
  /// The weights of all pairs of two people [blocks, lanes].
  private let differentTotals: [[Double]]

  /// Draws the `people` of `pairs`, which stay while their scores change.
  package init(_ pairs: TemplatePairs, people: TemplatePeople, seed: UInt64, threads: Int) {
    (self.pairs, self.people, self.seed, self.threads) = (pairs, people, seed, threads)
    bootstrap = PeopleBootstrap(people: people.count)
    let same = pairs.isSame.indices.filter { pairs.isSame[$0] }
    let bootstrap = bootstrap
    differentTotals = Self.blocks(threads: threads) { block in
      let weights = Self.weights(bootstrap, block: block, seed: seed)
      let all = Self.total(pairs, people, nil, weights)
      let one = Self.total(pairs, people, same, weights)
      return zip(all, one).map { $0 - $1 }
    }
  }

  /// How the intervals were made.
  package var rule: String { bootstrap.rule }

  /// `rates` of `scores` with intervals where there are pairs enough.
  package func intervals(
    of rates: [AcceptRate], scores: [Double], sorted: SortedScores
  ) -> [AcceptRate] {
    let targets = rates.filter(\.isSufficient).map(\.targetFAR)
    guard let largest = targets.max() else { return rates }
    let same = chosen(pairs.isSame.indices.filter { pairs.isSame[$0] }, scores)
    // People who are drawn often bring more pairs than there are.
    var count = sorted.different.count
    count = min(count, PairScores.allowed(largest, of: count) * 3 / 2 + 1000)
    var found: [[[Double]]] = []
    while true {
      let least = sorted.different[count - 1]
      let top = chosen(
        pairs.isSame.indices.filter { !pairs.isSame[$0] && scores[$0] >= least }, scores)
      let blocks = Self.blocks(threads: threads) { block in
        rows(same: same, top: top, targets: targets, block: block)
      }
      found = blocks.compactMap(\.self)
      if found.count == blocks.count { break }
      require(
        count < sorted.different.count, "DrawnTemplatePairs: \(count) pairs pass no threshold")
      count = min(sorted.different.count, 2 * count)
    }
    var results = rates
    for (index, rate) in rates.enumerated() where rate.isSufficient {
      let place = targets.firstIndex(of: rate.targetFAR)!
      let values = found.flatMap { $0[place] }.prefix(PeopleBootstrap.drawCount)
        .filter { !$0.isNaN }
      if !values.isEmpty { results[index].interval = PairScores.interval(values) }
    }
    return results
  }

  // MARK: Blocks of draws

  /// What `body` gives for each block of draws, on all threads.
  private static func blocks<Result: Sendable>(
    threads: Int, _ body: (Int) -> Result
  ) -> [Result] {
    let results = UnsafeMutablePointer<Result>.allocate(capacity: blockCount)
    defer { results.deallocate() }
    withoutActuallyEscaping(body) { body in
      nonisolated(unsafe) let (body, results) = (body, results)
      DispatchQueue.concurrentPerform(iterations: min(threads, blockCount)) { lane in
        for block in stride(from: lane, to: blockCount, by: min(threads, blockCount)) {
          (results + block).initialize(to: body(block))
        }
      }
    }
    defer { results.deinitialize(count: blockCount) }
    return (0..<blockCount).map { results[$0] }
  }

  /// How often each person is drawn in the draws of a block [people + 1]; the last row is of ones,
  /// for the second person of pairs of one.
  private static func weights(
    _ bootstrap: PeopleBootstrap, block: Int, seed: UInt64
  ) -> [Lanes] {
    var weights = [Lanes](repeating: Lanes(), count: bootstrap.unitCount)
    for lane in 0..<laneCount {
      let counts = bootstrap.counts(draw: block * laneCount + lane, seed: seed)
      for (unit, count) in counts.enumerated() { weights[unit][lane] = Float(count) }
    }
    return weights + [Lanes(repeating: 1)]
  }

  /// The row of weights of the second template of a pair.
  private func second(_ pair: Int) -> Int32 {
    let (a, b) = (
      people.numbers[Int(pairs.first[pair])], people.numbers[Int(pairs.second[pair])]
    )
    return a == b ? Int32(people.count) : b
  }

  /// The pairs of `places` by their rows of weights, the most similar first.
  private func chosen(_ places: [Int], _ scores: [Double]) -> [Pair] {
    places.map { place in
      Pair(
        score: scores[place], first: people.numbers[Int(pairs.first[place])],
        second: second(place))
    }.sorted { $0.score > $1.score }
  }

  /// The sums [lanes] of the weights of the pairs at `places`; nil stands for all.
  private static func total(
    _ pairs: TemplatePairs, _ people: TemplatePeople, _ places: [Int]?, _ weights: [Lanes]
  ) -> [Double] {
    var totals = [Double](repeating: 0, count: laneCount)
    let count = places?.count ?? pairs.isSame.count
    let ones = people.count
    pairs.first.withUnsafeBufferPointer { first in
      pairs.second.withUnsafeBufferPointer { second in
        people.numbers.withUnsafeBufferPointer { numbers in
          weights.withUnsafeBufferPointer { weights in
            for start in stride(from: 0, to: count, by: exactCount) {
              var sum = Lanes()
              for place in start..<min(count, start + exactCount) {
                let pair = places?[place] ?? place
                let a = Int(numbers[Int(first[pair])])
                let b = Int(numbers[Int(second[pair])])
                sum += weights[a] * weights[a == b ? ones : b]
              }
              for lane in 0..<laneCount { totals[lane] += Double(sum[lane]) }
            }
          }
        }
      }
    }
    return totals
  }

  /// The true-accept rates [targets, lanes] of a block of draws, NaN where a kind of pair has no
  /// weight; nil where `top`, the most similar pairs of two people, are too few.
  private func rows(
    same: [Pair], top: [Pair], targets: [Double], block: Int
  ) -> [[Double]]? {
    let weights = Self.weights(bootstrap, block: block, seed: seed)
    // Sums of the weights of the most similar pairs of one person [same + 1, lanes].
    var sums = [Double](repeating: 0, count: Self.laneCount)
    var ends = sums
    for pair in same {
      let weight = weights[Int(pair.first)] * weights[Int(pair.second)]
      for lane in 0..<Self.laneCount {
        ends[lane] += Double(weight[lane])
        sums.append(ends[lane])
      }
    }
    guard let thresholds = thresholds(top, targets: targets, weights, block: block) else {
      return nil
    }
    return targets.indices.map { target in
      (0..<Self.laneCount).map { lane in
        guard ends[lane] > 0, differentTotals[block][lane] > 0 else { return .nan }
        let threshold = thresholds[target][lane]
        var (low, high) = (0, same.count)
        while low < high {
          let middle = (low + high) / 2
          if same[middle].score > threshold { low = middle + 1 } else { high = middle }
        }
        return sums[low * Self.laneCount + lane] / ends[lane]
      }
    }
  }

  /// The score [targets, lanes] at which more pairs of two people are accepted than a target
  /// allows; nil where `top` does not reach one.
  private func thresholds(
    _ top: [Pair], targets: [Double], _ weights: [Lanes], block: Int
  ) -> [[Double]]? {
    let totals = differentTotals[block]
    let limits = targets.map { target in
      totals.map { Double(PairScores.allowed(target, of: Int($0))) }
    }
    var found = [[Double]](
      repeating: [Double](repeating: .nan, count: Self.laneCount), count: targets.count)
    // The smallest rate, which stands last, is passed first.
    var open = totals.map { $0 > 0 ? targets.count - 1 : -1 }
    var accepted = [Double](repeating: 0, count: Self.laneCount)
    for start in stride(from: 0, to: top.count, by: Self.stepCount) {
      let step = start..<min(top.count, start + Self.stepCount)
      var sum = Lanes()
      top.withUnsafeBufferPointer { top in
        for place in step {
          sum += weights[Int(top[place].first)] * weights[Int(top[place].second)]
        }
      }
      for lane in 0..<Self.laneCount where open[lane] >= 0 {
        let next = accepted[lane] + Double(sum[lane])
        if next > limits[open[lane]][lane] {
          var here = accepted[lane]
          for place in step where open[lane] >= 0 {
            let pair = top[place]
            here += Double(weights[Int(pair.first)][lane] * weights[Int(pair.second)][lane])
            while open[lane] >= 0, here > limits[open[lane]][lane] {
              found[open[lane]][lane] = pair.score
              open[lane] -= 1
            }
          }
        }
        accepted[lane] = next
      }
      if open.allSatisfy({ $0 < 0 }) { return found }
    }
    return nil
  }
}
