import Checkpoints
import Collectives
import Configuration
import Datasets
import Determinism
import Foundation
import Interchange
import Interop
import Measuring
import Networks
import RunSupport
import TestSupport
import Testing

/// Networks that go out as ONNX graphs and come in again by their structure.
@Suite struct GraphImportTests {
  private final class Folder {
    let path = SmallRun.temporaryFolder()
    init() throws { try Folders.make(path) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private let folder: Folder

  init() throws { folder = try Folder() }

  private func file(_ name: String) -> String { folder.path + "/" + name }

  private static func options(
    _ model: String, side: Int, normalize: Normalization = .half
  ) -> [ConfigurationAssignment] {
    [
      ("model", model), ("width", "0.125"), ("image-size", "\(side)"),
      ("normalize", normalize.rawValue),
    ].map { ConfigurationAssignment.flag($0.0, $0.1) }
  }

  private func bring(
    _ name: String, as out: String, _ options: [ConfigurationAssignment] = [],
    channels: ChannelOrder? = nil
  ) throws -> [String] {
    try ImportRequest(
      file: file(name), out: file(out), options: options, channels: channels
    ).run()
  }

  /// A checkpoint of drawn numbers, with running moments of some size.
  private func draw(_ model: String, side: Int, normalize: Normalization = .half) throws {
    let network = try #require(Models.model(named: model)).network(
      image: MapShape(height: side, width: side, channels: 3), maximumRows: 1,
      options: ModelOptions(embedding: 24, width: 0.125))
    func drawn(_ name: String, _ shape: [Int], _ body: (Double) -> Double) -> SafetensorsTensor {
      let random = CounterRandom(
        seed: 3, purpose: .initialization, Int(truncatingIfNeeded: Hash64.of(name)))
      return SafetensorsTensor(
        name: name, shape: shape,
        floats: (0..<shape.reduce(1, *)).map { Float(body(random.normal($0))) })
    }
    var tensors = network.parameters.map { description in
      let taps = description.shape.dropFirst().reduce(1, *)
      return drawn(description.name, description.shape) {
        description.isWeight ? $0 * (2 / Double(taps)).squareRoot() : 0.4 + 0.1 * $0
      }
    }
    for entry in network.statistics {
      tensors.append(drawn(entry.name + ".running_mean", [entry.channels]) { 0.2 * $0 })
      tensors.append(drawn(entry.name + ".running_var", [entry.channels]) { 0.5 + abs($0) })
    }
    try SafetensorsFile.write(tensors: tensors, checksums: false, to: file("drawn.st"))
    _ = try bring(
      "drawn.st", as: "own.safetensors",
      Self.options(model, side: side, normalize: normalize), channels: .rgb)
  }

  private func export(_ name: String, _ change: (inout ExportRequest) -> Void = { _ in }) throws {
    var request = ExportRequest(
      checkpoint: file("own.safetensors"), format: .onnx, out: file(name))
    change(&request)
    _ = try request.run()
  }

  private func embeddings(_ checkpoint: String, side: Int) throws -> [Float] {
    var request = EmbedRequest(
      checkpoint: file(checkpoint),
      data: .synthetic(SyntheticData(people: 2, photos: 2, size: side)), out: file("e.npz"),
      quiet: true)
    request.threads = 1
    try request.run(over: SoloCommunicator())
    return try NumPyArchive(path: file("e.npz")).elements(of: "embeddings")
  }

  /// Whether two checkpoints hold the same numbers.
  private func areEqual(_ one: String, _ other: String) throws -> Bool {
    let (one, other) = (
      try Checkpoint(path: file(one)).file, try Checkpoint(path: file(other)).file
    )
    guard one.names == other.names else { return false }
    return try one.names.allSatisfy { try one.floats($0) == other.floats($0) }
  }

  @Test(arguments: [
    ("iresnet10", 32), ("mobilefacenet", 32), ("inception-resnet-v1", 80), ("nn1", 48),
    ("nns2", 48),
  ])
  func whatGoesOutComesInAgain(model: String, side: Int) throws {
    try draw(model, side: side)
    try export("plain.onnx") { $0.channels = .bgr }
    let lines = try bring("plain.onnx", as: "plain.safetensors")
    #expect(lines.last?.hasPrefix("found by the structure of the graph: ") == true)
    #expect(lines.contains { $0.hasSuffix("the first convolution turned from BGR to RGB") })
    #expect(try areEqual("plain.safetensors", "own.safetensors"))
    let expected = try embeddings("own.safetensors", side: side)
    #expect(try embeddings("plain.safetensors", side: side) == expected)
    // Folded batch norms and factors are other numbers, which compute the same.
    try export("folded.onnx") {
      $0.foldsBatchNorm = true
      $0.normalizesInside = true
      $0.channels = .bgr
    }
    let said = try bring("folded.onnx", as: "folded.safetensors")
    let folded = try embeddings("folded.safetensors", side: side)
    #expect(worstError(folded, doubles(expected)) < 1e-5)
    // FaceNet's networks have no batch norms.
    let hasFolded = said.last?.contains("batch norms in the products") == true
    #expect(hasFolded == !model.hasPrefix("nn") && hasFolded == (folded != expected))
  }

  /// Whatever the options of the export, its graph says all that there is to know.
  @Test(arguments: Normalization.allCases)
  func everyFormOfAnExportComesInAgain(normalize: Normalization) throws {
    let side = 32
    try draw("iresnet10", side: side, normalize: normalize)
    let expected = try embeddings("own.safetensors", side: side)
    for (channels, inside, folded) in [
      (.rgb, true, false), (.bgr, true, false), (.rgb, true, true), (.bgr, true, true),
      (.bgr, false, true),
    ] as [(ChannelOrder, Bool, Bool)] {
      try export("form.onnx") {
        $0.channels = channels
        $0.normalizesInside = inside
        $0.foldsBatchNorm = folded
      }
      _ = try bring("form.onnx", as: "form.safetensors")
      let isEqual = try areEqual("form.safetensors", "own.safetensors")
      #expect(isEqual != folded, "\(channels) \(inside) \(folded)")
      let found = try embeddings("form.safetensors", side: side)
      #expect(worstError(found, doubles(expected)) < 1e-5, "\(channels) \(inside) \(folded)")
    }
  }

  /// A file of another program says nothing of what its network is fed.
  @Test(arguments: [("iresnet10", 13), ("mobilefacenet", 49)])
  func foreignGraphsAreFedAsTheUserSays(model: String, folded: Int) throws {
    try draw(model, side: 32)
    try export("own.onnx")
    var foreign = ForeignGraph(try ONNXFile(path: file("own.onnx")))
    try foreign.write(to: file("foreign.onnx"))
    let options = Self.options(model, side: 32)
    func complaint(
      _ options: [ConfigurationAssignment], _ channels: ChannelOrder? = .rgb
    ) throws -> String {
      do {
        _ = try bring("foreign.onnx", as: "no.safetensors", options, channels: channels)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(try complaint([]).contains("give --model"))
    #expect(try complaint(options, nil).contains("insightface's networks take half and rgb"))
    let size = try complaint(Self.options(model, side: 48))
    #expect(size.contains("has image-size 32"), "\(size)")
    let length = try complaint(options + [.flag("embedding", "16")])
    #expect(length.contains("has embedding 24"), "\(length)")
    let other = try complaint(Self.options("resnet18", side: 32))
    #expect(other.contains("no resnet18: ") && other.contains("check --model"), "\(other)")
    #expect(!FileManager.default.fileExists(atPath: file("no.safetensors")))
    // Without a size it is that of the graph.
    let few = options.filter { $0.key != "image-size" }
    let lines = try bring("foreign.onnx", as: "foreign.safetensors", few, channels: .rgb)
    #expect(lines.last?.contains("\(folded) batch norms in the products") == true, "\(lines)")
    let found = try embeddings("foreign.safetensors", side: 32)
    let expected = try embeddings("own.safetensors", side: 32)
    #expect(worstError(found, doubles(expected)) < 1e-5)
    var request = ImportRequest(
      file: file("foreign.onnx"), out: file("no.safetensors"), options: few, channels: .rgb)
    request.prefix = "backbone"
    #expect(throws: InteropError.noPrefixOfGraph(path: request.file)) { try request.run() }
  }
}

/// A graph of ours as torch.onnx writes one in eval mode: batch norms behind convolutions in their
/// weights and biases, numbers for names, MatMul and Reshape where there is no bias.
private struct ForeignGraph {
  private let file: ONNXFile
  private var model: ONNXModel
  private var values: [String: String] = [:]
  private var count = 0

  init(_ file: ONNXFile) {
    self.file = file
    let sizes = file.graph.inputs[0].shape.dropFirst().compactMap(\.self)
    model = ONNXModel(
      name: "main_graph", producerVersion: "2.1",
      input: ONNXModel.Port(name: "input.1", sizes: sizes),
      output: ONNXModel.Port(name: "683", sizes: [24]))
    values[file.graph.inputs[0].name] = "input.1"
  }

  mutating func write(to path: String) throws {
    let nodes = file.graph.nodes
    var skipped: Set<String> = []
    for node in nodes where !skipped.contains(node.name) {
      let x = value(node.inputs[0])
      let next = nodes.filter { $0.inputs.contains(node.outputs[0]) }
      var output = node.outputs[0]
      switch node.operation {
      case "Conv" where next.first?.operation == "BatchNormalization":
        skipped.insert(next[0].name)
        output = next[0].outputs[0]
        values[output] = add(node, [x] + folded(node, next[0]))
      case "Gemm" where node.inputs.count == 2:
        values[output] = model.add("MatMul", [x, transposed(node.inputs[1])])[0]
      case "Flatten":
        let shape = model.add("Shape", [x])[0]
        let batch = model.add("Gather", [shape, integers(0)], ["axis": .integer(0)])[0]
        let sides = model.add("Concat", [batch, integers(-1)], ["axis": .integer(0)])[0]
        values[output] = model.add("Reshape", [x, sides])[0]
      default: values[output] = add(node, node.inputs.map { value($0) })
      }
    }
    model.setOutput(values[file.graph.outputs[0].name]!)
    try model.write(to: path)
  }

  /// What `name` is here; a fixed tensor is written.
  private mutating func value(_ name: String) -> String {
    if let known = values[name] { return known }
    let tensor = file.tensor(named: name)!
    values[name] = fixed(tensor.shape, file.floats(of: tensor))
    return values[name]!
  }

  /// Weights and bias of `convolution` with the batch norm `norm` in them.
  private mutating func folded(
    _ convolution: ONNXGraph.Node, _ norm: ONNXGraph.Node
  ) -> [String] {
    let weights = file.tensor(named: convolution.inputs[1])!
    let parts = norm.inputs.dropFirst().map { file.floats(of: file.tensor(named: $0)!) }
    var values = file.floats(of: weights)
    let inner = values.count / parts[0].count
    var bias: [Float] = []
    for channel in parts[0].indices {
      let factor = parts[0][channel] / (parts[3][channel] + 1e-5).squareRoot()
      for i in channel * inner..<(channel + 1) * inner { values[i] *= factor }
      bias.append(parts[1][channel] - parts[2][channel] * factor)
    }
    return [fixed(weights.shape, values), fixed([bias.count], bias)]
  }

  private mutating func transposed(_ name: String) -> String {
    let tensor = file.tensor(named: name)!
    let (rows, columns, values) = (tensor.shape[0], tensor.shape[1], file.floats(of: tensor))
    return fixed(
      [columns, rows],
      (0..<values.count).map { values[$0 % rows * columns + $0 / rows] })
  }

  private mutating func add(_ node: ONNXGraph.Node, _ inputs: [String]) -> String {
    func list(_ name: String) -> [Int] {
      if case .integers(let values)? = node.attributes[name] { return values }
      return []
    }
    switch node.operation {
    case "Conv":
      guard case .integer(let groups)? = node.attributes["group"] else { return "" }
      return model.add(
        "Conv", inputs,
        [
          "group": .integer(groups), "kernel_shape": .integers(list("kernel_shape")),
          "pads": .integers(list("pads")), "strides": .integers(list("strides")),
        ])[0]
    case "Gemm": return model.add("Gemm", inputs, ["transB": .integer(1), "alpha": .float(1)])[0]
    default: return model.add(node.operation, inputs)[0]
    }
  }

  private mutating func fixed(_ shape: [Int], _ values: [Float]) -> String {
    count += 1
    return model.add("onnx::Conv_\(count)", shape: shape, floats: values)
  }

  private mutating func integers(_ value: Int64) -> String {
    count += 1
    return model.add("\(count)", integers: [value])
  }
}
