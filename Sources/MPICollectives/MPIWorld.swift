private import CMPI
package import Collectives
private import Glibc

/// The life of MPI in this process.
package enum MPIWorld {
  /// Runs `body` with the ranks that the launcher started, or alone where there is no launcher, and
  /// returns the exit status for the process.
  ///
  /// To be called once, from the main thread. Without a launcher MPI is not initialised. When
  /// `body` returns, every rank waits for the others and MPI is finalised. What `body` throws is
  /// printed as one line naming rank and host, and ends the whole job with status 1: this function
  /// then does not return. Where `wantsEnd` gives a status while the ranks do not find each other,
  /// the process ends with it.
  package static func run(
    wantsEnd: @escaping @Sendable () -> Int32? = { nil },
    _ body: (any Communicator) throws -> Int32
  ) -> Int32 {
    guard LaunchEnvironment.current.startsMPI else {
      do {
        return try body(SoloCommunicator())
      } catch {
        printLine("ddp-train: \(error)")
        return 1
      }
    }
    var name = "a rank on \(HostProcessors.hostName())"
    var joined: MPICommunicator?
    do {
      let starting = LifeWatch(
        name: name, doing: "MPI_Init and the first meeting of all ranks", wantsEnd: wantsEnd)
      let transportNote = SingleCopy.turnOffWhereForbidden(in: libraryVersion)
      var isEnough: Int32 = 0
      var isMultiple: Int32 = 0
      try MPIError.check(
        "MPI_Init_thread", cmpi_init(wantsHeartbeat ? 1 : 0, &isEnough, &isMultiple))
      guard isEnough != 0 else {
        throw MPIError(
          call: "MPI_Init_thread", rank: nil,
          reason: "this MPI library was built without support for threads (MPI_THREAD_FUNNELED)")
      }
      let communicator = try MPICommunicator(beats: wantsHeartbeat && isMultiple != 0)
      communicator.transportNote = transportNote
      joined = communicator
      starting.end()
      name = communicator.name
      let status = try body(communicator)
      try communicator.leave()
      // Nobody hears this rank's heart any more: who is cut off now has to end by itself.
      let ending = LifeWatch(
        name: name, doing: "MPI_Finalize, after the end of the run",
        atMostSeconds: communicator.progress.limits.silenceSeconds.map { max(5, Int($0)) } ?? 300)
      try MPIError.check("MPI_Finalize", rank: communicator.rank, cmpi_finalize())
      ending.end()
      return status
    } catch {
      // What is wrong with options or data is most often so on every rank: said once is enough.
      if let joined, joined.rank > 0, joined.progress.state.phase == .start {
        joined.heartbeat?.leaveToOthers(forSeconds: 1)
      }
      JobEnd.lost("\(name): \(error)", joined?.progress, joined?.heartbeat)
    }
  }

  /// Whether ranks are to hear each other's heartbeat: `DDP_TRAIN_HEARTBEAT=0` compares without.
  private static var wantsHeartbeat: Bool {
    getenv("DDP_TRAIN_HEARTBEAT").map { String(cString: $0) } != "0"
  }

  /// What the MPI library says it is, such as "Open MPI v4.1.4" or "MPICH 5.0.2"; MPI need not be
  /// started.
  package static var libraryVersion: String {
    let text = MPIError.text(capacity: cmpi_version_text_capacity()) { cmpi_version_text($0, $1) }
    let line = text?.prefix { $0 != "\n" && $0 != "," } ?? "an MPI of unknown version"
    return line.split { $0 == " " || $0 == "\t" }.filter { $0 != "Version:" }.joined(separator: " ")
  }

  /// Writes one line to standard error in one call, so that lines of several ranks do not mix.
  static func printLine(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
