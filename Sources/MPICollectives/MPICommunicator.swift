private import Preconditions
internal import CMPI
import Collectives
private import Glibc

/// The ranks of an MPI job.
///
/// Every collective begins with a handshake that sleeps while peers are on their way, because a
/// spinning wait would take the core from this rank's own compute threads. The transfer that follows
/// is started and looked after in short naps, for the same reason (decision 0004).
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

  /// How long a transfer goes without a look, in which the kernel's buffers keep the wire busy.
  private static let longestTransferNapNanoseconds = 50_000

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
    cmpi_nap_exactly()
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
    hostNames = try allGather(value: hostName)
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

  /// Waits until every rank wants to leave; the last collective of a run.
  func leave() throws {
    _ = try meet(at: .farewell, word: 0)
    try rollCall.listen()
    progress.enter(.end)
    heartbeat?.leave()
  }

  func transfer(_ transfer: Transfer, in operation: CollectiveOperation) throws {
    switch transfer {
    case .sum(let values):
      try run(operation, "MPI_Iallreduce") {
        cmpi_start_sum_in_place(communicator, values.baseAddress!, Int32(values.count), &$0)
      }
    case .broadcast(let memory, let root):
      try run(operation, "MPI_Ibcast") {
        cmpi_start_broadcast_bytes(
          communicator, memory.baseAddress!, Int32(memory.count), Int32(root), &$0)
      }
    case .allGather(let messages):
      try Self.withCounts(messages.parts) { counts, offsets in
        try run(operation, "MPI_Iallgatherv") {
          cmpi_start_gather_bytes(
            communicator, messages.own, counts[rank], messages.all, counts, offsets, &$0)
        }
      }
    case .allToAll(let messages):
      try Self.withCounts(messages.outgoingParts) { sent, sentAt in
        try Self.withCounts(messages.incomingParts) { received, receivedAt in
          try run(operation, "MPI_Ialltoallv") {
            cmpi_start_exchange_bytes(
              communicator, messages.outgoing, sent, sentAt, messages.incoming, received,
              receivedAt, &$0)
          }
        }
      }
    }
  }

  /// Lends MPI's counts and offsets of parts, which have to live as long as the transfer.
  private static func withCounts(
    _ parts: [Range<Int>],
    _ body: (_ counts: UnsafePointer<Int32>, _ offsets: UnsafePointer<Int32>) throws -> Void
  ) throws {
    let words = parts.map { Int32($0.count) } + parts.map { Int32($0.lowerBound) }
    try words.withUnsafeBufferPointer {
      try body($0.baseAddress!, $0.baseAddress! + parts.count)
    }
  }

  func meet(at operation: CollectiveOperation, word: Int) throws -> Int {
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
      let signatures = try gatherWords(operation.signature, in: operation)
      throw CollectiveError.disagreement(signatures.map(CollectiveOperation.init(signature:)))
    }
    return Int(incoming[0])
  }

  /// Polls the handshake, sleeping ever longer.
  private func waitForPeers(in operation: CollectiveOperation) throws {
    var naps = Naps(longestNanoseconds: 500_000)
    while true {
      var isDone: Int32 = 0
      try check("MPI_Test", cmpi_test(&request, &isDone))
      if isDone != 0 { return }
      guard naps.rest() else { continue }
      try onWait?()
      if let deadlineSeconds {
        try enforce(deadlineSeconds, waitedSeconds: naps.waitedSeconds, in: operation)
      }
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

  /// Starts a collective of MPI and waits for it in naps, so that neither this rank's workers nor
  /// other ranks of the host lack the core.
  private func run(
    _ operation: CollectiveOperation, _ call: String, _ start: (inout cmpi_request) -> Int32
  ) throws {
    try progress.waiting {
      try watch.run(operation) {
        var request = cmpi_request()
        try check(call, start(&request))
        var naps = Naps(longestNanoseconds: Self.longestTransferNapNanoseconds)
        var isDone: Int32 = 0
        while true {
          try check("MPI_Test", cmpi_test(&request, &isDone))
          if isDone != 0 { return }
          naps.rest()
        }
      }
    }
  }

  private func check(_ call: String, _ code: Int32) throws {
    try MPIError.check(call, rank: rank, code)
  }
}
