import Foundation
import Interchange
import Testing

/// The bytes of models against those of onnx's own writer.
@Suite struct ONNXModelTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Fields of a message: number, and the value or the bytes.
  private func fields(_ bytes: ArraySlice<UInt8>) -> [(number: Int, bytes: [UInt8])] {
    var fields: [(Int, [UInt8])] = []
    var at = bytes.startIndex
    func variable() -> Int {
      var (value, shift) = (0, 0)
      while true {
        let byte = bytes[at]
        at += 1
        value |= Int(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
    }
    while at < bytes.endIndex {
      let key = variable()
      switch key & 7 {
      case 0:
        let start = at
        _ = variable()
        fields.append((key >> 3, Array(bytes[start..<at])))
      case 5:
        fields.append((key >> 3, Array(bytes[at..<at + 4])))
        at += 4
      default:
        let count = variable()
        fields.append((key >> 3, Array(bytes[at..<at + count])))
        at += count
      }
    }
    return fields
  }

  private func model() -> ONNXModel {
    var model = ONNXModel(
      name: "g", producerVersion: "1", input: ONNXModel.Port(name: "x", sizes: [2, 1, 1]),
      output: ONNXModel.Port(name: "y", sizes: [1]))
    let weights = model.add("W", shape: [1, 2], floats: [1, 2])
    let flat = model.add("Flatten", ["x"], ["axis": .integer(1)])[0]
    model.setOutput(model.add("Gemm", [flat, weights], ["transB": .integer(1)])[0])
    model.metadata["k"] = "v"
    return model
  }

  /// Node, tensor and value messages are, but for names, those of a model that onnx 1.23 made of
  /// Flatten and Gemm.
  @Test func messagesAreThoseOfOnnx() throws {
    try model().write(to: folder.file("a.onnx"))
    let all = fields(try folder.bytes("a.onnx")[...])
    #expect(all.map(\.number) == [1, 2, 3, 7, 8, 14])
    #expect(all[0].bytes == [7])
    let graph = fields(all[3].bytes[...])
    #expect(graph.map(\.number) == [1, 1, 2, 5, 11, 12])
    func hex(_ bytes: [UInt8]) -> String {
      bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
    #expect(hex(fields(graph[0].bytes[...]).last!.bytes) == "0a04617869731801a00102")
    #expect(hex(fields(graph[1].bytes[...]).last!.bytes) == "0a067472616e73421801a00102")
    #expect(hex(graph[3].bytes) == "08010802100142" + "01574a080000803f00000040")
    #expect(
      hex(graph[4].bytes)
        == "0a017812170a15080112110a0312014e0a0208020a0208010a020801")
    #expect(hex(graph[5].bytes) == "0a0179120f0a0d080112090a0312014e0a020801")
    #expect(hex(all[4].bytes) == "0a00100d")
    #expect(hex(all[5].bytes) == "0a016b120176")
  }
}
