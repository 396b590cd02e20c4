internal import Datasets
internal import Evaluation
internal import Interchange
internal import Sessions
internal import Threads

extension BinRequest {
  /// Writes a verification set of InsightFace (`lfw.bin`); returns what to say. Photos keep their
  /// bytes, pairs go fold by fold. Throws what is wrong in one line, and that it was asked to end,
  /// by a signal that is heard; then nothing of it is left.
  package func run() throws -> [String] {
    let (data, list, out, stop) = (data, pairs, out, StopSignals())
    var files = CommandFiles()
    files.readData(data, as: "the data")
    files.read(list, as: "--pairs")
    files.write(out, as: "--out")
    try files.check()
    do {
      let set = try ToolWork.run("listing \(data)", stop: stop) {
        try PhotoSet(path: data, meter: $0)
      }
      let file = try PairsFile(parsing: FileReader.text(of: list), file: list)
      let resolved = file.resolved(against: set.index.photos.map(\.path))
      // A set with some pairs left out would be another one under the same name.
      if let first = resolved.skipped.first {
        throw DatasetError.badOption(
          name: "--pairs", text: list,
          reason: "\(resolved.skipped.count) of its pairs cannot be packed, such as \(first)")
      }
      let pairs = resolved.pairs.enumerated().sorted {
        ($0.element.fold, $0.offset) < ($1.element.fold, $1.offset)
      }.map(\.element)
      try ToolWork.run("packing photos") { meter in
        meter.expect(2 * pairs.count)
        let buffer = ByteBuffer()
        try VerificationBin.write(isSame: pairs.map(\.isSame), to: out) { image in
          if stop.wantsEnd { throw Interruption() }
          let pair = pairs[image / 2]
          let photo = image % 2 == 0 ? pair.first : pair.second
          do {
            try set.source.read(photo, into: buffer)
          } catch {
            throw DatasetError.photoOutOfReach(
              photo: set.index.photos[photo].path, reason: "\(error)")
          }
          meter.add()
          return Array(buffer.bytes)
        }
      }
      let same = pairs.count { $0.isSame }
      let foldCount = PairsFile.interleavedFoldCount
      return [
        "\(pairs.count) pairs, \(same) of one person, in \(resolved.foldCount) folds in \(out)"
      ]
        + (resolved.isCut(into: foldCount)
          ? []
          : [
            "warning: who reads a .bin cuts it into \(foldCount) equal folds, which are not those of "
              + "'\(list)': a person may be in two"
          ])
    } catch is Interruption {
      throw ToolError.interrupted(out: out)
    }
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
