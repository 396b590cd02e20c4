internal import Interchange

/// Two files of tensors held side by side.
package struct TensorComparison {
  private struct Difference {
    let name: String
    let differing, count: Int
    let largest: Double
  }

  private var differences: [Difference] = []
  private var alikeCount = 0
  private var strangers: [String] = []

  /// Tensors that a line of its own is given to.
  private static let lineLimit = 8

  /// Compares the safetensors files `first` and `second`; throws `InterchangeError`.
  package init(_ first: String, _ second: String) throws {
    let files = try [SafetensorsFile(path: first), SafetensorsFile(path: second)]
    let names = files.map { Set($0.entries.filter { $0.type == .float32 }.map(\.name)) }
    strangers = names[0].symmetricDifference(names[1]).sorted()
    for entry in files[0].entries where names[0].contains(entry.name) {
      guard names[1].contains(entry.name) else { continue }
      guard files[1].entry(named: entry.name)?.shape == entry.shape else {
        strangers.append(entry.name + " (another shape)")
        continue
      }
      let (one, other) = (try files[0].floats(entry.name), try files[1].floats(entry.name))
      var differing = 0
      var largest = 0.0
      for (a, b) in zip(one, other) where a.bitPattern != b.bitPattern {
        differing += 1
        largest = max(largest, (Double(a) - Double(b)).magnitude)
      }
      if differing == 0 {
        alikeCount += 1
      } else {
        differences.append(
          Difference(
            name: entry.name, differing: differing, count: one.count, largest: largest))
      }
    }
  }

  /// Whether all tensors are in both files with the same bits.
  package var isAlike: Bool { differences.isEmpty && strangers.isEmpty }

  /// A line of `title`, then one for each of the first tensors that differ, in the file's order,
  /// which is that of the network's names.
  package func lines(title: String) -> [String] {
    var lines = [
      "\(title): \(differences.count) differ, \(alikeCount) are alike"
        + (strangers.isEmpty ? "" : ", \(strangers.count) are in one alone or of another shape")
    ]
    for difference in differences.prefix(Self.lineLimit) {
      lines.append(
        "  \(difference.name): \(difference.differing) of \(difference.count) elements, "
          + "by up to \(difference.largest)")
    }
    if differences.count > Self.lineLimit {
      lines.append("  and \(differences.count - Self.lineLimit) more")
    }
    for name in strangers.prefix(Self.lineLimit) { lines.append("  \(name): not in both") }
    return lines
  }
}
