internal import CMPI
internal import Collectives
private import Glibc
private import Synchronization
internal import Threads

/// The watch thread of a rank: tells its neighbours in the ring where it stands, hears where they
/// stand, and ends the job when one of them is lost or this rank itself hangs.
///
/// It needs a library that any thread may call (MPI_THREAD_MULTIPLE), and a communicator of its
/// own, so that no collective of the main thread, stuck or not, stands in its way (decision 0010).
final class Heartbeat: @unchecked Sendable {
  private enum Kind {
    static let beat: Int64 = 1
    /// The rank has done its work and leaves.
    static let farewell: Int64 = 2
    /// Somebody has ended the job: leave at once.
    static let end: Int64 = 3
    /// The rank was told to end before its first step.
    static let stop: Int64 = 4
  }

  /// A message: its kind and a rank's state in three words.
  private static let wordCount = 4
  /// The thread looks for a farewell this often, in microseconds.
  private static let sliceMicroseconds: UInt32 = 50_000

  /// A place for one outgoing message. MPI reads it until it is sent: one that is still on its way
  /// when its place is given up keeps its words.
  private final class Slot {
    let rank: Int
    let words = UnsafeMutablePointer<Int64>.allocate(capacity: Heartbeat.wordCount)
    var request = cmpi_request()
    var isPending = false

    init(to rank: Int) { self.rank = rank }

    deinit { if !isPending { words.deallocate() } }
  }

  private let communicator: cmpi_communicator
  private let size: Int
  private let hostNames: [String]
  private let name: String
  private let progress: RankProgress
  private var ring: RingWatch
  private var slots: [Slot] = []
  /// Messages to any rank that may still be on their way.
  private var passing: [Slot] = []
  /// Whether a peer has said that the job ends.
  private let isToldEnd = Atomic<Bool>(false)
  /// Whether this rank has told its peers that it was told to end before its first step.
  private var hasToldStop = false
  private let isLeaving = Atomic<Bool>(false)
  private let hasLeft = Atomic<Bool>(false)
  private let mustEnd = Atomic<Bool>(false)
  private let hasSpread = Atomic<Bool>(false)

  /// Takes a communicator on which nothing else is sent; `hostNames` by rank.
  init(
    on communicator: cmpi_communicator, rank: Int, hostNames: [String], progress: RankProgress
  ) {
    self.communicator = communicator
    size = hostNames.count
    self.hostNames = hostNames
    self.progress = progress
    name = "rank \(rank) on \(hostNames[rank])"
    ring = RingWatch(rank: rank, size: size, at: Self.now)
    slots = ring.neighbourRanks.map(Slot.init)
    DetachedThread.start { [self] in run() }
  }

  private static var now: Double { Clock.seconds }

  /// Takes leave of the neighbours, once every rank has said that its work is done, and returns
  /// when the thread makes no more calls of MPI.
  func leave() {
    isLeaving.store(true, ordering: .releasing)
    while !hasLeft.load(ordering: .acquiring) { usleep(2000) }
  }

  /// Gives another rank so long to end the job, which takes this one with it.
  func leaveToOthers(forSeconds seconds: Int) {
    for _ in 0..<100 * seconds {
      if isToldEnd.load(ordering: .acquiring) { while true { pause() } }
      usleep(10_000)
    }
  }

  /// Makes the thread tell all ranks that the job ends, and waits a moment for it.
  func spreadEnd() {
    mustEnd.store(true, ordering: .releasing)
    for _ in 0..<100 where !hasSpread.load(ordering: .acquiring) { usleep(10_000) }
  }

  private func run() {
    var nextBeat = 0.0
    var told = progress.state
    while !isLeaving.load(ordering: .acquiring) {
      if mustEnd.load(ordering: .acquiring) {
        spread()
        return
      }
      // At once where the rank begins something, so that peers know what it died of.
      let state = progress.state
      let isNews = state.phase != told.phase || state.step != told.step
      listen()
      passing.removeAll(where: isFree)
      if !hasToldStop, state.phase == .start, progress.wantsEnd { tellStop() }
      if isNews || Self.now >= nextBeat {
        told = state
        nextBeat = Self.now + RingWatch.intervalSeconds
        send(Kind.beat)
      }
      if !isToldEnd.load(ordering: .acquiring) { look() }
      usleep(Self.sliceMicroseconds)
    }
    takeLeave()
    hasLeft.store(true, ordering: .releasing)
  }

  /// Peers come here within milliseconds of one another; a dead one must not hold up the rest.
  private func takeLeave() {
    let start = Self.now
    var isSent = false
    while Self.now - start < 5, !(isSent && ring.isAlone) {
      isSent = isSent || send(Kind.farewell)
      listen()
      usleep(1000)
    }
    for _ in 0..<100 where !slots.allSatisfy(isFree) { usleep(1000) }
  }

  /// Sends to every neighbour whose last message has gone; true where that was each of them.
  @discardableResult private func send(_ kind: Int64) -> Bool {
    let state = progress.state
    var isComplete = true
    for slot in slots where !start(kind, state, on: slot) { isComplete = false }
    return isComplete
  }

  private func start(_ kind: Int64, _ state: RankState, on slot: Slot) -> Bool {
    guard isFree(slot) else { return false }
    slot.words[0] = kind
    for (i, word) in state.words.enumerated() { slot.words[i + 1] = word }
    slot.isPending =
      cmpi_start_send_words(
        communicator, slot.words, Int32(Self.wordCount), Int32(slot.rank), &slot.request)
      == cmpi_success()
    return slot.isPending
  }

  private func isFree(_ slot: Slot) -> Bool {
    guard slot.isPending else { return true }
    var isDone: Int32 = 0
    // An error ends the request too; the silence that follows says the rest.
    let code = cmpi_test(&slot.request, &isDone)
    slot.isPending = isDone == 0 && code == cmpi_success()
    return !slot.isPending
  }

  private func listen() {
    withUnsafeTemporaryAllocation(of: Int64.self, capacity: Self.wordCount) { words in
      while true {
        var isThere: Int32 = 0
        var source: Int32 = 0
        let code = cmpi_receive_words(
          communicator, &isThere, words.baseAddress!, Int32(words.count), &source)
        guard code == cmpi_success(), isThere != 0 else { return }
        take(words[0], RankState(words: words[1...]), from: Int(source))
      }
    }
  }

  private func take(_ kind: Int64, _ state: RankState?, from rank: Int) {
    switch kind {
    case Kind.end:
      // The launcher is about to kill this rank; where it cannot, the rank ends by itself.
      if !isToldEnd.exchange(true, ordering: .acquiringAndReleasing) {
        JobEnd.leave(afterSeconds: 5)
        JobEnd.watchLauncher()
      }
    case Kind.farewell: ring.parted(rank)
    case Kind.stop: progress.hearEndOfPeer()
    default:
      guard let state else { return }
      let finding = ring.heard(state, from: rank, limits: progress.limits, at: Self.now)
      if let finding { say(finding) }
    }
  }

  private func look() {
    let findings = ring.look(
      own: progress.state, limits: progress.limits, isEnding: progress.wantsEnd, at: Self.now)
    for finding in findings where !finding.endsJob { say(finding) }
    guard let end = findings.first(where: \.endsJob) else { return }
    JobEnd.leave(afterSeconds: 6)
    JobEnd.record(say(end), in: progress.failureFile)
    spread()
    JobEnd.abort()
  }

  /// Tells every rank that the job ends, as far as messages still pass.
  private func spread() {
    var all = slots
    all += (0..<size).filter { $0 != ring.rank && !ring.neighbourRanks.contains($0) }.map(Slot.init)
    for _ in 0..<30 {
      all = all.filter { !start(Kind.end, progress.state, on: $0) }
      if all.isEmpty { break }
      usleep(10_000)
    }
    // Their way out leads through this rank's progress, and no request is waited for.
    for _ in 0..<10 {
      listen()
      usleep(10_000)
    }
    hasSpread.store(true, ordering: .releasing)
  }

  /// Tells every rank, which may be at work that lasts, that this one waits to leave.
  private func tellStop() {
    hasToldStop = true
    var rest = (0..<size).filter { $0 != ring.rank }.map(Slot.init)
    passing += rest
    for _ in 0..<30 where !rest.isEmpty {
      rest.removeAll { start(Kind.stop, progress.state, on: $0) }
      usleep(1000)
    }
  }

  private func peer(_ rank: Int) -> String { "rank \(rank) on \(hostNames[rank])" }

  @discardableResult private func say(_ finding: RingWatch.Finding) -> String {
    func text(_ seconds: Double) -> String { "\(Int(seconds.rounded())) s" }
    func seen(_ last: RankState) -> String { last.seen(from: progress.state) }
    let sentence =
      switch finding {
      case .silent(let rank, let seconds, let last):
        "\(peer(rank)) is silent for \(text(seconds)), last heard of in \(seen(last)): dead, stopped or "
          + "cut off; the job ends, --resume auto goes on from the last checkpoint"
      case .missing(let rank, let seconds, let last):
        "\(peer(rank)) gives no sign for \(text(seconds)), last heard of in \(seen(last)); it may be why "
          + "the job ends"
      case .returned(let rank, let seconds):
        "\(peer(rank)) was silent for \(text(seconds)) and is back; the job goes on"
      case .stalled(let seconds, let state):
        "no progress for \(text(seconds)) in \(state), though the process lives: storage that does "
          + "not answer, or a fault; the job ends, --resume auto goes on from the last checkpoint"
      case .slow(let rank, let seconds, let state):
        "\(peer(rank)) is slow: others wait for it since \(text(seconds)), in \(state); it works, "
          + "and the job goes on"
      }
    MPIWorld.printLine("ddp-train: \(name): \(sentence)")
    return "\(name): \(sentence)"
  }
}
