package import Collectives
internal import Threads

/// How the clocks of the ranks differ, found by messages alone.
///
/// What another rank read before a gathering is older than what this rank reads after it; both ways
/// give bounds of the difference, and the best of several rounds counts (as in NTP, RFC 5905).
package struct ClockAlignment: Sendable, Equatable {
  /// For each rank what its clock shows more than that of rank 0, in seconds.
  package let offsets: [Double]
  /// How far each offset may be off, in seconds.
  package let uncertainties: [Double]

  /// Compares the clocks that `now` reads; every rank calls it.
  package static func measure(
    over communicator: any Communicator, rounds: Int = 8, now: () -> Double = { Clock.seconds }
  ) throws -> ClockAlignment {
    guard communicator.size > 1 else {
      return ClockAlignment(offsets: [0], uncertainties: [0])
    }
    var entries: [[Double]] = []
    var exits: [Double] = []
    for _ in 0..<rounds {
      let entry = now()
      let all = try communicator.allGather(value: entry)
      exits.append(now())
      entries.append(all)
    }
    let exitsOfRanks = try communicator.allGather(exits)
    var offsets: [Double] = []
    var uncertainties: [Double] = []
    for rank in 0..<communicator.size {
      let upper = (0..<rounds).map { exitsOfRanks[rank][$0] - entries[$0][0] }.min() ?? 0
      let lower = (0..<rounds).map { entries[$0][rank] - exitsOfRanks[0][$0] }.max() ?? 0
      offsets.append(rank == 0 ? 0 : (upper + lower) / 2)
      uncertainties.append(rank == 0 ? 0 : max(0, upper - lower) / 2)
    }
    return ClockAlignment(offsets: offsets, uncertainties: uncertainties)
  }
}
