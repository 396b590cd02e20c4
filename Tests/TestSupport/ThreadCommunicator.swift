package import Collectives
private import Determinism
private import Glibc

/// The errors of the ranks of one `ThreadCommunicator.run` in which any rank threw.
package struct ThreadWorldError: Error, CustomStringConvertible {
  /// The errors by rank, in the order in which they were thrown: the cause is first.
  package let errors: [(rank: Int, error: any Error)]

  package var description: String {
    errors.map { "rank \($0.rank): \($0.error)" }.joined(separator: "; ")
  }
}

/// What a rank throws that waits for one that has thrown or returned.
package struct PeerGone: Error, Equatable, CustomStringConvertible {
  package let rank: Int
  package var description: String { "rank \(rank) is gone" }
}

/// Ranks that are threads of one process, for tests without MPI.
///
/// Sums are taken in an order and with brackets that change from call to call and from piece to
/// piece, as a function of the seed, so that a sum that is not associative shows.
package final class ThreadCommunicator: Communicator {
  package let rank: Int
  package var size: Int { world.size }
  package let hostName = "thread-host"
  package var localRank: Int { rank }
  package var localSize: Int { world.size }
  /// Watched by nobody, unless a test sets limits.
  package let progress = RankProgress(
    limits: WatchLimits(silenceSeconds: nil, stallSeconds: nil))
  package let limits: MessageLimits

  private let world: ThreadWorld
  private var check: (() throws -> Void)?

  fileprivate init(rank: Int, in world: ThreadWorld, limits: MessageLimits) {
    self.rank = rank
    self.limits = limits
    self.world = world
  }

  /// Runs `body` on `size` threads, each with its communicator, and returns their results in rank
  /// order; throws `ThreadWorldError` where any of them threw.
  ///
  /// A rank that throws or returns early makes its peers' collectives throw `PeerGone`.
  package static func run<Result: Sendable>(
    size: Int, seed: UInt64 = 1, limits: MessageLimits = MessageLimits(),
    _ body: @escaping @Sendable (ThreadCommunicator) throws -> Result
  ) throws -> [Result] {
    precondition(size > 0, "ThreadCommunicator.run: \(size) ranks")
    let world = ThreadWorld(size: size, seed: seed)
    let results = ResultsByRank<Result>(size: size)
    let threads = (0..<size).map { rank in
      startThread {
        do {
          results.set(try body(ThreadCommunicator(rank: rank, in: world, limits: limits)), at: rank)
          world.depart(rank, error: nil)
        } catch {
          world.depart(rank, error: error)
        }
      }
    }
    for thread in threads { pthread_join(thread, nil) }
    let errors = world.errors
    guard errors.isEmpty else { throw ThreadWorldError(errors: errors) }
    return results.all
  }

  package func whileWaiting<Result>(
    _ check: @escaping () throws -> Void, _ body: () throws -> Result
  ) rethrows -> Result {
    let outer = self.check
    self.check = check
    defer { self.check = outer }
    return try body()
  }

  package func meet(at operation: CollectiveOperation, word: Int) throws -> Int {
    try exchange(operation, .word(word)).word
  }

  package func transfer(_ transfer: Transfer, in operation: CollectiveOperation) throws {
    switch transfer {
    case .sum(let values):
      require(values.count * MemoryLayout<Double>.stride, atMost: limits.pieceBytes)
      let sums = try exchange(operation, .values(Array(values))).values
      _ = values.update(from: sums)
    case .broadcast(let memory, let root):
      precondition(0..<size ~= root, "broadcast: root \(root) in a group of \(size) ranks")
      require(memory.count, atMost: limits.pieceBytes)
      let own = rank == root ? Array(memory) : []
      let sent = try exchange(operation, .bytes(own)).messages[root]
      if rank != root { copy(sent, to: memory.baseAddress, 0..<memory.count) }
    case .allGather(let messages): try move(messages, in: operation)
    case .allToAll(let messages): try move(messages, in: operation)
    }
  }

  private func move(_ messages: AllToAllMessages, in operation: CollectiveOperation) throws {
    require(messages.longestPart * size, atMost: limits.transferBytes)
    let own = messages.outgoingParts.map {
      Array(UnsafeRawBufferPointer(start: messages.outgoing + $0.lowerBound, count: $0.count))
    }
    let arrived = try exchange(operation, .parts(own)).parts
    for (peer, part) in messages.incomingParts.enumerated() {
      copy(arrived[peer][rank], to: messages.incoming, part)
    }
  }

  private func move(_ messages: AllGatherMessages, in operation: CollectiveOperation) throws {
    let parts = messages.parts
    require(parts.map(\.upperBound).max() ?? 0, atMost: limits.transferBytes)
    let base = messages.own ?? UnsafeRawPointer(messages.all + parts[rank].lowerBound)
    let own = Array(UnsafeRawBufferPointer(start: base, count: parts[rank].count))
    let arrived = try exchange(operation, .bytes(own)).messages
    for (peer, part) in parts.enumerated() where peer != rank || messages.own != nil {
      copy(arrived[peer], to: messages.all, part)
    }
  }

  private func copy(_ bytes: [UInt8], to memory: UnsafeMutableRawPointer?, _ part: Range<Int>) {
    precondition(bytes.count == part.count, "a part of \(bytes.count) bytes for \(part.count)")
    bytes.withUnsafeBytes {
      guard let base = $0.baseAddress, let memory else { return }
      (memory + part.lowerBound).copyMemory(from: base, byteCount: part.count)
    }
  }

  private func require(_ bytes: Int, atMost limit: Int) {
    // What cuts rounds cannot cut below a byte for each rank.
    precondition(bytes <= max(limit, size), "a transfer of \(bytes) bytes, the limit is \(limit)")
  }

  private func exchange(
    _ operation: CollectiveOperation, _ message: ThreadWorld.Message
  ) throws -> ThreadWorld.Outcome {
    try world.exchange(
      operation, message, from: rank, check: check, limitSeconds: progress.patienceSeconds)
  }
}

/// The meeting place of the ranks of one run; everything behind its lock.
private final class ThreadWorld: @unchecked Sendable {
  enum Message {
    case nothing
    case word(Int)
    case values([Double])
    case bytes([UInt8])
    case parts([[UInt8]])
  }

  /// What a completed operation gives to every rank.
  struct Outcome {
    var word = 0
    var values: [Double] = []
    var messages: [[UInt8]] = []
    /// By sender, then by receiver.
    var parts: [[[UInt8]]] = []
  }

  let size: Int
  private let seed: UInt64
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var arrivals: [(operation: CollectiveOperation, message: Message)?]
  private var completedCount = 0
  private var outcome: Result<Outcome, any Error> = .success(Outcome())
  private var departed: [Int] = []
  private var thrown: [(rank: Int, error: any Error)] = []

  init(size: Int, seed: UInt64) {
    self.size = size
    self.seed = seed
    arrivals = Array(repeating: nil, count: size)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  var errors: [(rank: Int, error: any Error)] {
    locked { thrown }
  }

  /// Says that a rank will make no further collective.
  func depart(_ rank: Int, error: (any Error)?) {
    locked {
      departed.append(rank)
      if let error { thrown.append((rank, error)) }
      pthread_cond_broadcast(condition)
    }
  }

  /// Leaves this rank's message and returns when all ranks have left theirs.
  func exchange(
    _ operation: CollectiveOperation, _ message: Message, from rank: Int,
    check: (() throws -> Void)?, limitSeconds: Double?
  ) throws -> Outcome {
    try locked {
      let turn = completedCount
      arrivals[rank] = (operation, message)
      if arrivals.allSatisfy({ $0 != nil }) {
        outcome = Swift.Result { try complete(arrivals.map { $0! }) }
        arrivals = Array(repeating: nil, count: size)
        completedCount += 1
        pthread_cond_broadcast(condition)
      }
      let start = ContinuousClock.now
      while completedCount == turn {
        if let gone = departed.first { throw PeerGone(rank: gone) }
        guard check != nil || limitSeconds != nil else {
          pthread_cond_wait(condition, mutex)
          continue
        }
        // The check may be slow or come back here through an error: not under the lock.
        pthread_mutex_unlock(mutex)
        usleep(500)
        let checked = Swift.Result { try check?() }
        pthread_mutex_lock(mutex)
        try checked.get()
        let waited = start.duration(to: .now) / .seconds(1)
        if let limitSeconds, completedCount == turn, waited > limitSeconds {
          let absent = arrivals.indices.filter { arrivals[$0] == nil }
          throw CollectiveError.timedOut(
            operation, seconds: waited, absent: absent.map { "rank \($0) on thread-host" })
        }
      }
      // The next exchange cannot complete before this rank has come to it: the outcome is ours.
      return try outcome.get()
    }
  }

  private func complete(
    _ arrivals: [(operation: CollectiveOperation, message: Message)]
  ) throws -> Outcome {
    guard arrivals.allSatisfy({ $0.operation == arrivals[0].operation }) else {
      throw CollectiveError.disagreement(arrivals.map(\.operation))
    }
    var outcome = Outcome()
    var addends: [[Double]] = []
    outcome.word = Int.min
    for arrival in arrivals {
      switch arrival.message {
      case .nothing: break
      case .word(let word): outcome.word = max(outcome.word, word)
      case .values(let values): addends.append(values)
      case .bytes(let bytes): outcome.messages.append(bytes)
      case .parts(let parts): outcome.parts.append(parts)
      }
    }
    if !addends.isEmpty { outcome.values = sum(addends) }
    return outcome
  }

  /// Adds piece by piece, each along its own random binary tree over the ranks.
  private func sum(_ addends: [[Double]]) -> [Double] {
    let pieceCount = 1024
    var sums = [Double](repeating: 0, count: addends[0].count)
    for start in stride(from: 0, to: sums.count, by: pieceCount) {
      let random = CounterRandom(seed: seed, purpose: .testing, completedCount, start)
      let piece = start..<min(start + pieceCount, sums.count)
      var parts = addends.map { Array($0[piece]) }
      var drawCount = 0
      while parts.count > 1 {
        let right = parts.remove(at: random.integer(drawCount, below: parts.count))
        let left = random.integer(drawCount + 1, below: parts.count)
        drawCount += 2
        for i in right.indices { parts[left][i] += right[i] }
      }
      sums.replaceSubrange(piece, with: parts[0])
    }
    return sums
  }

  private func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }
}

/// A place for each rank's result, written by its thread and read after all are joined.
private final class ResultsByRank<Result: Sendable>: @unchecked Sendable {
  private let places: UnsafeMutableBufferPointer<Result?>

  init(size: Int) {
    places = .allocate(capacity: size)
    places.initialize(repeating: nil)
  }

  deinit {
    places.deinitialize()
    places.deallocate()
  }

  func set(_ result: Result, at rank: Int) { places[rank] = result }
  var all: [Result] { places.compactMap(\.self) }
}

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Starts a thread with a stack as large as a main thread's.
private func startThread(_ run: @escaping @Sendable () -> Void) -> pthread_t {
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  pthread_attr_setstacksize(&attributes, 8 << 20)
  defer { pthread_attr_destroy(&attributes) }
  var thread = pthread_t()
  let code = pthread_create(
    &thread, &attributes,
    { context in
      Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().run()
      return nil
    }, Unmanaged.passRetained(ThreadBody(run)).toOpaque())
  precondition(code == 0, "pthread_create failed: \(String(cString: strerror(code)))")
  return thread
}
