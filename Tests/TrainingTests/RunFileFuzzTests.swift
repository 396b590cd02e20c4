import CAllocations
import CheckpointParts
import Checkpoints
import Evaluation
import Foundation
import Interchange
import RunSupport
import Testing
import TestSupport
import Training

/// Broken checkpoints and lists of pairs, as `FuzzTests` of the datasets breaks all other files.
@Suite(.serialized) struct RunFileFuzzTests {
  private static let count =
    ProcessInfo.processInfo.environment["DDP_TRAIN_FUZZ"].flatMap { Int($0) } ?? 250

  /// Reads `mutations` by `read`, which throws errors of the kinds that it may.
  private func fuzz(_ name: String, _ sound: [UInt8], _ read: ([UInt8]) throws -> Bool) rethrows {
    let mutations = FileMutations(original: sound)
    var (errors, most, slowest) = (0, 0, 0.0)
    for index in 0..<Self.count {
      let bytes = mutations.bytes(index)
      callocations_watch()
      try slowest = max(
        slowest, ProcessorTime.measure { errors += try read(bytes) ? 0 : 1 })
      let held = Int(callocations_most_held())
      most = max(most, held)
      #expect(held <= 4 * bytes.count + 256 << 10, "mutation \(index)")
    }
    print(
      "fuzz \(name): \(Self.count) files of some \(sound.count) bytes, \(errors) errors, "
        + "most memory \(most), slowest \(slowest) s")
    // Milliseconds of this thread are usual, whatever else the machine does.
    #expect(slowest < 5 && errors > 0)
  }

  @Test func brokenCheckpointsAreRefused() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try SmallRun.train(SmallRun.configuration(model: "iresnet10"), folder: folder)
    let path = folder + "/checkpoints/step-000000010.safetensors"
    let receipt = try Checkpoint(path: path).weightsHash()
    let sound = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let broken = folder + "/broken.safetensors"
    try fuzz("checkpoint", sound) { bytes in
      try Data(bytes).write(to: URL(fileURLWithPath: broken))
      do {
        // What is read after all has not one other bit.
        #expect(try Checkpoint(path: broken).weightsHash() == receipt)
        return true
      } catch let error as InterchangeError {
        #expect(!error.description.contains("\n"))
      } catch let error as CheckpointError {
        #expect(!error.description.contains("\n"))
      }
      return false
    }
  }

  @Test(arguments: ["2\t5\n", "10\n"]) func brokenListsOfPairsAreErrorsOrRead(first: String) throws
  {
    var text = first
    for part in 0..<(first.hasPrefix("2") ? 2 : 1) {
      let count = first.hasPrefix("2") ? 5 : 10
      for pair in 0..<count { text += "anna_\(part)\t\(pair + 1)\t\(pair + 2)\n" }
      for pair in 0..<count { text += "anna_\(part)\t\(pair + 1)\tbert\t\(pair + 2)\n" }
    }
    #expect(try PairsFile(parsing: text, file: "pairs").entries.count == 20)
    fuzz("pairs", Array(text.utf8)) { bytes in
      do throws(PairsFileError) {
        _ = try PairsFile(parsing: String(decoding: bytes, as: UTF8.self), file: "pairs")
        return true
      } catch {
        #expect(!error.description.contains("\n"))
        return false
      }
    }
  }
}
