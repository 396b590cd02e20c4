package import CheckpointParts
private import Foundation
internal import Interchange

extension Checkpoint {
  /// The file itself: not the link `best.safetensors`, but what it leads to.
  private var target: String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }

  /// Throws `InterchangeError.unwritable` where nothing can be stored in it.
  package func requireWritable() throws { try WritableFolder.require(for: target) }

  /// Writes the file again with `threshold` in place of what it holds, whole or not at all; throws
  /// `InterchangeError`.
  package func store(_ threshold: DecisionThreshold) throws {
    let file = file
    let tensors = file.entries.map { entry in
      SafetensorsTensor(name: entry.name, type: entry.type, shape: entry.shape) { lend in
        let bytes = UnsafeMutableRawBufferPointer.allocate(
          byteCount: entry.range.count, alignment: 64)
        defer { bytes.deallocate() }
        try file.read(entry.name, as: entry.type, shape: entry.shape, into: bytes)
        try lend(UnsafeRawBufferPointer(bytes))
      }
    }
    var metadata = file.metadata
    for key in DecisionThreshold.keys { metadata[key] = nil }
    try SafetensorsFile.write(
      tensors: tensors, metadata: metadata.merging(threshold.metadata) { _, new in new },
      to: target)
  }
}
