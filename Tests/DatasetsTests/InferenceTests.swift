import Foundation
import Inference
import Interchange
import Kernels
import Testing

/// Where scripts/golden/detector.py has written to.
enum GoldenDetector {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Golden").path

  struct Values: Decodable {
    let height: Int
    let width: Int
    let outputs: [String: [Float]]
  }

  static let values = try! JSONDecoder().decode(
    Values.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/detection.json")))

  /// The image of the script: blue, green, red [height, width, 3].
  static func image(height: Int, width: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        let level = x * 7 + y * 13 + x * y % 29 * 5
        for c in 0..<3 { bytes.append(UInt8((level + c * 50) % 256)) }
      }
    }
    return bytes
  }

  /// The graph that the script has drawn.
  static func graph() throws -> InferenceGraph {
    try InferenceGraph(try ONNXFile(path: folder + "/graph.onnx"))
  }

  /// All outputs of that image in registers of a width.
  static func outputs(
    _ graph: InferenceGraph, height: Int, width: Int, _ registers: RegisterWidth = .chosen
  ) throws -> [String: [Float]] {
    let runner = try GraphRunner(graph, height: height, width: width, registers: registers)
    // A second image must not see the first.
    for scale in [Float(3), 1] {
      for (i, byte) in image(height: height, width: width).enumerated() {
        runner.image[i] = Float(byte) * scale
      }
      runner.run()
    }
    return Dictionary(uniqueKeysWithValues: graph.outputNames.map { ($0, runner.values(of: $0)) })
  }
}

/// Graphs of ONNX files on our kernels.
@Suite struct InferenceTests {
  /// Against NumPy in double precision, with which onnxruntime agrees.
  @Test func theGraphIsThatOfTheReference() throws {
    let golden = GoldenDetector.values
    let graph = try GoldenDetector.graph()
    #expect(graph.outputNames.count == 12 && graph.inputChannels == 3)
    let outputs = try GoldenDetector.outputs(graph, height: golden.height, width: golden.width)
    #expect(Set(outputs.keys) == Set(golden.outputs.keys))
    for (name, expected) in golden.outputs {
      let found = try #require(outputs[name])
      #expect(found.count == expected.count, "\(name)")
      let largest = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
      #expect(largest < 1e-4, "\(name): \(largest)")
    }
  }

  @Test func theBitsAreThoseOfAnyRegisters() throws {
    let graph = try GoldenDetector.graph()
    for (height, width) in [(32, 32), (64, 96), (160, 224)] {
      let first = try GoldenDetector.outputs(graph, height: height, width: width, .eight)
      for registers in RegisterWidth.available {
        let other = try GoldenDetector.outputs(graph, height: height, width: width, registers)
        #expect(first == other, "\(height)x\(width) in \(registers)")
      }
    }
  }

  // MARK: What is refused

  private let folder = TemporaryFolder()

  /// A graph of one node and a weight [1, 3, 3, 3], written by our own writer.
  private func complaint(
    _ operation: String, _ inputs: [String] = ["images"], outputs: Int = 1,
    _ attributes: KeyValuePairs<String, ONNXModel.Attribute> = [:],
    height: Int = 32, tensors: [(String, [Int])] = [("W", [1, 3, 3, 3])]
  ) throws -> String {
    var model = ONNXModel(
      name: "g", producerVersion: "1", input: ONNXModel.Port(name: "images", sizes: [3, 32, 32]),
      output: ONNXModel.Port(name: "y", sizes: [1]))
    for (name, shape) in tensors {
      _ = model.add(
        name, shape: shape, floats: [Float](repeating: 0.5, count: shape.reduce(1, *)))
    }
    _ = model.add("I", integers: [1, 3, 77, 77])
    model.setOutput(model.add(operation, inputs, outputs: outputs, attributes)[0])
    let path = folder.path + "/one.onnx"
    try model.write(to: path)
    do {
      let graph = try InferenceGraph(try ONNXFile(path: path))
      _ = try GraphRunner(graph, height: height, width: 32)
      return ""
    } catch {
      let text = "\(error)"
      #expect(error is InterchangeError && !text.contains("\n"))
      return text
    }
  }

  @Test func whatIsNotComputedIsNamed() throws {
    #expect(try complaint("Relu").isEmpty)
    #expect(try complaint("Conv", ["images", "W"]).isEmpty)
    let unknown = try complaint("Softmax")
    #expect(unknown.contains("node 'Softmax_0' (Softmax): this operator is not computed"))
    #expect(unknown.contains("Conv") && unknown.contains(folder.path + "/one.onnx"))
    let refusals: [(String, String)] = [
      (try complaint("Relu", ["nothing"]), "reads 'nothing', which nothing before it computes"),
      (try complaint("Add", ["images", "W"]), "reads 'W', which is fixed"),
      (try complaint("Conv", ["images", "images"]), "its weights are no fixed tensor"),
      (
        try complaint("Conv", ["images", "W"], ["dilations": .integers([2, 2])]),
        "dilations [2, 2]"
      ),
      (try complaint("Conv", ["images", "W"], ["strides": .integers([1, 2])]), "strides [1, 2]"),
      (
        try complaint("Conv", ["images", "W"], ["pads": .integers([0, 0, 1, 1])]),
        "pads [0, 0, 1, 1]"
      ),
      (try complaint("Conv", ["images", "W"], ["group": .integer(3)]), "3 groups of weights"),
      (
        try complaint("Conv", ["images", "W"], tensors: [("W", [1, 4, 3, 3])]),
        "its weights of 4 channels and 3x3 do not fit [1, 3, 32, 32]"
      ),
      (try complaint("Conv", ["images", "W"], height: 2), "do not fit [1, 3, 2, 32]"),
      (
        try complaint("Conv", ["images", "W", "B"], tensors: [("W", [1, 3, 3, 3]), ("B", [2])]),
        "its bias is no fixed tensor [1]"
      ),
      (
        try complaint(
          "Conv", ["images", "W"], ["group": .integer(3)], tensors: [("W", [3, 1, 3, 2])]),
        "a kernel a channel of [3, 2]"
      ),
      (
        try complaint("MaxPool", ["images"], ["kernel_shape": .integers([2, 3])]),
        "a window of [2, 3]"
      ),
      (
        try complaint("MaxPool", ["images"], ["kernel_shape": .integers([3, 3])], height: 2),
        "a window of 3 does not fit [1, 3, 2, 32]"
      ),
      (try complaint("Transpose", ["images"], ["perm": .integers([0, 3, 1, 2])]), "[0, 3, 1, 2]"),
      (try complaint("Reshape", ["images", "I"]), "it is not computed of"),
      (try complaint("Resize", ["images", "", "", "I"]), "is no whole factor"),
      (try complaint("Sigmoid", ["images", "I"]), "it has 2 inputs; it reads 1"),
      (try complaint("Add", ["images", "I"]), "are not added; equal shapes are"),
      (try complaint("Shape"), "an output 'y' that its nodes do not compute"),
      (try complaint("Relu", outputs: 2), "it has 2 outputs; one is computed"),
    ]
    for (found, expected) in refusals { #expect(found.contains(expected), "\(found)") }
  }
}
