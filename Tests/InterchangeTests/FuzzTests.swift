import Foundation
import Interchange
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Broken files give a clear error or are read; `DDP_TRAIN_FUZZ=10000` tries as many of each format.
@Suite(.serialized) struct FuzzTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let count =
    ProcessInfo.processInfo.environment["DDP_TRAIN_FUZZ"].flatMap { Int($0) } ?? 300

  @Test(arguments: FuzzTarget.allCases)
  func brokenFilesAreErrorsOrRead(target: FuzzTarget) throws {
    let sound = folder.file("sound")
    try target.write(to: sound)
    try target.read(sound)
    let mutations = FileMutations(original: try folder.bytes("sound"), seed: 1)
    var (errors, slowest) = (0, Duration.zero)
    let clock = ContinuousClock()
    for index in 0..<Self.count {
      let path = try folder.write(mutations.bytes(index), "broken")
      slowest = max(
        slowest,
        clock.measure {
          do {
            try target.read(path)
          } catch let error as InterchangeError {
            errors += 1
            #expect(!error.description.contains("\n") && error.description.utf8.count < 1000)
          } catch {
            Issue.record("mutation \(index): \(error) is no InterchangeError")
          }
        })
    }
    print("fuzz \(target): \(Self.count) files, \(errors) errors, slowest \(slowest)")
    // A hang shows as a test that never ends; this only sees what is far too slow for 4 KB.
    #expect(slowest < .seconds(5))
    #expect(errors > 0)
  }

  /// Sizes in headers are believed only as far as the file goes: nothing is allocated for the rest.
  @Test func promisedSizesTakeNoMemory() throws {
    let levels = [UInt8](repeating: 0x85, count: 60_000)
    var growth: [UInt8] = []
    for _ in 0..<100_000 { growth += [0x4E, 0x4E, 0x73] }
    let endless = [UInt8](repeating: 0xFF, count: 8)
    let lying: [(FuzzTarget, [UInt8])] = [
      (.safetensors, [0, 0, 0, 0, 1, 0, 0, 0, 0x7B, 0x7D]),
      (.safetensors, safetensors("[1000000000000]", end: "4000000000000")),
      (.safetensors, safetensors("[4611686018427387904,4]", end: "0")),
      (.npy, npy("(1000000000, 1000)")),
      (.npy, npy("(9223372036854775807,)")),
      // Text of 2 GB and of more than there is.
      (.legacyTorch, legacy([0x58, 0xFF, 0xFF, 0xFF, 0x7F])),
      (.legacyTorch, legacy([0x8D] + endless)),
      // Sixty thousand levels of tuples, a list inside itself, a dictionary that grows one by one.
      (.legacyTorch, legacy([0x29] + levels + [0x2E])),
      (.legacyTorch, legacy([0x5D, 0x71, 0, 0x68, 0, 0x61, 0x2E])),
      (.legacyTorch, legacy([0x7D] + growth + [0x2E])),
    ]
    let before = residentPeak()
    for (target, bytes) in lying {
      let path = try folder.write(bytes, "lying")
      #expect(throws: InterchangeError.self) { try target.read(path) }
    }
    #expect(residentPeak() - before < 64 << 20)
  }

  /// A large file takes at most four times its size.
  @Test func memoryStaysWithinFourTimesTheFile() throws {
    let count = 8 << 20
    let path = folder.file("large.npz")
    let bytes = [Int8](repeating: 3, count: count)
    try NumPyArchive.write(
      [
        NumPyMember(
          SafetensorsTensor(name: "embeddings", type: .int8, shape: [count]) {
            try bytes.withUnsafeBytes($0)
          })
      ], to: path)
    let before = residentPeak()
    let values = try NumPyArchive(path: path).elements(of: "embeddings")
    #expect(values.count == count && values.last == 3)
    #expect(residentPeak() - before < 4 * count + 4 << 20)
  }

  /// A file of the format before torch 1.6 whose object is `pickle`.
  private func legacy(_ pickle: [UInt8]) -> [UInt8] {
    let magic: [UInt8] = [
      0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]
    let header: [UInt8] = [0x80, 2, 0x4D, 0xE9, 3, 0x2E, 0x80, 2, 0x7D, 0x2E]
    return magic + header + [0x80, 2] + pickle
  }

  private func safetensors(_ shape: String, end: String) -> [UInt8] {
    let json = "{\"a\":{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[0,\(end)]}}"
    return [UInt8(json.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(json.utf8)
  }

  private func npy(_ shape: String) -> [UInt8] {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
  }

  /// The most memory of the process so far, in bytes.
  private func residentPeak() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(0), &usage)
    return usage.ru_maxrss * 1024
  }
}
