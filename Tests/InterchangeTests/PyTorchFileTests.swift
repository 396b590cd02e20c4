import Foundation
import Interchange
import Testing
import TestSupport

@Suite struct PyTorchFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func file(_ base64: String) throws -> String {
    try folder.write(Array(try #require(Data(base64Encoded: base64))), "a.pt")
  }

  @Test(arguments: [TorchFiles.stateDictionary, TorchFiles.legacy])
  func readsTensorsOfAllTypesThroughTheirStrides(base64: String) throws {
    let archive = try TensorFiles.open(try file(base64))
    #expect(archive.names == ["a", "view", "turned", "double", "half", "brain", "long"])
    #expect(try archive.elements(of: "a") == [1.5, -2, 3.25])
    // Rows 1 and 2, columns 1 and 2 of 0...11 as [3, 4], and its transpose.
    #expect(archive.shape(of: "view") == [2, 2])
    #expect(try archive.elements(of: "view") == [5, 6, 9, 10])
    #expect(archive.shape(of: "turned") == [4, 3])
    #expect(try archive.elements(of: "turned") == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
    #expect(try archive.elements(of: "double") == [0.1])
    #expect(try archive.elements(of: "half") == [0.5, 65504])
    #expect(try archive.elements(of: "brain") == [1, -3])
    #expect(archive.shape(of: "long") == [])
    #expect(try archive.elements(of: "long") == [7])
    #expect(archive.shape(of: "absent") == nil)
    #expect(throws: InterchangeError.self) { try archive.elements(of: "absent") }
  }

  @Test func findsTheStateDictionaryInsideACheckpoint() throws {
    let archive = try PyTorchFile(path: try file(TorchFiles.checkpoint))
    #expect(archive.names == ["a"])
    #expect(try archive.elements(of: "a") == [1.5, -2, 3.25])
  }

  @Test func aWholeModuleIsRefused() throws {
    let path = try file(TorchFiles.module)
    let error = #expect(throws: InterchangeError.self) { try PyTorchFile(path: path) }
    #expect("\(error!)".contains("__main__.Module"))
    #expect("\(error!)".contains("model.state_dict()"))
  }

  /// Every byte of every member is under a checksum, or its change is an error.
  @Test func aFlippedBitInAStorageIsFound() throws {
    var bytes = Array(try #require(Data(base64Encoded: TorchFiles.stateDictionary)))
    let number = withUnsafeBytes(of: Float(3.25).bitPattern.littleEndian) { Array($0) }
    let place = try #require(
      bytes.indices.first { Array(bytes[$0..<min($0 + 4, bytes.count)]) == number })
    bytes[place] ^= 4
    let path = try folder.write(bytes, "b.pt")
    let error = #expect(throws: InterchangeError.self) { try PyTorchFile(path: path) }
    #expect("\(error!)".contains("checksum"))
  }

  @Test func otherFilesAreRefused() throws {
    for (bytes, reason) in [
      (Array("PK\u{3}\u{4}".utf8), "cut short"), ([], "neither safetensors"),
      (Array("hello, here is some text".utf8), "neither safetensors"),
    ] {
      let path = try folder.write(bytes, "c")
      let error = #expect(throws: InterchangeError.self) { try TensorFiles.open(path) }
      #expect("\(error!)".contains(reason), "\(error!)")
    }
  }
}
