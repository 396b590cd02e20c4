private import Checkpoints
private import Interchange

/// Two files of tensors held side by side.
package struct TensorComparison {
  private struct Difference {
    let name: String
    let differing, count: Int
    let largest: Double

    /// Parameters before running moments, and those before what the optimizer keeps.
    var rank: Int { !Checkpoint.isWeight(name) ? 2 : name.contains(".running_") ? 1 : 0 }
    /// Not a number is the most.
    var size: Double { largest.isNaN ? .infinity : largest }
  }

  private var differences: [Difference] = []
  private var alikeCount = 0
  /// What cannot be held beside a twin, each with why.
  private var strangers: [(name: String, why: String)] = []

  /// Tensors that a line of its own is given to.
  private static let lineLimit = 8

  /// Compares the safetensors files `first` and `second`, of checkpoints with the class weights
  /// that stand in parts beside them; of their tensors those whose name `isAsked` for. Throws
  /// `InterchangeError` and `CheckpointError`.
  package init(
    _ first: String, _ second: String, where isAsked: (String) -> Bool = { _ in true }
  ) throws {
    let compared = try [ComparedFile(path: first), ComparedFile(path: second)]
    let files = compared.map(\.file)
    let names = compared.map { Set($0.tensors.map(\.name).filter(isAsked)) }
    strangers = names[0].symmetricDifference(names[1]).sorted().map {
      ($0, "in the \(names[0].contains($0) ? "first" : "second") alone")
    }
    // What a loss keeps from step to step stands in the metadata.
    for key in Set(files.flatMap { $0.metadata.keys.filter { $0.hasPrefix("loss.") } }).sorted()
    where isAsked(key) && files[0].metadata[key] != files[1].metadata[key] {
      let values = files.map { $0.metadata[key] ?? "absent" }
      strangers.append((key, "\(values[0]) | \(values[1])"))
    }
    for entry in compared[0].tensors where isAsked(entry.name) {
      guard let twin = compared[1].tensor(named: entry.name) else { continue }
      guard twin.shape == entry.shape, twin.type == entry.type else {
        strangers.append((entry.name, "of another shape: \(entry.summary) | \(twin.summary)"))
        continue
      }
      guard entry.type == .float32 else {
        if try Self.hold(files[0], files[1], same: entry.name, isBytes: entry.type == .uint8) {
          alikeCount += 1
        } else {
          strangers.append((entry.name, "other bytes"))
        }
        continue
      }
      if let difference = try Self.difference(compared[0], compared[1], entry, twin) {
        differences.append(difference)
      } else {
        alikeCount += 1
      }
    }
    differences.sort { ($0.rank, -$0.size, $0.name) < ($1.rank, -$1.size, $1.name) }
  }

  private static func hold(
    _ one: SafetensorsFile, _ other: SafetensorsFile, same name: String, isBytes: Bool
  ) throws -> Bool {
    try isBytes
      ? one.bytes(name) == other.bytes(name) : one.elements(of: name) == other.elements(of: name)
  }

  /// How `tensor` of `one` differs from its `twin` in `other`; nil where it does not.
  private static func difference(
    _ one: ComparedFile, _ other: ComparedFile, _ tensor: ComparedFile.Tensor,
    _ twin: ComparedFile.Tensor
  ) throws -> Difference? {
    var (differing, count, largest) = (0, 0, 0.0)
    func add(_ values: UnsafeBufferPointer<Float>, _ others: UnsafeBufferPointer<Float>) {
      count += values.count
      for (a, b) in zip(values, others) where a.bitPattern != b.bitPattern {
        differing += 1
        let difference = (Double(a) - Double(b)).magnitude
        largest = difference.isNaN || difference > largest ? difference : largest
      }
    }
    // Piece by piece where one is in pieces: the other is read once, or what belongs to each.
    if twin.isInParts, !tensor.isInParts {
      return try Self.difference(other, one, twin, tensor)
    }
    let whole = twin.isInParts ? nil : try other.file.floats(twin.name)
    try one.forEachPiece(of: tensor) { start, values in
      let range = start..<start + values.count
      if let whole {
        whole.withUnsafeBufferPointer { add(values, UnsafeBufferPointer(rebasing: $0[range])) }
      } else {
        try other.floats(of: twin, in: range).withUnsafeBufferPointer { add(values, $0) }
      }
    }
    return differing == 0
      ? nil
      : Difference(name: tensor.name, differing: differing, count: count, largest: largest)
  }

  /// Whether all tensors are in both files with the same bits.
  package var isAlike: Bool { differences.isEmpty && strangers.isEmpty }

  /// A line of `title`, then one for each of the weights that differ most.
  package func lines(title: String) -> [String] {
    var lines = [
      "\(title): \(differences.count) differ, \(alikeCount) are alike"
        + (strangers.isEmpty ? "" : ", \(strangers.count) cannot be held together")
    ]
    for difference in differences.prefix(Self.lineLimit) {
      lines.append(
        "  \(difference.name): \(difference.differing) of \(difference.count) elements, "
          + "by up to \(difference.largest)")
    }
    if differences.count > Self.lineLimit {
      lines.append("  and \(differences.count - Self.lineLimit) more")
    }
    for stranger in strangers.prefix(Self.lineLimit) {
      lines.append("  \(stranger.name): \(stranger.why)")
    }
    if strangers.count > Self.lineLimit {
      lines.append("  and \(strangers.count - Self.lineLimit) more")
    }
    return lines
  }
}
