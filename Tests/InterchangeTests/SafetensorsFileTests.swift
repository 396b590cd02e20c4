import Foundation
import Interchange
import Testing

/// A file as other tools write it (huggingface/safetensors), made by hand.
private func plainFile(_ json: String, data: [UInt8] = []) -> [UInt8] {
  let count = json.utf8.count
  return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + Array(json.utf8) + data
}

private func sampleTensors() -> [SafetensorsTensor] {
  [
    SafetensorsTensor(
      name: "weights", shape: [2, 3], floats: [1, -2, 3.5, 0, .infinity, 0x1p-140]),
    SafetensorsTensor(name: "step", shape: [], integers: [123_456_789_012_345]),
    SafetensorsTensor(name: "moments", shape: [2], doubles: [.pi, -0.0]),
    SafetensorsTensor(name: "log \"ü\"\n", shape: [3], bytes: [97, 98, 99]),
    SafetensorsTensor(name: "empty", shape: [0, 7], floats: []),
  ]
}

private func isCorrupt(_ error: any Error, _ path: String) -> Bool {
  guard case InterchangeError.corrupt(path: path, _) = error else { return false }
  return true
}

@Suite struct SafetensorsFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// What is held in memory is what was verified, whatever becomes of the file.
  @Test func aFileThatIsHeldIsReadOnce() throws {
    let path = folder.file("held.safetensors")
    try SafetensorsFile.write(tensors: sampleTensors(), metadata: [:], to: path)
    let file = try SafetensorsFile(path: path)
    var read = 0
    try file.verify(requiresChecksums: true, holdingBytes: true) { read += $0 }
    #expect(read == file.entries.reduce(0) { $0 + $1.range.count })
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    try handle.seek(toOffset: 0)
    try handle.write(contentsOf: Data(count: whole.count))
    try handle.close()
    #expect(try file.integers("step") == [123_456_789_012_345])
    file.releaseBytes()
    #expect(throws: InterchangeError.self) { try file.integers("step") }
  }

  @Test func roundTripKeepsEveryBit() throws {
    let path = folder.file("a.safetensors")
    let metadata = ["model": "iresnet18", "names": "a\u{1}b\\ \"c\" 🙂", "integer": "9"]
    try SafetensorsFile.write(tensors: sampleTensors(), metadata: metadata, to: path)
    let file = try SafetensorsFile(path: path)
    #expect(file.hasChecksums)
    try file.verify(requiresChecksums: true)
    #expect(file.metadata == metadata)
    // Widest elements first, then by name.
    #expect(file.entries.map(\.name) == ["moments", "step", "empty", "weights", "log \"ü\"\n"])
    let weights: [Float] = [1, -2, 3.5, 0, .infinity, 0x1p-140]
    #expect(try file.floats("weights").map(\.bitPattern) == weights.map(\.bitPattern))
    #expect(try file.integers("step") == [123_456_789_012_345])
    #expect(try file.doubles("moments").map(\.bitPattern) == [Double.pi.bitPattern, 1 << 63])
    #expect(try file.bytes("log \"ü\"\n") == [97, 98, 99])
    #expect(try file.floats("empty") == [])
    #expect(file.entry(named: "weights")?.shape == [2, 3])
    #expect(folder.names == ["a.safetensors"])
  }

  @Test func headerIsThatOfTheFormatsOwnWriter() throws {
    let path = folder.file("pt.safetensors")
    let halves: [UInt16] = [0x3C00, 0, 0x4000]
    try SafetensorsFile.write(
      tensors: [
        SafetensorsTensor(name: "s", shape: [], floats: [7]),
        SafetensorsTensor(name: "b.w", shape: [2, 3], floats: [0, 1, 2, 3, 4, 5]),
        SafetensorsTensor(name: "h", type: .float16, shape: [3]) { body in
          try halves.withUnsafeBytes(body)
        },
        SafetensorsTensor(name: "a", shape: [3], integers: [1, 2, 3]),
      ], metadata: ["k": "v", "format": "pt"], checksums: false, to: path)
    let bytes = try folder.bytes("pt.safetensors")
    // 264 bytes with two of padding: what safetensors 0.8.0 writes for these tensors.
    #expect(Array(bytes[..<8]) == [8, 1, 0, 0, 0, 0, 0, 0])
    let header =
      #"{"__metadata__":{"format":"pt","k":"v"},"#
      + #""a":{"dtype":"I64","shape":[3],"data_offsets":[0,24]},"#
      + #""b.w":{"dtype":"F32","shape":[2,3],"data_offsets":[24,48]},"#
      + #""s":{"dtype":"F32","shape":[],"data_offsets":[48,52]},"#
      + #""h":{"dtype":"F16","shape":[3],"data_offsets":[52,58]}}  "#
    #expect(String(decoding: bytes[8..<272], as: UTF8.self) == header)
    #expect(bytes.count == 272 + 58)
    #expect(Array(bytes[272..<280]) == [1, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test func checksumsAreXXH64() throws {
    let path = folder.file("x.safetensors")
    try SafetensorsFile.write(
      tensors: [
        SafetensorsTensor(name: "abc", shape: [3], bytes: Array("abc".utf8)),
        SafetensorsTensor(name: "none", shape: [0], bytes: [UInt8]()),
      ], to: path)
    let text = String(decoding: try folder.bytes("x.safetensors"), as: UTF8.self)
    // The values of the xxHash reference for "abc" and for no bytes.
    #expect(text.contains(#""xxh64:abc":"44bc2cf5ad770999""#))
    #expect(text.contains(#""xxh64:none":"ef46db3751d8e999""#))
  }

  @Test func anyFlippedBitIsDetected() throws {
    let path = folder.file("whole.safetensors")
    try SafetensorsFile.write(
      tensors: sampleTensors(), metadata: ["model": "m", "integer": "9"], to: path)
    let whole = try folder.bytes("whole.safetensors")
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    func put(_ byte: UInt8, at index: Int) throws {
      try handle.seek(toOffset: UInt64(index))
      try handle.write(contentsOf: [byte])
    }
    var survivors: [String] = []
    for index in whole.indices {
      for bit in 0..<8 {
        try put(whole[index] ^ 1 << UInt8(bit), at: index)
        do {
          try SafetensorsFile(path: path).verify(requiresChecksums: true)
          survivors.append("byte \(index) bit \(bit)")
        } catch is InterchangeError {}
      }
      try put(whole[index], at: index)
    }
    try SafetensorsFile(path: path).verify(requiresChecksums: true)
    #expect(survivors == [])
  }

  @Test func readingATensorChecksItToo() throws {
    let path = folder.file("w.safetensors")
    try SafetensorsFile.write(
      tensors: [SafetensorsTensor(name: "w", shape: [4], floats: [1, 2, 3, 4])], to: path)
    var bytes = try folder.bytes("w.safetensors")
    bytes[bytes.count - 1] ^= 0x40
    let file = try SafetensorsFile(path: try folder.write(bytes, "w.safetensors"))
    #expect {
      _ = try file.floats("w")
    } throws: {
      isCorrupt($0, path) && "\($0)".contains("tensor 'w'")
    }
  }

  @Test(arguments: [true, false])
  func truncationAtEveryLengthAndTrailingBytesAreRefused(checksums: Bool) throws {
    let path = folder.file("whole.safetensors")
    try SafetensorsFile.write(tensors: sampleTensors(), checksums: checksums, to: path)
    let whole = try folder.bytes("whole.safetensors")
    for count in 0..<whole.count {
      let path = try folder.write(Array(whole[..<count]), "cut.safetensors")
      #expect {
        _ = try SafetensorsFile(path: path)
      } throws: {
        isCorrupt($0, path)
      }
    }
    let long = try folder.write(whole + [0], "long.safetensors")
    #expect(throws: InterchangeError.self) { try SafetensorsFile(path: long) }
  }

  @Test func checksumsCannotBeStrippedUnseen() throws {
    let path = folder.file("plain.safetensors")
    try SafetensorsFile.write(tensors: sampleTensors(), checksums: false, to: path)
    let file = try SafetensorsFile(path: path)
    try file.verify()
    #expect(throws: InterchangeError.corrupt(path: path, reason: "it carries no checksums")) {
      try file.verify(requiresChecksums: true)
    }
  }

  @Test func filesOfOtherToolsAreRead() throws {
    let json =
      #"{ "b" : {"shape":[2], "data_offsets":[4,12], "dtype":"F32"},"# + "\n\t"
      + #""a\u00e9\ud83d\ude42":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   "#
    let data: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64]
    let path = try folder.write(plainFile(json, data: data), "other.safetensors")
    let file = try SafetensorsFile(path: path)
    #expect(!file.hasChecksums)
    #expect(file.metadata == [:])
    #expect(file.entries.map(\.name) == ["aé🙂", "b"])
    #expect(try file.floats("aé🙂") == [1])
    #expect(try file.floats("b") == [2, 3])
    #expect(try SafetensorsFile(path: folder.write(plainFile("{}"), "e")).entries == [])
  }

  @Test(arguments: [
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "hole"),
    (
      #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
        + #""b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#, 6, "inside"
    ),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "has 4 bytes"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 5, "1 bytes follow"),
    (#"{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}"#, 4, "unknown dtype 'F31'"),
    (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "whole numbers"),
    (#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, 4, "whole numbers"),
    (#"{"a":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}}"#, 4, "whole numbers"),
    (#"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#, 4, "whole"),
    (#"{"a":{"dtype":"F32","shape":[1],"offsets":[0,4]}}"#, 4, "no data_offsets"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "no range"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, 4, "no range"),
    (
      #"{"a":{"dtype":"F64","shape":[9223372036854775807,3],"data_offsets":[0,4]}}"#, 4,
      "has 4 bytes"
    ),
    (#"{"__metadata__":{"k":1}}"#, 0, "not a string"),
    (#"{"__metadata__":"x"}"#, 0, "not an object"),
    (
      #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"#
        + #""a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#, 0, "twice"
    ),
    (" {}", 0, "start with {"),
    ("[]", 0, "start with {"),
    (#"{"a":"#, 0, "no JSON value"),
    ("{} x", 0, "behind the header's end"),
    (#"{"a\q":1}"#, 0, "unknown escape"),
    (#"{"a\ud800":1}"#, 0, "surrogate"),
    (String(repeating: #"{"a":"#, count: 100_000), 0, "too deep"),
    (#"{"__metadata__":{"xxh64:a":"0000000000000000"}}"#, 0, "none of its header"),
  ])
  func brokenHeadersAreNamed(json: String, dataCount: Int, complaint: String) throws {
    let bytes = plainFile(json, data: [UInt8](repeating: 0, count: dataCount))
    let path = try folder.write(bytes, "broken.safetensors")
    #expect {
      _ = try SafetensorsFile(path: path)
    } throws: {
      $0 is InterchangeError && "\($0)".contains(complaint) && "\($0)".contains(path)
    }
  }

  @Test(arguments: [100_000_001, UInt64.max])
  func absurdHeaderLengthsAreRefusedBeforeMemoryIsTaken(length: UInt64) throws {
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) }
    let path = try folder.write(bytes + Array("{}".utf8), "absurd.safetensors")
    #expect {
      _ = try SafetensorsFile(path: path)
    } throws: {
      "\($0)".contains("over 100000000")
    }
  }

  @Test func typesShapesAndNamesAreCheckedOnReading() throws {
    let path = folder.file("t.safetensors")
    try SafetensorsFile.write(tensors: sampleTensors(), to: path)
    let file = try SafetensorsFile(path: path)
    var six = [Float](repeating: 0, count: 6)
    try six.withUnsafeMutableBytes { bytes in
      try file.read("weights", as: .float32, shape: [2, 3], into: bytes)
      for (name, type, shape) in [
        ("weights", SafetensorsType.float32, [3, 2]), ("weight", .float32, [2, 3]),
        ("weights", .int32, [2, 3]),
      ] {
        #expect {
          try file.read(name, as: type, shape: shape, into: bytes)
        } throws: {
          "\($0)".contains("'\(name)'")
        }
      }
    }
    #expect(six == [1, -2, 3.5, 0, .infinity, 0x1p-140])
    #expect(throws: InterchangeError.self) { try file.floats("moments") }
    #expect(throws: InterchangeError.self) { _ = try SafetensorsFile(path: folder.path) }
    #expect(throws: InterchangeError.self) { _ = try SafetensorsFile(path: folder.file("none")) }
  }

  @Test func aFailedWriteLeavesTheOldFile() throws {
    struct Interrupted: Error {}
    let path = folder.file("keep.safetensors")
    try SafetensorsFile.write(tensors: sampleTensors(), to: path)
    let before = try folder.bytes("keep.safetensors")
    let one: [UInt8] = [1]
    var calls = 0
    let tensors = ["v", "w"].map { name in
      SafetensorsTensor(name: name, type: .uint8, shape: [1]) { body in
        calls += 1
        if name == "w" { throw Interrupted() }
        try one.withUnsafeBytes(body)
      }
    }
    #expect(throws: Interrupted.self) { try SafetensorsFile.write(tensors: tensors, to: path) }
    #expect(calls == 2)
    #expect(try folder.bytes("keep.safetensors") == before)
    #expect(folder.names == ["keep.safetensors"])
    #expect(throws: InterchangeError.self) {
      try SafetensorsFile.write(tensors: sampleTensors(), to: folder.file("none/a.safetensors"))
    }
  }

  @Test func manyAndLargeTensorsPass() throws {
    let path = folder.file("large.safetensors")
    let large = (0..<12_500_000).map { Float($0 & 0xFFFFF) }
    var tensors = (0..<2000).map { index in
      SafetensorsTensor(name: "layer.\(index).weight", shape: [1], floats: [Float(index)])
    }
    tensors.append(SafetensorsTensor(name: "large", shape: [2500, 5000], floats: large))
    try SafetensorsFile.write(tensors: tensors, to: path)
    let file = try SafetensorsFile(path: path)
    try file.verify(requiresChecksums: true)
    #expect(file.entries.count == 2001)
    #expect(try file.floats("layer.1999.weight") == [1999])
    #expect(try file.floats("large") == large)
  }
}
