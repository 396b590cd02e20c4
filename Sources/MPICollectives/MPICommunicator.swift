internal import CMPI
import Collectives
private import Glibc
private import Preconditions

/// The ranks of an MPI job.
///
/// Every collective begins with a handshake that sleeps while peers are on their way, because a
/// spinning wait would take the core from this rank's own compute threads. The transfer that
/// follows is started and looked after in short naps, for the same reason (decision 0004).
final class MPICommunicator: Communicator {
  let rank: Int
  let size: Int
  let hostName: String
  let localRank: Int
  let localSize: Int
  let progress = RankProgress()
  private(set) var watchNote: String?
  var transportNote: String?
  /// "rank 3 on node7".
  let name: String

  /// How long a wait for peers goes without a look.
  private static let longestMeetingNapNanoseconds = 500_000
  /// How long a transfer goes without a look, in which the kernel's buffers keep the wire busy.
  private static let longestTransferNapNanoseconds = 50_000

  private let communicator: cmpi_communicator
  private let owner = pthread_self()
  private let watch = CallWatch()
  /// The watch of dead and idle ranks; nil where the library does not allow one.
  private(set) var heartbeat: Heartbeat?
  /// What runs while this rank waits for its peers.
  private var check: (() throws -> Void)?
  private var rollCall: RollCall
  private var hostNames: [String] = []
  /// The number of handshakes so far, the same on all ranks.
  private var serial = 0
  /// The seconds of the wait after which every rank had said to be at this handshake.
  private var completeAt: Double?

  /// Words of the handshake: what is agreed on, the operation's signature, and its negative, so
  /// that one maximum shows whether all signatures are equal. MPI holds on to them after a thrown
  /// error, therefore they are never freed.
  private let outgoing = UnsafeMutablePointer<Int64>.allocate(capacity: 3)
  private let incoming = UnsafeMutablePointer<Int64>.allocate(capacity: 3)
  /// Addresses to send nothing from, and to receive nothing at.
  private let nowhere = UnsafeMutableRawPointer.allocate(byteCount: 2, alignment: 1)

  /// Joins the ranks of an initialised MPI; with `beats`, they hear each other's heartbeat, for
  /// which the library must let any thread call it.
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
    name = "rank \(rank) on \(hostName)"
    hostNames = try allGather(value: hostName)
    // All ranks have one or none, whatever each of them was given.
    if try agreeOnMaximum(beats ? 0 : 1) == 0 {
      heartbeat = Heartbeat(on: beat, rank: self.rank, hostNames: hostNames, progress: progress)
    } else {
      watchNote =
        "no heartbeat, for want of MPI_THREAD_MULTIPLE in the MPI library or by "
        + "DDP_TRAIN_HEARTBEAT=0: a rank that is dead or stopped is noticed after --stall "
        + "seconds, not after --watchdog"
    }
    // Not that thread's right under MPI_THREAD_FUNNELED, but the job is lost, and under srun only
    // an abort ends the other ranks; where the call crashes or hangs, the process still ends.
    watch.start(progress) { [name, progress, heartbeat] operation, seconds in
      JobEnd.lost(
        "\(name): MPI does not come back from a call since \(Int(seconds.rounded())) s in "
          + "\(operation): a fault of the library, a host or the network; the job ends, "
          + "--resume auto goes on from the last checkpoint", progress, heartbeat)
    }
  }

  /// Waits until every rank wants to leave; the last collective of a run.
  func leave() throws {
    _ = try meet(at: .farewell, word: 0)
    try watch.call { try rollCall.listen() }
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
      // Open MPI takes two equal addresses for an exchange in place, on this rank alone.
      let sends = messages.outgoingParts.contains { !$0.isEmpty }
      let receives = messages.incomingParts.contains { !$0.isEmpty }
      let outgoing = sends ? messages.outgoing : UnsafeRawPointer(nowhere)
      let incoming = receives ? messages.incoming : nowhere + 1
      require(outgoing != incoming, "MPICommunicator: what comes would overwrite what is sent")
      try Self.withCounts(messages.outgoingParts) { sent, sentAt in
        try Self.withCounts(messages.incomingParts) { received, receivedAt in
          try run(operation, "MPI_Ialltoallv") {
            cmpi_start_exchange_bytes(
              communicator, outgoing, sent, sentAt, incoming, received, receivedAt, &$0)
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

  func whileWaiting<Result>(
    _ check: @escaping () throws -> Void, _ body: () throws -> Result
  ) rethrows -> Result {
    let outer = self.check
    self.check = check
    defer { self.check = outer }
    return try body()
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
    watch.enter(operation)
    var request = cmpi_request()
    try call("MPI_Iallreduce") { cmpi_start_maximum(communicator, outgoing, incoming, 3, &request) }
    try progress.waiting {
      try wait(for: &request, longestNap: Self.longestMeetingNapNanoseconds) { seconds in
        try check?()
        guard let limit = progress.patienceSeconds else { return }
        try enforce(limit, waitedSeconds: seconds, in: operation)
      }
    }
    guard incoming[1] == -incoming[2] else {
      let signatures = try gatherWords(operation.signature, in: operation)
      throw CollectiveError.disagreement(signatures.map(CollectiveOperation.init(signature:)))
    }
    return Int(incoming[0])
  }

  private func enforce(
    _ deadline: Double, waitedSeconds: Double, in operation: CollectiveOperation
  ) throws {
    try watch.call { try rollCall.proceed(at: serial, mustSpeak: waitedSeconds > deadline / 2) }
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
    _ operation: CollectiveOperation, _ name: String, _ start: (inout cmpi_request) -> Int32
  ) throws {
    try progress.waiting {
      var request = cmpi_request()
      try call(name) { start(&request) }
      try wait(for: &request, longestNap: Self.longestTransferNapNanoseconds) { seconds in
        guard let limit = progress.patienceSeconds, seconds > limit else { return }
        // Nothing is thrown: the memory is MPI's until the transfer ends, and must not be freed.
        let error = CollectiveError.timedOut(operation, seconds: seconds, absent: [suspects])
        JobEnd.lost("\(self.name): \(error)", progress, heartbeat)
      }
    }
  }

  /// Who may have stopped amid a transfer, in words.
  private var suspects: String {
    guard heartbeat == nil else { return "a transfer between ranks that all live" }
    let peers = hostNames.indices.filter { $0 != rank }.map { "rank \($0) on \(hostNames[$0])" }
    return ((1...8).contains(peers.count) ? peers.joined(separator: " or ") : "a peer")
      + ", stopped amid the transfer"
  }

  /// Looks after a request until it is done; calls `look` with the seconds of the wait at every
  /// nap.
  private func wait(
    for request: inout cmpi_request, longestNap: Int, _ look: (_ seconds: Double) throws -> Void
  ) throws {
    var naps = Naps(longestNanoseconds: longestNap)
    while true {
      var isDone: Int32 = 0
      try call("MPI_Test") { cmpi_test(&request, &isDone) }
      if isDone != 0 { return }
      if naps.rest() { try look(naps.waitedSeconds) }
    }
  }

  private func call(_ name: String, _ body: () -> Int32) throws {
    try MPIError.check(name, rank: rank, watch.call(body))
  }
}
