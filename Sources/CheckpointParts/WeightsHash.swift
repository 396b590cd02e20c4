internal import Determinism

/// The receipt of weights, loss head and batch-norm statistics.
package enum WeightsHash {
  /// One hash of the tensors' hashes, in the order of their names.
  package static func combine(_ hashes: [(name: String, hash: UInt64)]) -> UInt64 {
    var combined: UInt64 = 0
    for (name, hash) in hashes.sorted(by: { $0.name < $1.name }) {
      combined = Hash64.of([Hash64.of(name), hash], seed: combined)
    }
    return combined
  }
}
