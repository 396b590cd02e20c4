import Datasets
import Determinism
import Foundation
import Interchange
import RunSupport
import Testing
import Training

/// The same photos give the same weights, whichever format holds them.
@Suite struct LawsOfFormats {
  /// Synthetic photos of 12 people, one of them bad, in every format.
  private final class Formats {
    let root = SmallRun.temporaryFolder()
    var paths: [(name: String, path: String)] = []

    init() throws {
      let folder = root + "/folder"
      try SyntheticFaces(people: 12, photosPerPerson: 6, size: 32, seed: 5).writeFolder(to: folder)
      let set = try PhotoSet(path: folder)
      try Data("no photo".utf8).write(
        to: URL(fileURLWithPath: folder + "/" + set.index.photos[17].path))
      _ = try PackWriter.write(set, as: .rec, to: root + "/rec")
      _ = try PackWriter.write(set, as: .rec, to: root + "/numbers")
      try FileManager.default.removeItem(atPath: root + "/numbers/train.lst")
      _ = try PackWriter.write(set, as: .tar, to: root + "/faces.tar")
      let photos = set.index.photos.reversed()
      try photos.map { "folder/\($0.path) \($0.person)\n" }.joined()
        .write(toFile: root + "/list.txt", atomically: true, encoding: .utf8)
      let metadata = root + "/metadata"
      try FileManager.default.copyItem(atPath: folder, toPath: metadata)
      try photos.map { "{\"file_name\":\"\($0.path)\",\"label\":\($0.person)}\n" }.joined()
        .write(toFile: metadata + "/metadata.jsonl", atomically: true, encoding: .utf8)
      paths = [
        ("folder", folder), ("rec", root + "/rec"), ("rec without names", root + "/numbers"),
        ("tar", root + "/faces.tar"), ("list", root + "/list.txt"), ("metadata", metadata),
      ]
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }
  }

  @Test func sameWeightsFromEveryFormatOnOneAndThreeRanks() throws {
    let formats = try Formats()
    var hashes: [(String, UInt64, UInt64)] = []
    for (name, path) in formats.paths {
      for ranks in [1, 3] {
        let configuration = SmallRun.configuration {
          $0.data = .folder(path)
          $0.length = .steps(6)
          $0.maxBad = 0.1
        }
        let outcomes = try SmallRun.train(configuration, ranks: ranks)
        let last = try #require(outcomes[0].records.last)
        #expect(outcomes[0].records.contains { $0.skippedSamples > 0 })
        hashes.append(("\(name) on \(ranks)", outcomes[0].weights, last.gradientHash))
      }
    }
    for hash in hashes {
      #expect(hash.1 == hashes[0].1 && hash.2 == hashes[0].2, "\(hash.0)")
    }
    #expect(hashes.count == 12 && hashes[0].1 != 0)
  }

  @Test("A run goes on from a folder to a pack of it, by names and fingerprint")
  func aRunGoesOnInAnotherFormat() throws {
    let formats = try Formats()
    let out = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: out) }
    func run(_ format: Int, steps: Int, in folder: String?) throws -> UInt64 {
      let configuration = SmallRun.configuration {
        $0.data = .folder(formats.paths[format].path)
        $0.length = .steps(steps)
        $0.resume = .auto
        $0.schedule = .constant
        $0.maxBad = 0.1
      }
      return try SmallRun.train(configuration, folder: folder)[0].weights
    }
    let whole = try run(0, steps: 5, in: nil)
    _ = try run(0, steps: 2, in: out)
    _ = try run(3, steps: 3, in: out)
    #expect(try run(1, steps: 5, in: out) == whole)
  }
}
