private import Synchronization

/// What the main thread of a rank is at.
package enum RunPhase: Int, Sendable, CaseIterable {
  /// Listing data, reading a checkpoint, preparing memory.
  case start
  /// Bringing photos: what `compute` is called while workers do nothing else.
  case read
  /// Forward and backward on the workers, and the sums of what is final meanwhile.
  case compute
  /// The last sums and what ranks agree on after a step.
  case reduce
  case update
  case checkpoint
  case evaluate
  /// The work is done.
  case end

  /// How many times the limit of `WatchLimits.stallSeconds` this phase may stay without progress:
  /// listing millions of photos or waiting for a slow disk has no ticks.
  package var stallFactor: Double {
    switch self {
    case .start: 12
    case .checkpoint, .evaluate: 2
    case .read, .compute, .reduce, .update, .end: 1
    }
  }
}

/// Where a rank stands, as its peers are told.
package struct RankState: Sendable, Equatable, CustomStringConvertible {
  /// What the rank is doing.
  package var phase: RunPhase
  /// The step in work, from 1; 0 before the first.
  package var step: Int
  /// Grows with every photo, layer and microbatch that is done.
  package var ticks: Int
  /// Whether the rank has nothing to do but wait for its peers.
  package var isWaiting: Bool

  package init(phase: RunPhase = .start, step: Int = 0, ticks: Int = 0, isWaiting: Bool = false) {
    self.phase = phase
    self.step = step
    self.ticks = ticks
    self.isWaiting = isWaiting
  }

  /// The state as the last sign of a peer told it, for a rank that stands at `own`: signs are half
  /// a second apart, and steps may be shorter, but nobody is a step ahead of a peer.
  package func seen(from own: RankState) -> String {
    own.step > step + 1
      ? "\(self) and at work on step \(own.step - 1) or later since" : "\(self)"
  }

  /// The state in three words for a message.
  package var words: [Int64] {
    [Int64(phase.rawValue << 1 | (isWaiting ? 1 : 0)), Int64(step), Int64(ticks)]
  }

  /// The state that `words` [3] mean; nil where they mean none.
  package init?(words: some Collection<Int64>) {
    let words = Array(words)
    guard words.count == 3, let phase = RunPhase(rawValue: Int(words[0] >> 1)) else { return nil }
    self.init(
      phase: phase, step: Int(words[1]), ticks: Int(words[2]), isWaiting: words[0] & 1 == 1)
  }

  /// "compute of step 41", "start".
  package var description: String { step > 0 ? "\(phase) of step \(step)" : "\(phase)" }
}

/// How long ranks may be silent or idle, in seconds; nil is for ever.
package struct WatchLimits: Sendable, Equatable {
  /// A rank that gives no sign for so long is lost, and the job ends.
  package var silenceSeconds: Double?
  /// A rank that lives but does nothing for so long, times the phase's factor, ends the job.
  package var stallSeconds: Double?

  /// The silence that ends a job unless it is told otherwise.
  package static let usualSilenceSeconds = 15.0
  /// The idleness that ends a job unless it is told otherwise.
  package static let usualStallSeconds = 300.0

  package init(
    silenceSeconds: Double? = usualSilenceSeconds, stallSeconds: Double? = usualStallSeconds
  ) {
    self.silenceSeconds = silenceSeconds
    self.stallSeconds = stallSeconds
  }

  /// How long a rank may do nothing in `phase`, in seconds; nil is for ever.
  package func stallSeconds(in phase: RunPhase) -> Double? {
    stallSeconds.map { $0 * phase.stallFactor }
  }
}

/// The progress of this rank: workers and the main thread tick, a watch thread reads.
package final class RankProgress: Sendable {
  private let phase = Atomic<Int>(RunPhase.start.rawValue)
  private let step = Atomic<Int>(0)
  private let ticks = Atomic<Int>(0)
  private let readers = Atomic<Int>(0)
  private let isWaiting = Atomic<Bool>(false)
  private let isPeersEnd = Atomic<Bool>(false)
  private let shared: Mutex<Shared>

  private struct Shared: Sendable {
    var limits: WatchLimits
    var failureFile: String?
    var wantsEnd: (@Sendable () -> Bool)?
  }

  /// A rank that is watched under `limits` until `watch` says otherwise.
  package init(limits: WatchLimits = WatchLimits()) { shared = Mutex(Shared(limits: limits)) }

  /// Sets, for the command that begins, how long ranks may be silent or idle, and the file for the
  /// sentence that ends the job, which launchers and people read; nil writes none.
  package func watch(limits: WatchLimits, failureFile: String? = nil) {
    shared.withLock {
      $0.limits = limits
      $0.failureFile = failureFile
    }
  }

  /// Runs `body`, while which `wantsEnd` tells, on any thread, whether this rank was told to end.
  package func askingEnd<Result>(
    _ wantsEnd: @escaping @Sendable () -> Bool, _ body: () throws -> Result
  ) rethrows -> Result {
    shared.withLock { $0.wantsEnd = wantsEnd }
    defer { shared.withLock { $0.wantsEnd = nil } }
    return try body()
  }

  /// Says that something was done; any thread, at any time, at the cost of one addition.
  package func tick() { ticks.wrappingAdd(1, ordering: .relaxed) }

  /// Says what the main thread begins, and in which step, counted from 1, if that is another one.
  package func enter(_ phase: RunPhase, step: Int? = nil) {
    if let step { self.step.store(step, ordering: .relaxed) }
    self.phase.store(phase.rawValue, ordering: .relaxed)
    tick()
  }

  /// Runs `body`, in which a worker brings a photo.
  package func reading<Result>(_ body: () throws -> Result) rethrows -> Result {
    readers.wrappingAdd(1, ordering: .relaxed)
    defer {
      readers.wrappingSubtract(1, ordering: .relaxed)
      tick()
    }
    return try body()
  }

  /// Runs `body`, in which the main thread waits for other ranks.
  package func waiting<Result>(_ body: () throws -> Result) rethrows -> Result {
    isWaiting.store(true, ordering: .relaxed)
    tick()
    defer {
      isWaiting.store(false, ordering: .relaxed)
      tick()
    }
    return try body()
  }

  /// Where this rank stands now.
  package var state: RankState {
    var phase = RunPhase(rawValue: phase.load(ordering: .relaxed)) ?? .start
    if phase == .compute, readers.load(ordering: .relaxed) > 0 { phase = .read }
    return RankState(
      phase: phase, step: step.load(ordering: .relaxed), ticks: ticks.load(ordering: .relaxed),
      isWaiting: isWaiting.load(ordering: .relaxed))
  }

  /// The limits in force.
  package var limits: WatchLimits { shared.withLock { $0.limits } }

  /// How long this rank waits for peers of which nothing else tells whether they live, in seconds:
  /// as long as one of them may do nothing in the phase that this one is in. Nil is for ever.
  package var patienceSeconds: Double? { limits.stallSeconds(in: state.phase) }

  /// Where the sentence goes that ends the job; nil for nowhere.
  package var failureFile: String? { shared.withLock { $0.failureFile } }

  /// Whether another rank was told to end before its first step, as far as this one has heard.
  package var peersWantEnd: Bool { isPeersEnd.load(ordering: .relaxed) }

  /// Says that another rank was told to end before its first step; any thread.
  package func hearEndOfPeer() { isPeersEnd.store(true, ordering: .relaxed) }

  /// Whether this rank was told to end.
  package var wantsEnd: Bool { shared.withLock { $0.wantsEnd }?() ?? false }
}
