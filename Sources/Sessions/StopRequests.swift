/// What a run is asked for from outside while it runs: by signals, or by a test.
package protocol StopRequests: Sendable {
  /// Whether the run was told to end; asked by any thread, at any time.
  var wantsEnd: Bool { get }
  /// Whether a checkpoint was asked for since `forgetCheckpoint`.
  var wantsCheckpoint: Bool { get }
  /// Says that the checkpoint that was asked for is written.
  func forgetCheckpoint()
}
