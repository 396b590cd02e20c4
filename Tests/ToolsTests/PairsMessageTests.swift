import Configuration
import DataTools
import Datasets
import Foundation
import Inputs
import Interchange
import Protocols
import RunSupport
import Testing

/// What `pairs` and `pack --to bin` say where they cannot do what they were asked.
@Suite final class PairsMessageTests {
  private let folder = SmallRun.temporaryFolder()
  private var photos: String { folder + "/photos" }
  private let names: [String]

  init() throws {
    try SyntheticFaces(people: 12, photosPerPerson: 3, size: 32, seed: 3)
      .writeFolder(to: folder + "/photos")
    names = try PhotoSet(path: folder + "/photos").index.photos.map(\.path)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// What is said of pairs by embeddings with those `rows`, two numbers a photo.
  private func answer(
    _ rows: [Float]? = nil, folds: Int = 3, count: Int = 60, data: DataSource? = nil
  ) throws -> [String] {
    var request = PairsRequest(data: data ?? .folder(photos), out: folder + "/pairs.txt")
    (request.folds, request.limit) = (folds, count)
    if let rows {
      try NumPyFile.write(rows, shape: [names.count, 2], to: folder + "/e.npy")
      try TextFile.write(names.map { $0 + "\n" }.joined(), to: folder + "/e.txt")
      request.hard = (folder + "/e.npy", folder + "/e.txt")
    }
    return try request.run()
  }

  private func complaint(_ body: () throws -> [String]) -> String {
    do { return "no error: \(try body())" } catch { return "\(error)" }
  }

  /// Rows round a circle, with some of no direction.
  private func circle(_ lost: (Int) -> [Float]? = { _ in nil }) -> [Float] {
    names.indices.flatMap { row in
      lost(row) ?? [cosf(Float(row) / 7), sinf(Float(row) / 7)]
    }
  }

  @Test func aCountBelowTwoAFoldIsNamedByItself() {
    let text = complaint { try answer(folds: 3, count: 5) }
    #expect(text.hasPrefix("no pairs: --count 5 is less than a pair of each kind in each of 3"))
    #expect(text.contains("give 6 or more"))
    #expect(complaint { try answer(folds: 3, count: 6) }.hasPrefix("no error"))
  }

  @Test func embeddingsThatAreNoNumbersAreNamedByThemselves() {
    let text = complaint { try answer(circle { $0 < 34 ? [.nan, 1] : nil }) }
    #expect(text.hasPrefix("no pairs: 34 of 36 embeddings are no numbers or zeros"))
    // Not their fault.
    #expect(complaint { try answer(circle { _ in [.nan, 1] }, count: 4) }.contains("--count 4"))
  }

  @Test func photosWithoutAnEmbeddingAreCounted() throws {
    #expect(try answer(circle()).count == 1)
    let lost = circle { $0 == 4 ? [.nan, 1] : $0 == 9 ? [0, 0] : nil }
    let lines = try answer(lost)
    #expect(
      lines.dropFirst() == [
        "warning: 2 of 36 photos have no embedding, or one of zeros, and stand in no pair of two "
          + "people"
      ])
    let pairs = try TextFile.lines(of: folder + "/pairs.txt").dropFirst()
      .map { $0.split(separator: "\t").map(String.init) }
    let others = Set(pairs.filter { $0[2] == "0" }.flatMap { $0.prefix(2) })
    #expect(!others.contains(names[4]) && !others.contains(names[9]) && others.count > 9)
  }

  @Test func collapsedEmbeddingsAreWarnedOf() throws {
    let lines = try answer(circle { _ in [1, 0.001] })
    #expect(lines.count == 2 && lines[1].hasPrefix("warning: the embeddings have collapsed"))
  }

  /// A list of drawn people is that of the folder that they are written to.
  @Test func peopleThatAreDrawnArePhotosToo() throws {
    _ = try answer()
    let list = try TextFile.read(folder + "/pairs.txt")
    let drawn = SyntheticData(people: 12, photos: 3, size: 32)
    _ = try answer(data: .synthetic(drawn))
    #expect(try TextFile.read(folder + "/pairs.txt") == list)
    let text = complaint {
      _ = try PhotoSet(path: "synthetic:people=12")
      return []
    }
    #expect(text.contains("ddp-train synthesize"))
  }

  @Test func aPhotoThatCannotBeDecodedIsNotPacked() throws {
    _ = try answer()
    let bin = BinRequest(data: photos, pairs: folder + "/pairs.txt", out: folder + "/own.bin")
    #expect(try bin.run().count == 2)
    try FileManager.default.removeItem(atPath: folder + "/own.bin")
    let used = try TextFile.lines(of: folder + "/pairs.txt")[1].split(separator: "\t")[0]
    let whole = try Data(contentsOf: URL(fileURLWithPath: photos + "/" + used))
    for bytes in [
      whole.prefix(whole.count / 2), Data([0xFF, 0xD8, 0xFF, 1, 2]), Data("text".utf8),
    ] {
      try bytes.write(to: URL(fileURLWithPath: photos + "/" + used))
      let text = complaint { try bin.run() }
      #expect(text.contains(used) && text.contains("cannot be packed"), "\(text)")
      #expect(!FileManager.default.fileExists(atPath: folder + "/own.bin"))
    }
  }
}
