import Determinism
import Interchange
import Networks

/// iresnet10 at an eighth of its width for images of 32 x 32, as torch.onnx writes a network of
/// insightface's in eval mode: values with numbers for names, and batch norms behind convolutions
/// in their weights and biases.
struct RecognitionGraph {
  static let embedding = 16
  static let network = Models.model(named: "iresnet10")!.network(
    image: MapShape(height: 32, width: 32, channels: 3), maximumRows: 1,
    options: ModelOptions(embedding: embedding, width: 0.125))

  /// Blocks of each stage; other numbers are another network's.
  var blocks = [1, 1, 1, 1]
  /// Strides of each stage.
  var strides = [2, 2, 2, 2]
  /// Whether the first convolution has the bias that its batch norm leaves.
  var hasBias = true
  /// What comes behind the network.
  var end = End.nothing
  /// How the map becomes features.
  var flattens = Flattening.flatten
  /// What happens to the bytes of the images before all.
  var normalization: [(operation: String, number: Float)] = []
  /// The least deviation by which images less their own mean are divided; nil leaves them.
  var leastDeviation: Float?

  enum End { case nothing, sigmoid, lpNormalization, division, tiledDivision }

  enum Flattening { case flatten, fixedShape([Int64]), computedShape }

  /// The weights that the file holds, by the names of the network.
  private(set) var expected: [String: [Float]] = [:]
  private var model = ONNXModel(
    name: "torch-jit-export", producerVersion: "1.8",
    input: ONNXModel.Port(name: "input.1", sizes: [3, 32, 32]),
    output: ONNXModel.Port(name: "683", sizes: [RecognitionGraph.embedding]))
  private var count = 100

  /// Writes the graph to `path`.
  mutating func write(to path: String) throws {
    var x = "input.1"
    for (operation, number) in normalization {
      x = model.add(operation, [x, fixed([1], [number])])[0]
    }
    if let leastDeviation { x = standardized(x, least: leastDeviation) }
    x = convolution(x, "conv1", [8, 3, 3, 3], norm: "bn1", hasBias: hasBias)
    x = slopes(x, "prelu", 8)
    var inputs = 8
    for (stage, count) in blocks.enumerated() {
      let outputs = 8 << stage
      for block in 0..<count {
        x = self.block(
          x, "layer\(stage + 1).\(block)", inputs, outputs, stride: block == 0 ? strides[stage] : 1)
        inputs = outputs
      }
    }
    x = batchNorm(x, "bn2", inputs)
    x = flattened(x)
    let features = inputs * 4
    let matrix = drawn("fc.weight", [Self.embedding, features])
    let bias = drawn("fc.bias", [Self.embedding])
    x = model.add("Gemm", [x, matrix, bias], ["transB": .integer(1)])[0]
    x = batchNorm(x, "features", Self.embedding, scale: 1)
    model.setOutput(ended(x))
    try model.write(to: path)
  }

  private mutating func standardized(_ x: String, least: Float) -> String {
    let axes: KeyValuePairs<String, ONNXModel.Attribute> = ["axes": .integers([-3, -2, -1])]
    let centred = model.add("Sub", [x, model.add("ReduceMean", [x], axes)[0]])[0]
    let variance = model.add("ReduceMean", [model.add("Mul", [centred, centred])[0]], axes)[0]
    let deviation = model.add("Max", [model.add("Sqrt", [variance])[0], fixed([1], [least])])[0]
    return model.add("Div", [centred, deviation])[0]
  }

  private mutating func block(
    _ x: String, _ name: String, _ inputs: Int, _ outputs: Int, stride: Int
  ) -> String {
    var y = batchNorm(x, name + ".bn1", inputs)
    y = convolution(y, name + ".conv1", [outputs, inputs, 3, 3], norm: name + ".bn2")
    y = slopes(y, name + ".prelu", outputs)
    y = convolution(
      y, name + ".conv2", [outputs, outputs, 3, 3], norm: name + ".bn3", stride: stride)
    var shortcut = x
    if stride != 1 {
      shortcut = convolution(
        x, name + ".downsample.0", [outputs, inputs, 1, 1], norm: name + ".downsample.1",
        stride: stride)
    }
    return model.add("Add", [y, shortcut])[0]
  }

  private mutating func convolution(
    _ x: String, _ name: String, _ shape: [Int], norm: String, stride: Int = 1,
    hasBias: Bool = true
  ) -> String {
    var inputs = [x, drawn(name + ".weight", shape)]
    if hasBias { inputs.append(drawn(norm + ".bias", [shape[0]])) }
    expected[norm + ".weight"] = [Float](repeating: 1, count: shape[0])
    expected[norm + ".running_mean"] = [Float](repeating: 0, count: shape[0])
    expected[norm + ".running_var"] = [Float](repeating: Float(1 - 1e-5), count: shape[0])
    if !hasBias { expected[norm + ".bias"] = [Float](repeating: 0, count: shape[0]) }
    let pad = shape[2] / 2
    return model.add(
      "Conv", inputs,
      [
        "dilations": .integers([1, 1]), "group": .integer(1),
        "kernel_shape": .integers([shape[2], shape[3]]), "pads": .integers([pad, pad, pad, pad]),
        "strides": .integers([stride, stride]),
      ])[0]
  }

  private mutating func batchNorm(
    _ x: String, _ name: String, _ channels: Int, scale: Float? = nil
  ) -> String {
    let inputs = [".weight", ".bias", ".running_mean", ".running_var"].map { part in
      part == ".weight" && scale != nil
        ? fixed([channels], [Float](repeating: scale!, count: channels))
        : drawn(name + part, [channels], from: part == ".running_var" ? 0.5 : -0.5)
    }
    return model.add(
      "BatchNormalization", [x] + inputs, ["epsilon": .float(1e-5), "momentum": .float(0.9)])[0]
  }

  private mutating func slopes(_ x: String, _ name: String, _ channels: Int) -> String {
    model.add("PRelu", [x, drawn(name + ".weight", [channels], as: [channels, 1, 1])])[0]
  }

  private mutating func flattened(_ x: String) -> String {
    switch flattens {
    case .flatten: return model.add("Flatten", [x], ["axis": .integer(1)])[0]
    case .fixedShape(let sides):
      return model.add("Reshape", [x, integers(sides)])[0]
    case .computedShape:
      let shape = model.add("Shape", [x])[0]
      let batch = model.add("Gather", [shape, integers([0])], ["axis": .integer(0)])[0]
      let rest = integers([-1])
      let sides = model.add("Concat", [batch, rest], ["axis": .integer(0)])[0]
      return model.add("Reshape", [x, sides])[0]
    }
  }

  private mutating func ended(_ x: String) -> String {
    switch end {
    case .nothing: return x
    case .sigmoid: return model.add("Sigmoid", [x])[0]
    case .lpNormalization: return model.add("LpNormalization", [x], ["axis": .integer(1)])[0]
    case .division, .tiledDivision:
      var length = model.add("ReduceL2", [x], ["axes": .integers([1])])[0]
      if end == .tiledDivision {
        length = model.add("Clip", [length, fixed([1], [1e-12])])[0]
        length = model.add("Expand", [length, model.add("Shape", [x])[0]])[0]
      }
      return model.add("Div", [x, length])[0]
    }
  }

  /// Numbers of a uniform distribution, a function of the name.
  private mutating func drawn(
    _ name: String, _ shape: [Int], as stored: [Int]? = nil, from least: Double = -0.5
  ) -> String {
    let random = CounterRandom(
      seed: 7, purpose: .initialization, Int(truncatingIfNeeded: Hash64.of(name)))
    let values = (0..<shape.reduce(1, *)).map { Float(random.uniform($0) + least) }
    expected[name] = values
    return fixed(stored ?? shape, values)
  }

  private mutating func fixed(_ shape: [Int], _ values: [Float]) -> String {
    count += 1
    return model.add("\(count)", shape: shape, floats: values)
  }

  private mutating func integers(_ values: [Int64]) -> String {
    count += 1
    return model.add("\(count)", integers: values)
  }
}
