import Foundation
import Interchange
import Testing

/// Graphs of other programs, and our own, read as data.
@Suite struct ONNXFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Golden")

  private struct Values: Decodable {
    let types: [String: [Float]]
  }

  /// scripts/golden/detector.py: tensors of every type, raw and in fields, by onnx's own writer.
  @Test func everyTypeOfElementIsRead() throws {
    let file = try ONNXFile(path: Self.golden.path + "/types.onnx")
    let expected = try JSONDecoder().decode(
      Values.self, from: Data(contentsOf: Self.golden.appendingPathComponent("detection.json"))
    ).types
    #expect(file.graph.tensors.map(\.name).sorted() == expected.keys.sorted())
    #expect(expected.count == 24)
    for tensor in file.graph.tensors {
      #expect(tensor.shape == [2, 3])
      #expect(file.floats(of: tensor) == expected[tensor.name], "\(tensor.name)")
      let whole = expected[tensor.name]?.map { Int($0.rounded(.down)) }
      #expect(file.integers(of: tensor) == (tensor.isFloat ? nil : whole), "\(tensor.name)")
    }
  }

  @Test func nodesPortsAndTextsAreRead() throws {
    let file = try ONNXFile(path: Self.golden.path + "/types.onnx")
    #expect(file.opset == 17 && file.metadata == ["license": "none"])
    let graph = file.graph
    #expect(graph.name == "types" && graph.nodes.count == 1)
    #expect(graph.inputs.map(\.name) == ["x"] && graph.inputs.map(\.shape) == [[nil, 3, nil, 5]])
    #expect(graph.outputs.map(\.name) == ["y"])
    let node = graph.nodes[0]
    #expect(node.title == "node 'first' (Conv)" && node.inputs == ["x", "FLOAT-raw"])
    #expect(node.attributes["alpha"] == .float(0.25) && node.attributes["count"] == .integer(-3))
    #expect(node.attributes["text"] == .text("hello"))
    #expect(node.attributes["pads"] == .integers([1, -2, 3]))
    #expect(node.attributes["scales"] == .floats([0.5, 2]))
    guard case .tensor(let tensor)? = node.attributes["value"] else {
      Issue.record("the attribute 'value' is no tensor")
      return
    }
    #expect(file.floats(of: tensor)[3] == 65504)
  }

  @Test func whatWeWriteIsReadBack() throws {
    var model = ONNXModel(
      name: "g", producerVersion: "1", input: ONNXModel.Port(name: "x", sizes: [2, 1, 1]),
      output: ONNXModel.Port(name: "y", sizes: [1]))
    let weights = model.add("W", shape: [1, 2], floats: [1.5, -2])
    let sizes = model.add("S", integers: [7, -1])
    let flat = model.add("Flatten", ["x"], ["axis": .integer(1)])[0]
    model.add("Split", [flat, sizes], outputs: 2, ["axis": .integer(-1)])
    model.setOutput(
      model.add(
        "Gemm", [flat, weights],
        ["transB": .integer(1), "alpha": .float(0.5), "pads": .integers([1, 300])])[0])
    model.metadata["k"] = "v"
    try model.write(to: folder.file("a.onnx"))
    let file = try ONNXFile(path: folder.file("a.onnx"))
    #expect(file.opset == ONNXModel.opset && file.metadata == ["k": "v"])
    #expect(file.graph.nodes.map(\.operation) == ["Flatten", "Split", "Gemm"])
    #expect(file.graph.nodes[1].outputs == ["Split_0_0", "Split_0_1"])
    #expect(file.graph.nodes[1].attributes == ["axis": .integer(-1)])
    #expect(file.graph.nodes[2].inputs == ["Flatten_0_0", "W"])
    #expect(file.graph.nodes[2].outputs == ["y"])
    #expect(
      file.graph.nodes[2].attributes
        == ["transB": .integer(1), "alpha": .float(0.5), "pads": .integers([1, 300])])
    let tensor = try #require(file.tensor(named: "W"))
    #expect(tensor.shape == [1, 2] && file.floats(of: tensor) == [1.5, -2])
    #expect(file.tensor(named: "S").flatMap(file.integers) == [7, -1])
    #expect(file.graph.inputs.map(\.shape) == [[nil, 2, 1, 1]])
  }

  private func complaint(_ bytes: [UInt8]) throws -> String {
    let path = try folder.write(bytes, "b.onnx")
    do {
      _ = try ONNXFile(path: path)
      return ""
    } catch { return "\(error)" }
  }

  /// A field of bytes.
  private func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(bytes.count)] + bytes
  }

  @Test func whatIsWrongIsSaid() throws {
    let opset = field(8, [0x10, 11])
    func model(tensor: [UInt8]) -> [UInt8] { field(7, field(5, tensor)) + opset }
    #expect(try complaint([]).contains("is no ONNX model: it has no graph"))
    #expect(try complaint(Array("PK\u{3}\u{4} zip".utf8)).contains("is no ONNX model"))
    #expect(try complaint(field(7, [])).contains("does not say which operators"))
    #expect(try complaint(field(7, []) + opset).isEmpty)
    #expect(
      try complaint([0x3A, 100, 1]).contains("is damaged: the field at byte 0 would have 100"))
    // Two floats promised, one there.
    let short: [UInt8] = [0x08, 2, 0x10, 1] + field(9, [0, 0, 0x80, 0x3F])
    #expect(try complaint(model(tensor: short)).contains("has the shape [2] and 1 numbers"))
    #expect(try complaint(model(tensor: [0x10, 8])).contains("element type 8 of onnx.proto"))
    let external: [UInt8] = [0x08, 2, 0x10, 1, 0x70, 1]
    #expect(try complaint(model(tensor: external)).contains("save it as one file"))
    let sparse = field(7, field(15, [])) + opset
    #expect(try complaint(sparse).contains("sparse tensors"))
    let twice: [UInt8] = [0x10, 1, 0x08, 0] + field(8, Array("W".utf8))
    #expect(
      try complaint(field(7, field(5, twice) + field(5, twice)) + opset)
        .contains("two tensors are named 'W'"))
  }

  /// Parts of two bytes that would take fifty times as much in memory.
  @Test func morePartsThanAFileShouldHaveAreRefused() throws {
    let names = [UInt8](repeating: 0, count: 20_000).indices.map { UInt8($0 % 2 == 0 ? 0x12 : 0) }
    let length: [UInt8] = [0xA0, 0x9C, 0x01]
    #expect(try complaint([0x3A] + length + names).contains("has more parts than a file of 20004"))
  }
}
