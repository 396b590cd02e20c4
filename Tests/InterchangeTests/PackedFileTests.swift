import Foundation
import TestSupport
import Testing

import Interchange

private func bytes(_ base64: String) throws -> [UInt8] {
  Array(try #require(Data(base64Encoded: base64)))
}

/// Files of `scripts/golden/packed_files.py`.
@Suite struct PackedFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// As the script makes them.
  private static let numbers = (0..<4000).map { (i: Int) -> UInt8 in
    let cube = i * i * i
    return i % 7 == 0 ? 0 : UInt8(cube % 251)
  }

  @Test(arguments: [
    (PackedFiles.dynamic, 4000), (PackedFiles.fixed, 300), (PackedFiles.stored, 100),
  ])
  func unpacksEveryKindOfBlock(base64: String, count: Int) throws {
    let packed = try bytes(base64)
    #expect(try Inflate.bytes(of: packed, count: count) == Array(Self.numbers[..<count]))
    for wrong in [count - 1, count + 1, 0] {
      #expect(throws: Inflate.Problem.self) { try Inflate.bytes(of: packed, count: wrong) }
    }
    for cut in stride(from: 0, to: packed.count, by: 7) {
      #expect(throws: Inflate.Problem.self) {
        try Inflate.bytes(of: Array(packed[..<cut]), count: count)
      }
    }
  }

  @Test func aChangedByteIsAnErrorOrOtherBytes() throws {
    let packed = try bytes(PackedFiles.dynamic)
    for place in stride(from: 0, to: packed.count, by: 7) {
      var changed = packed
      changed[place] ^= 0x55
      if let found = try? Inflate.bytes(of: changed, count: 4000) { #expect(found.count == 4000) }
    }
  }

  /// A file of a few bytes must not ask for gigabytes.
  @Test func moreThanDeflateCanHoldIsRefusedBeforeMemoryIsTaken() throws {
    #expect(throws: Inflate.Problem.self) {
      try Inflate.bytes(of: [1, 2, 3], count: 1 << 40)
    }
  }

  @Test func aCompressedArchiveIsReadInItsOrders() throws {
    let path = try folder.write(try bytes(PackedFiles.archive), "a.npz")
    let archive = try NumPyArchive(path: path)
    #expect(archive.names == ["embeddings", "names", "more"])
    #expect(archive.shape(of: "embeddings") == [2, 3])
    #expect(try archive.elements(of: "embeddings") == [0, 1, 2, 3, 4, 5])
    #expect(try archive.strings(of: "names") == ["ann/1.jpg", "bo/2.jpg"])
    #expect(archive.holdsText("names") && !archive.holdsText("embeddings"))
    // What nobody asks for harms nobody.
    let error = #expect(throws: InterchangeError.self) { try archive.elements(of: "more") }
    #expect("\(error!)".contains("Python objects"))
    let absent = #expect(throws: InterchangeError.self) { try archive.elements(of: "faces") }
    #expect("\(absent!)".contains("its arrays are 'embeddings', 'names', 'more'"))
  }

  @Test func aDamagedCompressedMemberIsFound() throws {
    let whole = try bytes(PackedFiles.archive)
    // Inside the packed bytes of the first member, behind its header of 30 bytes, its name and a
    // field of 20 for its sizes.
    for place in 66..<90 {
      var changed = whole
      changed[place] ^= 4
      let path = try folder.write(changed, "b.npz")
      #expect(throws: InterchangeError.self) {
        try NumPyArchive(path: path).elements(of: "embeddings")
      }
    }
  }

  private func open(_ base64: String) throws -> any TensorArchive {
    try TensorFiles.open(try folder.write(try bytes(base64), "a.pt"))
  }

  @Test func aTensorBesideTheStateDictionaryHidesNothing() throws {
    let archive = try open(PackedFiles.imageNetExample)
    #expect(archive.names.sorted() == ["best_acc1", "state_dict.module.a"])
    #expect(try archive.elements(of: "state_dict.module.a") == [1.5, -2])
    #expect(try archive.elements(of: "best_acc1") == [71.5])
  }

  @Test func oneStateDictionaryOfACheckpointKeepsItsNames() throws {
    let archive = try open(PackedFiles.teacherAndStudent)
    #expect(archive.names == ["module.encoder_q.a", "module.encoder_k.a"])
    #expect(try archive.elements(of: "module.encoder_k.a") == [3, 4])
  }

  @Test func anExpandedTensorIsItsNumberEverywhere() throws {
    let archive = try open(PackedFiles.expanded)
    #expect(archive.shape(of: "a") == [2, 3])
    #expect(try archive.elements(of: "a") == [1.5, 1.5, 1.5, 1.5, 1.5, 1.5])
  }

  @Test func aComplexTensorHarmsThoseAloneWhoAskForIt() throws {
    let archive = try open(PackedFiles.complexBeside)
    #expect(archive.names == ["a", "c"])
    #expect(try archive.elements(of: "a") == [1.5, -2])
    #expect(archive.shape(of: "c") == nil)
    let error = #expect(throws: InterchangeError.self) { try archive.elements(of: "c") }
    #expect("\(error!)".contains("tensor 'c' is a tensor of torch.ComplexFloatStorage"))
  }

  @Test func aBufferIsATensor() throws {
    #expect(try open(PackedFiles.buffer).elements(of: "a") == [1.5, -2])
  }

  @Test func torchScriptIsCalledByItsName() throws {
    let error = #expect(throws: InterchangeError.self) { try open(PackedFiles.torchScript) }
    #expect("\(error!)".contains("TorchScript; save model.state_dict() with torch.save"))
  }

  @Test func complexTensorsOfSafetensorsAreNamesUntilAskedFor() throws {
    let header =
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
      + #""c":{"dtype":"C64","shape":[1],"data_offsets":[4,12]}}"#
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
    let data = withUnsafeBytes(of: Float(2.5).bitPattern.littleEndian) { Array($0) }
    let path = try folder.write(
      length + Array(header.utf8) + data + [UInt8](repeating: 0, count: 8), "a.safetensors")
    let archive = try TensorFiles.open(path)
    #expect(archive.names == ["a", "c"])
    #expect(try archive.elements(of: "a") == [2.5])
    #expect(throws: InterchangeError.self) { try archive.elements(of: "c") }
  }
}
