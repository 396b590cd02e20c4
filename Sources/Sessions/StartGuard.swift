package import Collectives
private import Dispatch
private import Glibc

/// The way out of a wait before the first step that does not hear that the run is to end, such as
/// storage that does not answer: nothing is lost by then, and the process ends as it is.
package enum StartGuard {
  private static let lookSeconds = 0.1
  /// How long those who wait have to leave by themselves, together with their peers. Looks are
  /// counted, not time: on a loaded machine they come later, and so do those who leave.
  private static let patienceSeconds = 0.7

  /// Watches, until `progress` is in its first step or at its end, whether `stop` or another rank
  /// wants the end; ends the process with `status`.
  package static func arm(
    _ progress: RankProgress, stop: any StopRequests, rank: Int, _ status: Int32
  ) {
    DispatchQueue(label: "start-guard").async {
      var wanted = 0.0
      while progress.state.phase == .start {
        usleep(UInt32(lookSeconds * 1e6))
        guard stop.wantsEnd || progress.peersWantEnd else { continue }
        wanted += lookSeconds
        guard wanted > patienceSeconds else { continue }
        if rank == 0 {
          let line = Array("interrupted: step 0 of this start; nothing is lost\n".utf8)
          _ = line.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        }
        _exit(status)
      }
    }
  }
}
