internal import Datasets
internal import Evaluation
internal import Interchange
internal import Kernels
internal import Measuring

/// What `ddp-train pairs` is asked: a list of pairs of one's own photos to verify.
package struct PairsRequest: Sendable {
  /// Photos in any form that `--data` takes.
  package var data: String
  package var out: String
  /// Folds that no person is in two of.
  package var folds = 10
  /// Pairs of all folds and both kinds, at most.
  package var limit = 6000
  package var seed: UInt64 = 1
  /// Embeddings by which pairs of two people are the nearest, with the file of their names; nil
  /// draws them.
  package var hard: (file: String, names: String?)?

  /// Pairs of the photos of `data` into the file `out`.
  package init(data: String, out: String) {
    self.data = data
    self.out = out
  }
}

extension PairsRequest {
  /// Writes the list, a function of the photos' names and people, the seed and the embeddings;
  /// returns what to say. Throws what is wrong in one line.
  package func run() throws -> [String] {
    BLASRuntime.configureSingleThread()
    var files = CommandFiles()
    files.readData(data, as: "the data")
    files.read(hard?.file, as: "--embeddings")
    files.read(hard?.names, as: "--names")
    files.write(out, as: "--out")
    try files.check()
    let index = try PhotoSet(path: data).index
    let paths = index.photos.map(\.path)
    let people = paths.indices.map { index.photos.person(of: $0) }
    let made = VerificationPairs.generated(
      labels: people, limit: limit, folds: folds, seed: seed,
      hard: try hard.map { try embeddings(of: paths, file: $0.file, names: $0.names) })
    let (pairs, perKind) = made.evened()
    guard perKind > 0 else { throw ProtocolError.tooFewPeople }
    var text = "\(pairs.foldCount)\t\(perKind)\n"
    for pair in pairs.pairs {
      for photo in [pair.first, pair.second] {
        let isPlain = paths[photo].unicodeScalars.allSatisfy {
          $0.value >= 0x20 && $0 != "\"" && $0 != "\u{85}" && $0 != "\u{2028}" && $0 != "\u{2029}"
        }
        let isTrimmed = paths[photo].first?.isWhitespace == false
        guard isPlain, isTrimmed, !paths[photo].hasPrefix("#") else {
          throw ProtocolError.unwritableName(paths[photo])
        }
      }
      text += "\(paths[pair.first])\t\(paths[pair.second])\t\(pair.isSame ? 1 : 0)\n"
    }
    try TextFile.write(text, to: out)
    let used = Set(pairs.pairs.flatMap { [people[$0.first], people[$0.second]] }).count
    return [
      "\(pairs.pairs.count) pairs of \(used) people in \(out): \(pairs.foldCount) folds of "
        + "\(perKind) pairs of one person and \(perKind) of two, "
        + (hard == nil ? "drawn" : "the nearest") + "; \(made.foldRule)"
    ]
  }

  /// The stored embeddings of `paths`, in their order; throws where one is missing.
  private func embeddings(
    of paths: [String], file: String, names: String?
  ) throws -> Embeddings {
    let stored = try StoredEmbeddings(file: file, names: names)
    var lookup = PhotoLookup(stored.names)
    var rows: [Int] = []
    var missing: [String] = []
    for path in paths {
      if case .one(let row) = lookup.find(path) { rows.append(row) } else { missing.append(path) }
    }
    if let first = missing.first {
      throw ProtocolError.missingPhotos(
        count: missing.count, of: paths.count, first: first, where: "'\(file)'")
    }
    let dimension = stored.embeddings.dimension
    return Embeddings(
      rows.flatMap { stored.embeddings.values[$0 * dimension..<($0 + 1) * dimension] },
      dimension: dimension)
  }
}
