import Collectives
import Foundation
import Interchange
import Measuring
import RunSupport
import Tasks
import TestSupport
import Testing

/// Stored embeddings in files of named tensors.
@Suite struct StoredTensorTests {
  private let folder = SmallRun.temporaryFolder()

  private func answer(_ tensors: [SafetensorsTensor]) throws -> [String] {
    try Folders.make(folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = folder + "/e.safetensors"
    try SafetensorsFile.write(tensors: tensors, checksums: false, to: file)
    try TextFile.write("ann/1\nann/2\nbob/1\n", to: folder + "/e.txt")
    var options = FaceOptions(source: .embeddings(file: file, names: folder + "/e.txt"))
    options.threshold = 1
    return try VerifyRequest(options, first: "ann/1", second: "bob/1")
      .answer(over: SoloCommunicator()).lines
  }

  private func tensor(_ name: String, _ values: [Float]) -> SafetensorsTensor {
    SafetensorsTensor(name: name, shape: [values.count / 2, 2], floats: values)
  }

  @Test func theTensorOfThatNameOrTheOnlyMatrixIsTaken() throws {
    let rows: [Float] = [1, 0, 1, 0, 0, 1]
    let others: [Float] = [1, 0, 1, 0, 1, 0]
    let expected = try answer([tensor("embeddings", rows)])
    #expect(expected.joined().contains("different people"), "\(expected)")
    #expect(try answer([tensor("x", others), tensor("embeddings", rows)]) == expected)
    #expect(try answer([tensor("features", rows)]) == expected)
    #expect(throws: (any Error).self) { try answer([tensor("x", rows), tensor("y", others)]) }
    #expect(throws: (any Error).self) { try answer([tensor("embeddings", [1, 0])]) }
  }
}
