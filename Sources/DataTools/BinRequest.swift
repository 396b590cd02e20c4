internal import Datasets
internal import Evaluation
internal import Interchange
internal import Sessions
internal import Threads

/// What `ddp-train pack --to bin` is asked.
package struct BinRequest: Sendable {
  /// Photos in any form that `--data` takes.
  package var data: String
  /// A list of pairs of them.
  package var pairs: String
  /// The verification set to write.
  package var out: String

  /// The photos of `pairs` as one verification set.
  package init(data: String, pairs: String, out: String) {
    self.data = data
    self.pairs = pairs
    self.out = out
  }
}

extension BinRequest {
  /// Writes a verification set of InsightFace (`lfw.bin`); returns what to say. Photos keep their
  /// bytes, pairs go fold by fold. Throws what is wrong in one line, photos that cannot be decoded
  /// too, and that it was asked to end, by a signal that is heard; then nothing of it is left.
  package func run() throws -> [String] {
    let (data, list, out, stop) = (data, pairs, out, StopSignals())
    try CommandFiles.check { files in
      files.readData(data, as: "the data")
      files.read(list, as: "--pairs")
      files.write(out, as: "--out")
    }
    do {
      let set = try ToolWork.run("listing \(data)", stop: stop) {
        try PhotoSet(path: data, besides: [list], meter: $0)
      }
      let resolved = try resolvedPairs(in: set)
      let pairs = resolved.pairs.enumerated().sorted {
        ($0.element.fold, $0.offset) < ($1.element.fold, $1.offset)
      }.map(\.element)
      try requireSound(resolved.photoIndices, of: set, stop: stop)
      try ToolWork.run("packing photos") { meter in
        meter.expect(2 * pairs.count)
        let buffer = ByteBuffer()
        try VerificationBin.write(isSame: pairs.map(\.isSame), to: out) { image in
          if stop.wantsEnd { throw Interruption() }
          let pair = pairs[image / 2]
          let photo = image % 2 == 0 ? pair.first : pair.second
          try PackWriter.read(photo, of: set, into: buffer)
          meter.add()
          return Array(buffer.bytes)
        }
      }
      return set.notes.lines + lines(of: resolved)
    } catch is Interruption {
      throw ToolError.interrupted(out: out)
    }
  }

  /// The pairs of the list among the photos of `set`; throws `PairsFileError`, and `DatasetError`
  /// where some cannot be packed: a set without them would be another one under the same name.
  private func resolvedPairs(in set: PhotoSet) throws -> VerificationPairs {
    let file = try PairsFile(parsing: FileReader.text(of: pairs), file: pairs)
    let resolved = file.resolved(against: set.index.photos.map(\.path))
    if let first = resolved.skipped.first {
      throw DatasetError.badOption(
        name: "--pairs", text: pairs,
        reason: "\(resolved.skipped.count) of its pairs cannot be packed, such as \(first)")
    }
    return resolved
  }

  /// Throws `DatasetError` where some of `photos` cannot be decoded: who reads a .bin has nothing
  /// to put in their place.
  private func requireSound(_ photos: [Int], of set: PhotoSet, stop: StopSignals) throws {
    let bad = try ToolWork.decode(photos, of: set, stop: stop).badPhotos(of: set)
    guard !bad.isEmpty else { return }
    let shown = bad.prefix(8).map(\.line).joined(separator: "; ")
    throw DatasetError.unusable(
      path: pairs,
      reason: "names \(bad.count) photo\(bad.count == 1 ? "" : "s") that cannot be packed, repair "
        + "\(bad.count == 1 ? "it" : "them") or leave the pairs out of the list: \(shown)"
        + (bad.count > 8 ? "; ..." : ""))
  }

  private func lines(of resolved: VerificationPairs) -> [String] {
    let foldCount = PairsFile.interleavedFoldCount
    let text =
      "\(resolved.pairs.count) pairs, \(resolved.sameCount) of one person, in "
      + "\(resolved.foldCount) folds in \(out)"
    guard !resolved.isCut(into: foldCount) else { return [text] }
    return [
      text,
      "warning: who reads a .bin cuts it into \(foldCount) equal folds, which are not those of "
        + "'\(pairs)': a person may be in two",
    ]
  }
}

extension VerificationPairs {
  /// Whether its folds are `count` of one size, as readers cut a file in which they stand one
  /// behind the other.
  fileprivate func isCut(into count: Int) -> Bool {
    foldCount == count
      && Set((0..<count).map { fold in pairs.count { $0.fold == fold } }).count == 1
  }
}
