import Determinism
import Foundation
import Interchange

/// Files that went wrong: cut short, with flipped bits, overwritten, repeated or shuffled bytes.
struct FileMutations {
  let original: [UInt8]
  let seed: UInt64

  /// Mutation `index` of the file, a function of seed and index.
  func bytes(_ index: Int) -> [UInt8] {
    let random = CounterRandom(seed: seed, purpose: .testing, index)
    var bytes = original
    let count = 1 + random.integer(0, below: 4)
    for change in 0..<count where !bytes.isEmpty {
      let base = 1 + 8 * change
      // Structure stands at the beginning and at the end: half of the changes go there.
      let spot = random.integer(base, below: 4)
      let near = min(bytes.count, 700)
      let place =
        switch spot {
        case 0: random.integer(base + 1, below: near)
        case 1: bytes.count - 1 - random.integer(base + 1, below: near)
        default: random.integer(base + 1, below: bytes.count)
        }
      switch random.integer(base + 2, below: 7) {
      case 0: bytes[place] ^= 1 << UInt8(random.integer(base + 3, below: 8))
      case 1: bytes[place] = UInt8(random.integer(base + 3, below: 256))
      case 2: bytes[place] = [0, 0xFF, 0x7F, 0x80, 0x2E, 0x28][random.integer(base + 3, below: 6)]
      case 3: bytes.removeSubrange(place...)
      case 4:
        let length = min(1 + random.integer(base + 3, below: 16), bytes.count - place)
        bytes.removeSubrange(place..<place + length)
      case 5:
        let length = min(1 + random.integer(base + 3, below: 64), bytes.count - place)
        bytes.insert(contentsOf: bytes[place..<place + length], at: place)
      default:
        // A length that overflows, wherever it lands.
        for i in place..<min(place + 8, bytes.count) { bytes[i] = 0xFF }
      }
    }
    return bytes
  }
}

/// The readers under test, and files that they read.
enum FuzzTarget: String, CaseIterable, Sendable {
  case safetensors, torch, torchCheckpoint, legacyTorch, npy, npz, csv

  /// A sound file of the format, at `path`.
  func write(to path: String) throws {
    func torch(_ base64: String) throws {
      try Data(base64Encoded: base64)!.write(to: URL(fileURLWithPath: path))
    }
    switch self {
    case .safetensors:
      try SafetensorsFile.write(
        tensors: [
          SafetensorsTensor(name: "a", shape: [3, 4], floats: (0..<12).map { Float($0) }),
          SafetensorsTensor(name: "b", shape: [], integers: [7]),
        ], metadata: ["format": "pt"], checksums: false, to: path)
    case .torch: try torch(TorchFiles.stateDictionary)
    case .torchCheckpoint: try torch(TorchFiles.checkpoint)
    case .legacyTorch: try torch(TorchFiles.legacy)
    case .npy: try NumPyFile.write((0..<24).map { Float($0) }, shape: [4, 6], to: path)
    case .npz:
      try NumPyArchive.write(
        [
          NumPyMember(SafetensorsTensor(name: "embeddings", shape: [2, 2], floats: [1, 2, 3, 4])),
          NumPyMember(name: "names", strings: ["anna", "bert"]),
        ], to: path)
    case .csv:
      try CSVTable.write(names: ["a", "b,c"], columns: 3, to: path) { row in
        (0..<3).map { "\(Float($0 + row) / 3)" }
      }
    }
  }

  /// Reads all that a file holds; throws `InterchangeError` and nothing else.
  func read(_ path: String) throws {
    switch self {
    case .npy: _ = try NumPyFile.read(path)
    case .csv: _ = try CSVTable(path: path)
    case .npz:
      let archive = try NumPyArchive(path: path)
      for name in archive.names {
        do { _ = try archive.elements(of: name) } catch { _ = try archive.strings(of: name) }
      }
    case .safetensors, .torch, .torchCheckpoint, .legacyTorch:
      let archive = try TensorFiles.open(path)
      for name in archive.names { _ = try archive.elements(of: name) }
    }
  }
}
