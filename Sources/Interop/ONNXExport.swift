internal import Checkpoints
internal import Datasets
internal import Interchange
internal import Kernels
internal import Networks
internal import State

/// Writes a network as an ONNX graph for inference: `images` [N, 3, H, W] to `embeddings` [N, D].
struct ONNXExport {
  private let weights: NetworkWeights
  private let foldsBatchNorm: Bool
  private var model: ONNXModel
  /// What became of each activation.
  private var flows: [Int: Flow] = [:]
  /// The ranges of channels of concatenations that are written already.
  private var parts: [Int: [(first: Int, name: String)]] = [:]
  /// The operations that read each activation.
  private var readers: [Int: [Operation]] = [:]

  private struct Value {
    let name: String
    /// [N, C, H, W] rather than [N, C].
    let isMap: Bool
  }

  /// A value, or a product whose reader will be written together with it.
  private enum Flow {
    case value(Value)
    case product(Product)
  }

  /// A convolution or a dense layer to which a bias or a factor may still come.
  fileprivate struct Product {
    let name: String
    let input: String
    /// The window and groups of a convolution, nil for a dense layer.
    let convolution: (window: ConvolutionWindow, groups: Int)?
    let shape: [Int]
    var values: [Float]
    var bias: [Float]?
  }

  /// The graph of a network; with `normalization` it takes bytes as floats and normalises them
  /// itself.
  static func model(
    of weights: NetworkWeights, channels: ChannelOrder, normalization: Normalization?,
    foldsBatchNorm: Bool, metadata: [String: String]
  ) -> ONNXModel {
    var export = ONNXExport(
      weights, foldsBatchNorm: foldsBatchNorm, metadata: metadata)
    let name = normalization.map {
      export.normalized("images", $0, channels, count: weights.network.image.shape.count)
    }
    export.flows[weights.network.image.id] = .value(
      Value(name: name ?? "images", isMap: true))
    export.model.metadata[InputContract.prefix + "input"] =
      normalization == nil ? "normalized" : "0 to 255"
    for layer in weights.network.layers { export.add(layer) }
    let result = export.written(export.flows[weights.network.output.id]!)
    export.model.setOutput(result.name)
    return export.model
  }

  private init(
    _ weights: NetworkWeights, foldsBatchNorm: Bool, metadata: [String: String]
  ) {
    self.weights = weights
    self.foldsBatchNorm = foldsBatchNorm
    let network = weights.network
    let image = network.image.shape
    model = ONNXModel(
      name: network.name, producerVersion: "1",
      input: ONNXModel.Port(name: "images", sizes: [image.channels, image.height, image.width]),
      output: ONNXModel.Port(name: "embeddings", sizes: [network.embeddingCount]))
    model.metadata = metadata
    for layer in network.layers { note(readersOf: layer) }
  }

  /// Notes which operation of `layer` takes which of its inputs.
  private mutating func note(readersOf layer: any Layer) {
    var taken = 0
    for (index, operation) in layer.operations.enumerated() {
      // What the operation before has computed is the first input of all but the first operation.
      let count = operation.inputCount - (index == 0 ? 0 : 1)
      for input in layer.inputs[taken..<taken + count] {
        readers[input.id, default: []].append(operation)
      }
      taken += count
    }
  }

  // MARK: Layers

  private mutating func add(_ layer: any Layer) {
    var inputs = layer.inputs[...]
    var flow = flows[inputs.removeFirst().id]!
    for operation in layer.operations {
      let other = operation.inputCount == 2 ? written(flows[inputs.removeFirst().id]!) : nil
      flow = result(of: operation, on: flow, and: other, layer)
    }
    if case .product = flow, let reader = readers[layer.output.id], reader.count == 1,
      layer.operations.count == 1, takesProduct(reader[0])
    {
      flows[layer.output.id] = flow
    } else {
      finish(layer, written(flow))
    }
  }

  /// Whether an operation becomes part of the product that it reads.
  private func takesProduct(_ operation: Operation) -> Bool {
    switch operation {
    case .bias: true
    case .batchNorm: foldsBatchNorm
    default: false
    }
  }

  /// What `operation` makes of `flow` and, where it adds, of `other`.
  private mutating func result(
    of operation: Operation, on flow: Flow, and other: Value?, _ layer: any Layer
  ) -> Flow {
    if let folded = folded(operation, into: flow) { return .product(folded) }
    let x = written(flow)
    switch operation {
    case .convolution(let parameter, let window, let groups):
      return .product(product(parameter, input: x.name, (window, groups)))
    case .linear(let parameter, let bias):
      let flat = x.isMap ? node("Flatten", [x.name], ["axis": .integer(1)]) : x.name
      return .product(product(parameter, input: flat, nil, bias: bias))
    case .batchNorm(let scale, let offset, let moments, let epsilon):
      return .value(
        Value(name: batchNorm(x.name, scale, offset, moments, epsilon), isMap: x.isMap))
    case .bias(let bias):
      return .value(Value(name: node("Add", [x.name, perChannel(bias, x)]), isMap: x.isMap))
    case .scale(let factor):
      let name =
        if case .product(let product) = flow { product.name } else { "scale_\(layer.output.id)" }
      return .value(scaled(x, factor, name: name))
    case .add:
      return .value(Value(name: node("Add", [x.name, other!.name]), isMap: x.isMap))
    case .relu: return .value(Value(name: node("Relu", [x.name]), isMap: x.isMap))
    case .prelu(let slopes):
      return .value(Value(name: node("PRelu", [x.name, perChannel(slopes, x)]), isMap: x.isMap))
    case .maxPool(let size, let stride, let padding):
      return .value(Value(name: pool("MaxPool", x.name, size, stride, padding), isMap: true))
    case .l2Pool(let size, let stride, let padding):
      return .value(Value(name: pool("LpPool", x.name, size, stride, padding), isMap: true))
    case .averagePool:
      let mean = node("GlobalAveragePool", [x.name])
      return .value(Value(name: node("Flatten", [mean], ["axis": .integer(1)]), isMap: false))
    case .dropout: return .value(x)
    case .maxout(let pieces):
      let sizes = Int64(layer.output.shape.channels)
      let split = model.add(
        "maxout_\(layer.output.id)", integers: Array(repeating: sizes, count: pieces))
      let parts = model.add("Split", [x.name, split], outputs: pieces, ["axis": .integer(1)])
      return .value(Value(name: node("Max", parts), isMap: false))
    case .responseNorm(let size, let alpha, let bias):
      let name = node(
        "LRN", [x.name],
        [
          "size": .integer(size), "alpha": .float(alpha), "beta": .float(0.75),
          "bias": .float(bias),
        ])
      return .value(Value(name: name, isMap: true))
    }
  }

  /// `flow` with `operation` in it, where it is a product that can take it in.
  private func folded(_ operation: Operation, into flow: Flow) -> Product? {
    guard case .product(var product) = flow else { return nil }
    switch operation {
    case .bias(let bias) where product.bias == nil:
      product.bias = weights.values(of: weights.network.description(of: bias))
    case .scale(let factor) where foldsBatchNorm: product.apply(factor)
    case .batchNorm(let scale, let offset, let moments, let epsilon) where foldsBatchNorm:
      product.apply(affine(scale, offset, moments, epsilon))
    default: return nil
    }
    return product
  }

  private mutating func pool(
    _ operation: String, _ x: String, _ size: Int, _ stride: Int, _ padding: Int
  ) -> String {
    node(
      operation, [x],
      [
        "kernel_shape": .integers([size, size]), "strides": .integers([stride, stride]),
        "pads": .integers([padding, padding, padding, padding]),
      ])
  }

  /// Records what a layer has written; the last range of a concatenation joins them all.
  private mutating func finish(_ layer: any Layer, _ value: Value) {
    let output = layer.output
    guard !output.isWhole else {
      flows[output.id] = .value(value)
      return
    }
    parts[output.id, default: []].append((output.channelOffset, value.name))
    let ends = weights.network.layers.filter { $0.output.id == output.id }.count
    guard let all = parts[output.id], all.count == ends else { return }
    let names = all.sorted { $0.first < $1.first }.map(\.name)
    flows[output.id] = .value(
      Value(name: node("Concat", names, ["axis": .integer(1)]), isMap: true))
  }

  // MARK: Products

  /// The product with the weights `parameter`; a dense layer where there is no `convolution`.
  private func product(
    _ parameter: Parameter, input: String,
    _ convolution: (window: ConvolutionWindow, groups: Int)?, bias: Parameter? = nil
  ) -> Product {
    let description = weights.network.description(of: parameter)
    return Product(
      name: String(description.name.dropLast(".weight".count)), input: input,
      convolution: convolution, shape: description.shape, values: weights.values(of: description),
      bias: bias.map { weights.values(of: weights.network.description(of: $0)) })
  }

  /// The value of `flow`, whose node is written if it is a product.
  private mutating func written(_ flow: Flow) -> Value {
    switch flow {
    case .value(let value): value
    case .product(let product):
      Value(name: emit(product), isMap: product.convolution != nil)
    }
  }

  private mutating func emit(_ product: Product) -> String {
    var inputs = [
      product.input,
      model.add(product.name + ".weight", shape: product.shape, floats: product.values),
    ]
    if let bias = product.bias {
      inputs.append(model.add(product.name + ".bias", shape: [bias.count], floats: bias))
    }
    guard let (window, groups) = product.convolution else {
      return node("Gemm", inputs, ["transB": .integer(1)])
    }
    return node(
      "Conv", inputs,
      [
        "kernel_shape": .integers([window.height, window.width]),
        "strides": .integers([window.stride, window.stride]),
        "pads": .integers([
          window.paddingHeight, window.paddingWidth, window.paddingHeight, window.paddingWidth,
        ]), "group": .integer(groups),
      ])
  }

  /// A batch norm at inference as x times the first plus the second.
  private func affine(
    _ scale: Parameter?, _ offset: Parameter, _ moments: Statistics, _ epsilon: Double
  ) -> (factor: [Double], addend: [Double]) {
    let network = weights.network
    let entry = network.description(of: moments)
    let scales = scale.map { weights.values(of: network.description(of: $0)) }
    let offsets = weights.values(of: network.description(of: offset))
    let (means, variances) = (weights.means(of: entry), weights.variances(of: entry))
    let factors = variances.indices.map {
      Double(scales?[$0] ?? 1) / (Double(variances[$0]) + epsilon).squareRoot()
    }
    return (
      factors, offsets.indices.map { Double(offsets[$0]) - factors[$0] * Double(means[$0]) }
    )
  }

  private mutating func batchNorm(
    _ x: String, _ scale: Parameter?, _ offset: Parameter, _ moments: Statistics,
    _ epsilon: Double
  ) -> String {
    let network = weights.network
    let entry = network.description(of: moments)
    let scales =
      scale.map { weights.values(of: network.description(of: $0)) }
      ?? Array(repeating: 1, count: entry.channels)
    let offsets = weights.values(of: network.description(of: offset))
    let inputs = [
      x, model.add(entry.name + ".weight", shape: [entry.channels], floats: scales),
      model.add(entry.name + ".bias", shape: [entry.channels], floats: offsets),
      model.add(
        entry.name + ".running_mean", shape: [entry.channels], floats: weights.means(of: entry)),
      model.add(
        entry.name + ".running_var", shape: [entry.channels], floats: weights.variances(of: entry)),
    ]
    return node("BatchNormalization", inputs, ["epsilon": .float(Float(epsilon))])
  }

  // MARK: Parts

  private mutating func scaled(_ value: Value, _ factor: Float, name: String) -> Value {
    let constant = model.add("\(name).factor", shape: [1], floats: [factor])
    return Value(name: node("Mul", [value.name, constant]), isMap: value.isMap)
  }

  /// A parameter of one number for each channel, in the shape that meets `value`'s.
  private mutating func perChannel(_ parameter: Parameter, _ value: Value) -> String {
    let description = weights.network.description(of: parameter)
    return model.add(
      description.name, shape: description.shape + (value.isMap ? [1, 1] : []),
      floats: weights.values(of: description))
  }

  /// Bytes as floats, `count` an image, to what the network was trained on.
  private mutating func normalized(
    _ images: String, _ normalization: Normalization, _ channels: ChannelOrder, count: Int
  ) -> String {
    if var (scale, offset) = normalization.channels {
      if channels == .bgr {
        scale.reverse()
        offset.reverse()
      }
      let means = zip(scale, offset).map { Float(-$1 / $0) }
      let mean = model.add("input.mean", shape: [3, 1, 1], floats: means)
      let factor = model.add("input.factor", shape: [3, 1, 1], floats: scale.map { Float($0) })
      return node("Mul", [node("Sub", [images, mean]), factor])
    }
    let axes: KeyValuePairs<String, ONNXModel.Attribute> = ["axes": .integers([1, 2, 3])]
    let centred = node("Sub", [images, node("ReduceMean", [images], axes)])
    let variance = node("ReduceMean", [node("Mul", [centred, centred])], axes)
    let floor = model.add(
      "input.deviation", shape: [1], floats: [Float(1 / Double(count).squareRoot())])
    return node("Div", [centred, node("Max", [node("Sqrt", [variance]), floor])])
  }

  private mutating func node(
    _ operation: String, _ inputs: [String],
    _ attributes: KeyValuePairs<String, ONNXModel.Attribute> = [:]
  ) -> String {
    model.add(operation, inputs, attributes)[0]
  }
}

extension ONNXExport.Product {
  /// The product times `factor`.
  fileprivate mutating func apply(_ factor: Float) {
    apply(
      (
        Array(repeating: Double(factor), count: shape[0]), Array(repeating: 0, count: shape[0])
      ))
  }

  /// The product followed by x times `affine.factor` plus `affine.addend` in each output.
  fileprivate mutating func apply(_ affine: (factor: [Double], addend: [Double])) {
    let inner = values.count / affine.factor.count
    for (output, factor) in affine.factor.enumerated() {
      for i in output * inner..<(output + 1) * inner {
        values[i] = Float(Double(values[i]) * factor)
      }
    }
    bias = affine.factor.indices.map {
      Float(Double(bias?[$0] ?? 0) * affine.factor[$0] + affine.addend[$0])
    }
  }
}
