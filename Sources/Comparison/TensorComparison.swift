private import Checkpoints
internal import Interchange

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

  /// Compares the safetensors files `first` and `second`; throws `InterchangeError`.
  package init(_ first: String, _ second: String) throws {
    let files = try [SafetensorsFile(path: first), SafetensorsFile(path: second)]
    let names = files.map { Set($0.entries.map(\.name)) }
    strangers = names[0].symmetricDifference(names[1]).sorted().map {
      ($0, "in the \(names[0].contains($0) ? "first" : "second") alone")
    }
    // What a loss keeps from step to step stands in the metadata.
    for key in Set(files.flatMap { $0.metadata.keys.filter { $0.hasPrefix("loss.") } }).sorted()
    where files[0].metadata[key] != files[1].metadata[key] {
      let values = files.map { $0.metadata[key] ?? "absent" }
      strangers.append((key, "\(values[0]) | \(values[1])"))
    }
    for entry in files[0].entries {
      guard let twin = files[1].entry(named: entry.name) else { continue }
      guard twin.shape == entry.shape, twin.type == entry.type else {
        strangers.append((entry.name, "of another shape: \(entry.summary) | \(twin.summary)"))
        continue
      }
      guard entry.type == .float32 else {
        if try Self.hold(files[0], files[1], same: entry) {
          alikeCount += 1
        } else {
          strangers.append((entry.name, "other bytes"))
        }
        continue
      }
      let (one, other) = (try files[0].floats(entry.name), try files[1].floats(entry.name))
      var differing = 0
      var largest = 0.0
      for (a, b) in zip(one, other) where a.bitPattern != b.bitPattern {
        differing += 1
        let difference = (Double(a) - Double(b)).magnitude
        largest = difference.isNaN || difference > largest ? difference : largest
      }
      if differing == 0 {
        alikeCount += 1
      } else {
        differences.append(
          Difference(
            name: entry.name, differing: differing, count: one.count, largest: largest))
      }
    }
    differences.sort { ($0.rank, -$0.size, $0.name) < ($1.rank, -$1.size, $1.name) }
  }

  private static func hold(
    _ one: SafetensorsFile, _ other: SafetensorsFile, same entry: SafetensorsEntry
  ) throws -> Bool {
    try entry.type == .uint8
      ? one.bytes(entry.name) == other.bytes(entry.name)
      : one.elements(of: entry.name) == other.elements(of: entry.name)
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
