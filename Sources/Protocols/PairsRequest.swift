internal import Collectives
package import Configuration
internal import Datasets
internal import Evaluation
internal import Inputs
internal import Interchange
internal import Kernels
internal import Measuring
internal import Sessions

/// What `ddp-train pairs` is asked: a list of pairs of one's own photos to verify.
package struct PairsRequest: Sendable {
  /// Photos in any form that `--data` takes, drawn ones too.
  package var data: DataSource
  /// The list to write.
  package var out: String
  /// Folds that no person is in two of.
  package var folds = 10
  /// Pairs of all folds and both kinds, at most.
  package var limit = 6000
  /// A list of photos and people to leave out.
  package var exclude: String?
  /// What the folds, and pairs that are drawn, are a function of.
  package var seed: UInt64 = 1
  /// Embeddings by which pairs of two people are the nearest, with the file of their names; nil
  /// draws them.
  package var hard: (file: String, names: String?)?

  /// Pairs of the photos of `data` into the file `out`.
  package init(data: DataSource, out: String) {
    self.data = data
    self.out = out
  }

  /// Pairs of the photos in a folder, a pack or a list.
  package init(data path: String, out: String) { self.init(data: .folder(path), out: out) }
}

extension PairsRequest {
  /// Writes the list, a function of the photos' names and people, the seed and the embeddings;
  /// returns what to say. Throws what is wrong in one line.
  package func run() throws -> [String] {
    BLASRuntime.configureSingleThread()
    try CommandFiles.check { files in
      files.readData(data, as: "the data")
      files.read(exclude, as: "--exclude")
      files.read(hard?.file, as: "--embeddings")
      files.read(hard?.names, as: "--names")
      files.write(out, as: "--out")
    }
    let work = LongWork(
      console: Console(isSpeaker: true, isQuiet: writesToOutput, isLaunched: false),
      progress: RankProgress(), stop: NeverAsked())
    let opened = try OpenedPhotos.listed(
      data, besides: [exclude].compactMap(\.self), excluding: exclude, seed: seed, work: work)
    let index = opened.index
    let paths = index.photos.map(\.path)
    let people = paths.indices.map { index.photos.person(of: $0) }
    let nearest = try hard.map { try embeddings(of: paths, file: $0.file, names: $0.names) }
    func generated(_ embeddings: Embeddings?) -> VerificationPairs {
      VerificationPairs.generated(
        labels: people, limit: limit, folds: folds, seed: seed, hard: embeddings)
    }
    let made = generated(nearest)
    let (pairs, perKind) = made.evened()
    guard perKind > 0 else {
      throw Self.failure(
        made, limit: limit, nearest: nearest,
        wouldBeDrawn: nearest != nil && generated(nil).evened().perKind > 0)
    }
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
    ] + (exclude == nil ? [] : opened.notes.remarks)
      + ((exclude == nil ? [] : opened.notes.warnings) + (nearest.map(Self.warnings) ?? []))
      .map { "warning: \($0)" }
  }

  /// Whether the list goes to where the command says what it has done.
  package var writesToOutput: Bool { ["/dev/stdout", "/dev/fd/1"].contains(out) }

  /// Why a fold of `made` has no pair of a kind; `wouldBeDrawn` tells whether it had without the
  /// embeddings.
  private static func failure(
    _ made: VerificationPairs, limit: Int, nearest: Embeddings?, wouldBeDrawn: Bool
  ) -> ProtocolError {
    if limit < 2 * made.foldCount {
      return .fewerPairsThanFolds(count: limit, folds: made.foldCount)
    }
    guard let nearest, wouldBeDrawn else { return .tooFewPeople }
    return .noNearest(count: undirected(nearest), of: nearest.count)
  }

  private static func undirected(_ embeddings: Embeddings) -> Int {
    (0..<embeddings.count).count { !embeddings.hasDirection($0) }
  }

  /// What is wrong with the embeddings that pairs are chosen by, a sentence each.
  private static func warnings(_ embeddings: Embeddings) -> [String] {
    let count = undirected(embeddings)
    let lack =
      count == 0
      ? []
      : [
        "\(count) of \(embeddings.count) photos have no embedding, or one of zeros, and stand in no "
          + "pair of two people"
      ]
    return lack + (CollapseWarning.text(embeddings).map { [$0] } ?? [])
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
