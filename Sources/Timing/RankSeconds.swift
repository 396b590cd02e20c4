/// What one step of one rank was spent on, in seconds: what every rank tells the others.
package struct RankSeconds: Sendable, Equatable {
  /// Bringing photos and computing, averaged over the rank's workers.
  package var decode = 0.0
  /// Forward, head and backward.
  package var compute = 0.0
  /// Waiting for other ranks.
  package var peers = 0.0
  /// Outside of gradients and their sums: update, log, checkpoint, evaluation.
  package var other = 0.0

  /// Numbers that `write` writes.
  package static let count = 4

  package init(decode: Double = 0, compute: Double = 0, peers: Double = 0, other: Double = 0) {
    self.decode = decode
    self.compute = compute
    self.peers = peers
    self.other = other
  }

  /// Reads what `write` wrote [count].
  package init(_ values: UnsafePointer<Double>) {
    self.init(decode: values[0], compute: values[1], peers: values[2], other: values[3])
  }

  package func write(to values: UnsafeMutablePointer<Double>) {
    (values[0], values[1], values[2], values[3]) = (decode, compute, peers, other)
  }
}
