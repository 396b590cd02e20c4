internal import CheckpointParts
internal import Determinism
internal import Losses

/// The state of a loss in the metadata of a checkpoint: `loss.NAME`, the bits of the double in hex.
extension LossState {
  private static let prefix = "loss."

  var metadata: [String: String] {
    Dictionary(
      uniqueKeysWithValues: zip(names, values).map {
        (Self.prefix + $0, Hash64.text($1.bitPattern))
      })
  }

  /// Takes the numbers that the file at `path` has; throws `CheckpointError.incomplete`.
  mutating func read(_ metadata: [String: String], path: String) throws {
    set(
      try names.map { name in
        guard let bits = metadata[Self.prefix + name].flatMap({ UInt64($0, radix: 16) }) else {
          throw CheckpointError.incomplete(path: path, what: Self.prefix + name)
        }
        return Double(bitPattern: bits)
      })
  }
}
