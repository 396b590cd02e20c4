private import Preconditions

/// Judges from heartbeats who is lost, who is slow and who hangs: no clock, no thread, no messages
/// of its own.
///
/// The ranks stand in a ring; each hears both neighbours. The one before a silent rank speaks; the
/// one after it would speak a moment later. Time in which this rank itself was stopped does not
/// count, so that a job that is suspended as a whole and goes on finds nobody silent.
package struct RingWatch: Sendable {
  /// What a look has found.
  package enum Finding: Equatable, Sendable {
    /// The rank gave no sign for longer than the limit; the job is lost.
    case silent(rank: Int, seconds: Double, last: RankState)
    /// The rank gives no sign while this one has been told to end; a hint, perhaps the cause.
    case missing(rank: Int, seconds: Double, last: RankState)
    /// The rank had been silent for a good part of the limit and is back.
    case returned(rank: Int, seconds: Double)
    /// This rank lives but does nothing; the job is lost.
    case stalled(seconds: Double, state: RankState)
    /// The others wait for this rank, which works.
    case slow(rank: Int, seconds: Double, state: RankState)

    /// Whether the job ends.
    package var endsJob: Bool {
      switch self {
      case .silent, .stalled: true
      case .missing, .returned, .slow: false
      }
    }
  }

  /// Seconds between two looks, and between two heartbeats.
  package static let intervalSeconds = 0.5
  /// Silence that counts once the job is ending anyway, in seconds.
  private static let endingSeconds = 1.75
  /// How long this rank, after it was stopped itself, does not wonder where the others are.
  private static let afterPauseSeconds = 10.0
  /// How much later the rank after a silent one speaks, in seconds.
  private static let courtesySeconds = 2.0
  /// The wait for a rank that makes it a slow one, in seconds, where silence has no limit.
  private static let slowSeconds = 15.0
  /// The least time between two reports of a slow rank, in seconds.
  private static let slowPauseSeconds = 300.0

  private struct Neighbour {
    let rank: Int
    let isNext: Bool
    var state = RankState()
    var lastHeard = 0.0
    var changedAt = 0.0
    var isGone = false
    var isReportedMissing = false
  }

  /// The rank that watches.
  package let rank: Int
  private var neighbours: [Neighbour]
  private var own = RankState()
  private var ownChangedAt = 0.0
  private var slowReportedAt = -Double.infinity
  /// Seconds in which this rank ran, by its own count.
  private var awake = 0.0
  /// When this rank was last found to have been stopped.
  private var pausedAt = -Double.infinity
  private var lastNow: Double

  /// `now` is any monotonic time in seconds; the first silence counts from it.
  package init(rank: Int, size: Int, at now: Double) {
    require(0..<size ~= rank, "RingWatch: rank \(rank) of \(size)")
    self.rank = rank
    lastNow = now
    neighbours = []
    if size > 1 {
      neighbours.append(Neighbour(rank: (rank + 1) % size, isNext: true))
      if size > 2 { neighbours.append(Neighbour(rank: (rank + size - 1) % size, isNext: false)) }
    }
  }

  /// The ranks whose heartbeats are heard: none, one or two.
  package var neighbourRanks: [Int] { neighbours.map(\.rank) }

  /// Whether all neighbours have taken their leave.
  package var isAlone: Bool { neighbours.allSatisfy(\.isGone) }

  private mutating func pass(to now: Double) {
    let gap = max(0, now - lastNow)
    lastNow = now
    if gap > 4 * Self.intervalSeconds {
      awake += Self.intervalSeconds
      pausedAt = awake
    } else {
      awake += gap
    }
  }

  /// Takes in a heartbeat; returns `returned` where it ends a long silence under `limits`.
  package mutating func heard(
    _ state: RankState, from rank: Int, limits: WatchLimits, at now: Double
  ) -> Finding? {
    pass(to: now)
    guard let i = neighbours.firstIndex(where: { $0.rank == rank }) else { return nil }
    let silence = awake - neighbours[i].lastHeard
    if state != neighbours[i].state { neighbours[i].changedAt = awake }
    neighbours[i].state = state
    neighbours[i].lastHeard = awake
    neighbours[i].isReportedMissing = false
    guard let limit = limits.silenceSeconds, silence > max(limit / 4, 4 * Self.intervalSeconds)
    else { return nil }
    return .returned(rank: rank, seconds: silence)
  }

  /// Takes in that a neighbour has left for good, its work done.
  package mutating func parted(_ rank: Int) {
    for i in neighbours.indices where neighbours[i].rank == rank { neighbours[i].isGone = true }
  }

  /// What there is to say at `now`, `state` being this rank's own; `isEnding` once it was told to
  /// end.
  package mutating func look(
    own state: RankState, limits: WatchLimits, isEnding: Bool, at now: Double
  ) -> [Finding] {
    pass(to: now)
    if state != own {
      own = state
      ownChangedAt = awake
    }
    var findings: [Finding] = []
    for i in neighbours.indices where !neighbours[i].isGone {
      findings += judge(i, limits: limits, isEnding: isEnding)
    }
    let idle = awake - ownChangedAt
    if !own.isWaiting, own.phase != .end, let stall = limits.stallSeconds(in: own.phase),
      idle > stall
    {
      findings.append(.stalled(seconds: idle, state: own))
    }
    return findings
  }

  private mutating func judge(_ i: Int, limits: WatchLimits, isEnding: Bool) -> [Finding] {
    let neighbour = neighbours[i]
    let silence = awake - neighbour.lastHeard
    if let limit = limits.silenceSeconds,
      silence > limit + (neighbour.isNext ? 0 : Self.courtesySeconds)
    {
      return [.silent(rank: neighbour.rank, seconds: silence, last: neighbour.state)]
    }
    if isEnding, silence > Self.endingSeconds, !neighbour.isReportedMissing,
      awake - pausedAt > Self.afterPauseSeconds
    {
      neighbours[i].isReportedMissing = true
      return [.missing(rank: neighbour.rank, seconds: silence, last: neighbour.state)]
    }
    let slowAfter = limits.silenceSeconds ?? Self.slowSeconds
    let waited = awake - ownChangedAt
    if neighbour.isNext, own.isWaiting, waited > slowAfter, !neighbour.state.isWaiting,
      neighbour.changedAt > ownChangedAt, awake - slowReportedAt > Self.slowPauseSeconds
    {
      slowReportedAt = awake
      return [.slow(rank: neighbour.rank, seconds: waited, state: neighbour.state)]
    }
    return []
  }
}
