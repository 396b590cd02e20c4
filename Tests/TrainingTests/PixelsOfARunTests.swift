import Checkpoints
import Comparison
import Configuration
import Datasets
import Determinism
import Foundation
import Interchange
import RunSupport
import Testing
import TestSupport
import Training

/// What libjpeg makes of a photo is part of a run: kept, and named where it has changed.
@Suite struct PixelsOfARunTests {
  private static func configuration(steps: Int, seed: UInt64) -> RunConfiguration {
    SmallRun.configuration {
      $0.seed = seed
      $0.length = .steps(steps)
      $0.resume = .auto
    }
  }

  /// Writes the checkpoint `path` again as a run with another libjpeg would have.
  private func pretend(_ path: String, pixels: String) throws {
    let file = try Checkpoint(path: path).file
    let tensors = try file.entries.map { entry in
      let bytes = UnsafeMutableRawBufferPointer.allocate(
        byteCount: entry.range.count, alignment: 64)
      defer { bytes.deallocate() }
      try file.read(entry.name, as: entry.type, shape: entry.shape, into: bytes)
      let copy = Array(bytes)
      return SafetensorsTensor(name: entry.name, type: entry.type, shape: entry.shape) { lend in
        try copy.withUnsafeBytes { try lend($0) }
      }
    }
    try SafetensorsFile.write(
      tensors: tensors, metadata: file.metadata.merging(["pixels": pixels]) { $1 }, to: path)
  }

  @Test func aRunThatGoesOnWithOtherPixelsSaysSo() throws {
    let (one, other) = (SmallRun.temporaryFolder(), SmallRun.temporaryFolder())
    defer { for folder in [one, other] { try? FileManager.default.removeItem(atPath: folder) } }
    for (seed, folder) in [(1, one), (2, other)] as [(UInt64, String)] {
      _ = try SmallRun.train(Self.configuration(steps: 4, seed: seed), folder: folder, speaks: true)
    }
    let own = Hash64.text(JPEGProbe.hash)
    let path = try SmallRun.checkpoints(in: one).last!
    #expect(try Checkpoint(path: path).pixels == own)
    try pretend(path, pixels: "0123456789abcdef")
    let found = try RunComparison(one, other).lines().joined(separator: "\n")
    #expect(
      found.contains("libjpeg: other pixels of the same photo (0123456789abcdef | \(own))"),
      "\(found)")

    for (seed, folder) in [(1, one), (2, other)] as [(UInt64, String)] {
      _ = try SmallRun.train(Self.configuration(steps: 6, seed: seed), folder: folder, speaks: true)
    }
    func log(_ folder: String) throws -> String {
      try String(contentsOfFile: folder + "/log.txt", encoding: .utf8)
    }
    let warning = "other pixels than that of the run so far did (\(own), not 0123"
    #expect(try log(one).contains(warning))
    #expect(try !log(other).contains("other pixels"))
  }
}
