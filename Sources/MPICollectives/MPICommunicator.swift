private import Preconditions
internal import CMPI
import Collectives
private import Glibc

/// The ranks of an MPI job.
///
/// Every collective begins with a handshake that sleeps while peers are on their way, because a
/// spinning wait would take the core from this rank's own compute threads. The blocking transfer
/// that follows costs the transfer alone.
final class MPICommunicator: Communicator {
  let rank: Int
  let size: Int
  let hostName: String
  let localRank: Int
  let localSize: Int
  var onWait: (() throws -> Void)?
  var deadlineSeconds: Double? {
    didSet { watch.setDeadline(seconds: deadlineSeconds) }
  }

  /// Open MPI allocates a temporary as large as the call's message, and freshly mapped memory is slow.
  private static let pieceBytes = 8 << 20

  private let communicator: cmpi_communicator
  private let owner = pthread_self()
  let progress = RankProgress()
  private let watch: BlockingWatch
  /// The watch of dead and idle ranks; nil where the library does not allow one.
  private var heartbeat: Heartbeat?
  private var rollCall: RollCall
  private var hostNames: [String] = []
  private var request = cmpi_request()
  /// The number of handshakes so far, the same on all ranks.
  private var serial = 0
  /// The seconds of the wait after which every rank had said to be at this handshake.
  private var completeAt: Double?

  /// Words of the handshake: what is agreed on, the operation's signature, and its negative, so that
  /// one maximum shows whether all signatures are equal. MPI holds on to them after a thrown error,
  /// therefore they are never freed.
  private let outgoing = UnsafeMutablePointer<Int64>.allocate(capacity: 3)
  private let incoming = UnsafeMutablePointer<Int64>.allocate(capacity: 3)

  /// Joins the ranks of an initialised MPI; with `beats`, they hear each other's heartbeat, for which
  /// the library must let any thread call it.
  init(beats: Bool) throws {
    var world = cmpi_communicator()
    var roll = cmpi_communicator()
    var host = cmpi_communicator()
    var beat = cmpi_communicator()
    var (rank, size, localRank, localSize): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    try MPIError.check("MPI_Comm_dup", cmpi_duplicate_world(&world))
    try MPIError.check("MPI_Comm_dup", cmpi_duplicate_world(&roll))
    try MPIError.check("MPI_Comm_dup", cmpi_duplicate_world(&beat))
    try MPIError.check("MPI_Comm_rank", cmpi_rank(world, &rank))
    try MPIError.check("MPI_Comm_size", cmpi_size(world, &size))
    try MPIError.check("MPI_Comm_split_type", cmpi_split_by_host(world, &host))
    try MPIError.check("MPI_Comm_rank", cmpi_rank(host, &localRank))
    try MPIError.check("MPI_Comm_size", cmpi_size(host, &localSize))
    try MPIError.check("MPI_Comm_free", cmpi_free(&host))
    communicator = world
    self.rank = Int(rank)
    self.size = Int(size)
    self.localRank = Int(localRank)
    self.localSize = Int(localSize)
    hostName = HostProcessors.hostName()
    rollCall = RollCall(on: roll, rank: Int(rank), size: Int(size))
    watch = BlockingWatch(name: "rank \(rank) on \(hostName)")
    hostNames = try allGather(Array(hostName.utf8)).map { String(decoding: $0, as: UTF8.self) }
    watch.setPeers(
      hostNames.enumerated().filter { $0.offset != rank }.map { "rank \($0) on \($1)" })
    // All ranks have one or none, whatever each of them was given.
    guard try agreeOnMaximum(beats ? 0 : 1) == 0 else {
      progress.note =
        "no heartbeat, for want of MPI_THREAD_MULTIPLE in the MPI library or by DDP_TRAIN_HEARTBEAT=0: "
        + "a rank that is dead or stopped is noticed after --stall seconds, not after --watchdog"
      return
    }
    watch.setPeersAlive()
    heartbeat = Heartbeat(on: beat, rank: self.rank, hostNames: hostNames, progress: progress)
  }

  /// Tells the other ranks that this one ends the job, where there is a heartbeat to tell them by.
  func spreadEnd() { heartbeat?.spreadEnd() }

  func agreeOnMaximum(_ word: Int) throws -> Int {
    try handshake(.agreement, word: word)
  }

  func barrier() throws {
    _ = try handshake(.barrier)
  }

  /// Waits until every rank wants to leave; the last collective of a run.
  func leave() throws {
    _ = try handshake(.farewell)
    try rollCall.listen()
    progress.enter(.end)
    heartbeat?.leave()
  }

  func allReduceSum(_ values: UnsafeMutableBufferPointer<Double>) throws {
    let operation = CollectiveOperation.sum(count: values.count)
    _ = try handshake(operation)
    let pieceCount = Self.pieceBytes / MemoryLayout<Double>.stride
    for start in stride(from: 0, to: values.count, by: pieceCount) {
      let count = min(pieceCount, values.count - start)
      try transfer(operation, "MPI_Allreduce") {
        cmpi_sum_in_place(communicator, values.baseAddress! + start, Int32(count))
      }
    }
  }

  func exchange(
    count: Int, word: Int, rounds: (_ agreedWord: Int) -> Int,
    scatter: (_ round: Int) -> ScatterMessages?, gather: (_ round: Int) -> GatherMessages?
  ) throws {
    let operation = CollectiveOperation.exchange(count: count)
    for round in 0..<rounds(try handshake(operation, word: word)) {
      if let messages = scatter(round) {
        let (sent, sentAt) = Self.counts(messages.outgoingParts)
        let (received, receivedAt) = Self.counts(messages.incomingParts)
        try transfer(operation, "MPI_Alltoallv") {
          cmpi_exchange_bytes(
            communicator, messages.outgoing, sent, sentAt, messages.incoming, received,
            receivedAt)
        }
      }
      guard let messages = gather(round) else { continue }
      let (counts, offsets) = Self.counts(messages.parts)
      try transfer(operation, "MPI_Allgatherv") {
        cmpi_gather_bytes(
          communicator, messages.own, counts[rank], messages.all, counts, offsets)
      }
    }
  }

  /// MPI's counts and offsets of parts.
  private static func counts(_ parts: [Range<Int>]) -> (counts: [Int32], offsets: [Int32]) {
    (parts.map { Int32($0.count) }, parts.map { Int32($0.lowerBound) })
  }

  func allGather(_ bytes: [UInt8]) throws -> [[UInt8]] {
    _ = try handshake(.gather)
    let lengths = try gatherWords(bytes.count, for: .gather)
    let total = lengths.reduce(0, +)
    guard total <= Int(Int32.max) else {
      throw CollectiveError.tooLarge(.gather, bytes: total, limit: Int(Int32.max))
    }
    var offsets: [Int32] = []
    var offset = 0
    for length in lengths {
      offsets.append(Int32(offset))
      offset += length
    }
    let counts = lengths.map(Int32.init)
    var all = [UInt8](repeating: 0, count: max(1, total))
    try all.withUnsafeMutableBytes { all in
      try bytes.withUnsafeBytes { own in
        try transfer(.gather, "MPI_Allgatherv") {
          cmpi_gather_bytes(
            communicator, own.baseAddress, Int32(own.count), all.baseAddress, counts, offsets)
        }
      }
    }
    return zip(offsets, lengths).map { Array(all[Int($0)..<Int($0) + $1]) }
  }

  func broadcast(_ bytes: [UInt8], from root: Int) throws -> [UInt8] {
    require(0..<size ~= root, "broadcast: root \(root) in a group of \(size) ranks")
    let operation = CollectiveOperation.broadcast(root: root)
    let length = try handshake(operation, word: rank == root ? bytes.count : 0)
    var result = rank == root ? bytes : [UInt8](repeating: 0, count: length)
    try result.withUnsafeMutableBytes { result in
      for start in stride(from: 0, to: length, by: Self.pieceBytes) {
        let count = min(Self.pieceBytes, length - start)
        try transfer(operation, "MPI_Bcast") {
          cmpi_broadcast_bytes(
            communicator, result.baseAddress! + start, Int32(count), Int32(root))
        }
      }
    }
    return result
  }

  /// Waits, asleep, until every rank is at the same operation; returns the largest of their words.
  private func handshake(_ operation: CollectiveOperation, word: Int = 0) throws -> Int {
    require(
      pthread_equal(owner, pthread_self()) != 0,
      "\(operation): MPI may be called only from the thread that started it")
    serial += 1
    completeAt = nil
    let signature = Int64(operation.signature)
    outgoing[0] = Int64(word)
    outgoing[1] = signature
    outgoing[2] = -signature
    try check(
      "MPI_Iallreduce", cmpi_start_maximum(communicator, outgoing, incoming, 3, &request))
    try progress.waiting { try waitForPeers(in: operation) }
    guard incoming[1] == -incoming[2] else {
      let signatures = try gatherWords(operation.signature, for: operation)
      throw CollectiveError.disagreement(signatures.map(CollectiveOperation.init(signature:)))
    }
    return Int(incoming[0])
  }

  /// Polls the handshake: at first in turns with other threads, then sleeping ever longer.
  private func waitForPeers(in operation: CollectiveOperation) throws {
    let start = monotonicNanoseconds()
    var pollCount = 0
    while true {
      var isDone: Int32 = 0
      try check("MPI_Test", cmpi_test(&request, &isDone))
      if isDone != 0 { return }
      pollCount += 1
      if pollCount < 50 {
        sched_yield()
        continue
      }
      let waited = monotonicNanoseconds() - start
      try onWait?()
      if let deadlineSeconds {
        try enforce(deadlineSeconds, waitedSeconds: Double(waited) / 1e9, in: operation)
      }
      var pause = timespec(tv_sec: 0, tv_nsec: min(max(waited / 8, 20_000), 500_000))
      nanosleep(&pause, nil)
    }
  }

  private func enforce(
    _ deadline: Double, waitedSeconds: Double, in operation: CollectiveOperation
  ) throws {
    try rollCall.proceed(at: serial, mustSpeak: waitedSeconds > deadline / 2)
    guard waitedSeconds > deadline else { return }
    let absent = rollCall.absentRanks(at: serial).map { "rank \($0) on \(hostNames[$0])" }
    if heartbeat != nil {
      // Whoever is absent lives, or the heartbeat had ended the job; it is named if it is slow.
      guard absent.isEmpty else { return }
      completeAt = completeAt ?? waitedSeconds
      guard waitedSeconds - completeAt! > deadline else { return }
    }
    throw CollectiveError.timedOut(operation, seconds: waitedSeconds, absent: absent)
  }

  private func gatherWords(_ word: Int, for operation: CollectiveOperation) throws -> [Int] {
    var words = [Int64](repeating: 0, count: size)
    try words.withUnsafeMutableBufferPointer { words in
      try transfer(operation, "MPI_Allgather") {
        cmpi_gather_word(communicator, Int64(word), words.baseAddress!)
      }
    }
    return words.map(Int.init)
  }

  private func transfer(
    _ operation: CollectiveOperation, _ call: String, _ body: () -> Int32
  ) throws {
    try check(call, progress.waiting { watch.run(operation, body) })
  }

  private func check(_ call: String, _ code: Int32) throws {
    try MPIError.check(call, rank: rank, code)
  }
}
