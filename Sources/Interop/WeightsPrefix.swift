internal import Checkpoints
internal import Interchange
internal import Networks
internal import State

extension NetworkWeights {
  /// The names that the network's published definition gives its tensors and running moments.
  var wantedNames: [String] {
    network.parameters.map(\.name)
      + network.statistics.flatMap { [$0.name + ".running_mean", $0.name + ".running_var"] }
  }

  /// What stands before the network's names in `archive` (`module.`, `backbone.`): there where all
  /// of them are, `given` or the end of it deciding where that is so more than once.
  ///
  /// Throws `InteropError` where it stays open, and `InterchangeError`. Where all are nowhere it is
  /// what stands before the first of them, for whoever then misses the others.
  func prefix(in archive: any TensorArchive, given: String?) throws -> String {
    let wanted = wantedNames
    guard let first = wanted.first else { return "" }
    let all = Set(archive.names)
    let prefixes = archive.names.filter { $0 == first || $0.hasSuffix("." + first) }
      .map { String($0.dropLast(first.count)) }
      .sorted { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
    let whole = prefixes.filter { prefix in wanted.allSatisfy { all.contains(prefix + $0) } }
    if let given {
      let text = given.isEmpty || given.hasSuffix(".") ? given : given + "."
      let found = whole.isEmpty ? prefixes : whole
      if let exact = found.first(where: { $0 == text }) { return exact }
      let ends = text.isEmpty ? [] : found.filter { $0.hasSuffix("." + text) }
      guard ends.count == 1 else {
        throw InteropError.noPrefix(
          path: archive.path, prefix: given, found: ends.isEmpty ? found : ends)
      }
      return ends[0]
    }
    guard whole.count > 1 else { return whole.first ?? prefixes.first ?? "" }
    let fitting = whole.filter { hasShapes(of: archive, prefix: $0) }
    guard fitting.count > 1 else { return fitting.first ?? whole[0] }
    let isOneNetwork = try fitting.dropFirst().allSatisfy {
      try isEqual(fitting[0], $0, in: archive)
    }
    guard isOneNetwork else {
      throw InteropError.severalNetworks(path: archive.path, prefixes: fitting)
    }
    return fitting[0]
  }

  /// Whether the convolutions have the network's shapes; the last layers depend on the length of
  /// the embedding, which the file may still have to say.
  private func hasShapes(of archive: any TensorArchive, prefix: String) -> Bool {
    network.parameters.filter { $0.shape.count == 4 }
      .allSatisfy { archive.shape(of: prefix + $0.name) == $0.shape }
  }

  /// Whether the tensors under two prefixes are the same numbers.
  private func isEqual(
    _ one: String, _ other: String, in archive: any TensorArchive
  ) throws -> Bool {
    try wantedNames.allSatisfy { name in
      guard archive.shape(of: one + name) == archive.shape(of: other + name) else { return false }
      return try archive.elements(of: one + name) == archive.elements(of: other + name)
    }
  }
}
