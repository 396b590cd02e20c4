internal import Checkpoints
internal import Datasets
internal import Interchange
internal import Kernels
internal import Networks

/// Writes a network as an ONNX graph for inference: `images` [N, 3, H, W] to `embeddings` [N, D].
struct ONNXExport {
  private let weights: NetworkWeights
  private let foldsBatchNorm: Bool
  private var model: ONNXModel
  /// What became of each activation: the name of its value, and whether it is a map.
  private var values: [Int: Value] = [:]
  /// The ranges of channels of concatenations that are written already.
  private var parts: [Int: [(first: Int, name: String)]] = [:]
  /// Products whose only reader will write them together with itself.
  private var pending: [Int: Product] = [:]
  /// How many layers read each activation.
  private var readers: [Int: [LayerOperation]] = [:]

  private struct Value {
    let name: String
    /// [N, C, H, W] rather than [N, C].
    let isMap: Bool
  }

  /// A convolution or a dense layer whose bias is not known yet.
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
    export.values[weights.network.image.id] = Value(name: name ?? "images", isMap: true)
    export.model.metadata[InputContract.prefix + "input"] =
      normalization == nil ? "normalized" : "0 to 255"
    for layer in weights.network.layers { export.add(layer) }
    export.model.setOutput(export.values[weights.network.output.id]!.name)
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
    for layer in network.layers {
      readers[layer.source.id, default: []].append(layer.operation)
      switch layer.operation {
      case .batchNorm(_, _, _, _, let residual?, _, _), .bias(_, _, let residual?, _):
        readers[residual.id, default: []].append(layer.operation)
      default: break
      }
    }
  }

  // MARK: Layers

  private mutating func add(_ layer: any Layer) {
    let source = layer.source.id
    let x = values[source]
    switch layer.operation {
    case .convolution(let parameter, let window, let groups):
      hold(parameter, input: x!.name, convolution: (window, groups), of: layer)
    case .linear(let parameter, let bias):
      let flat = x!.isMap ? node("Flatten", [x!.name], ["axis": .integer(1)]) : x!.name
      let biasValues = bias.map { weights.values(of: weights.network.description(of: $0)) }
      hold(parameter, input: flat, convolution: nil, bias: biasValues, of: layer)
    case .batchNorm(
      let scale, let offset, let moments, let epsilon, let residual, let act, let slopes):
      let affine = self.affine(scale, offset, moments, epsilon)
      var value: Value
      if var product = pending.removeValue(forKey: source) {
        product.apply(affine)
        value = Value(name: emit(product), isMap: product.convolution != nil)
      } else {
        value = Value(name: batchNorm(x!.name, scale, offset, moments, epsilon), isMap: x!.isMap)
      }
      if let residual { value = sum(value, residual) }
      finish(layer, activated(value, act, slopes))
    case .bias(let bias, let factor, let residual, let rectifies):
      let values = weights.values(of: weights.network.description(of: bias))
      guard var product = pending.removeValue(forKey: source) else {
        fatalError("ONNXExport: a bias without the convolution that it belongs to")
      }
      product.bias = values
      if foldsBatchNorm && factor != 1 {
        product.apply(
          (
            Array(repeating: Double(factor), count: values.count),
            Array(repeating: 0, count: values.count)
          ))
      }
      var value = Value(name: emit(product), isMap: product.convolution != nil)
      if !foldsBatchNorm && factor != 1 {
        let constant = model.add("\(product.name).factor", shape: [1], floats: [factor])
        value = Value(name: node("Mul", [value.name, constant]), isMap: value.isMap)
      }
      if let residual { value = sum(value, residual) }
      finish(layer, activated(value, rectifies ? .relu : .identity, nil))
    default: finish(layer, simple(layer.operation, x!, layer))
    }
  }

  /// Layers without parameters.
  private mutating func simple(
    _ operation: LayerOperation, _ x: Value, _ layer: any Layer
  ) -> Value {
    switch operation {
    case .maxPool(let size, let stride, let padding):
      return Value(name: pool("MaxPool", x.name, size, stride, padding), isMap: true)
    case .l2Pool(let size, let stride, let padding):
      return Value(name: pool("LpPool", x.name, size, stride, padding), isMap: true)
    case .averagePool:
      let mean = node("GlobalAveragePool", [x.name])
      return Value(name: node("Flatten", [mean], ["axis": .integer(1)]), isMap: false)
    case .dropout: return x
    case .maxout(let pieces):
      let sizes = Int64(layer.output.shape.channels)
      let split = model.add(
        "maxout_\(layer.output.id)", integers: Array(repeating: sizes, count: pieces))
      let parts = model.add("Split", [x.name, split], outputs: pieces, ["axis": .integer(1)])
      return Value(name: node("Max", parts), isMap: false)
    case .responseNorm(let size, let alpha, let bias):
      let name = node(
        "LRN", [x.name],
        [
          "size": .integer(size), "alpha": .float(alpha), "beta": .float(0.75),
          "bias": .float(bias),
        ])
      return Value(name: name, isMap: true)
    case .convolution, .batchNorm, .bias, .linear:
      fatalError("ONNXExport: \(layer.summary) has parameters")
    }
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
      values[output.id] = value
      return
    }
    parts[output.id, default: []].append((output.channelOffset, value.name))
    let ends = weights.network.layers.filter { $0.output.id == output.id }.count
    guard let all = parts[output.id], all.count == ends else { return }
    let names = all.sorted { $0.first < $1.first }.map(\.name)
    values[output.id] = Value(name: node("Concat", names, ["axis": .integer(1)]), isMap: true)
  }

  // MARK: Products

  /// Writes a product at once, or keeps it for its only reader: a bias, or a batch norm to fold.
  private mutating func hold(
    _ parameter: Parameter, input: String, convolution: (window: ConvolutionWindow, groups: Int)?,
    bias: [Float]? = nil, of layer: any Layer
  ) {
    let description = weights.network.description(of: parameter)
    let product = Product(
      name: String(description.name.dropLast(".weight".count)), input: input,
      convolution: convolution, shape: description.shape,
      values: weights.values(of: description), bias: bias)
    let reader = readers[layer.output.id, default: []]
    switch reader.first {
    case .bias where reader.count == 1: pending[layer.output.id] = product
    case .batchNorm where reader.count == 1 && foldsBatchNorm: pending[layer.output.id] = product
    default: finish(layer, Value(name: emit(product), isMap: convolution != nil))
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

  private mutating func sum(_ value: Value, _ residual: Input) -> Value {
    Value(name: node("Add", [value.name, values[residual.id]!.name]), isMap: value.isMap)
  }

  private mutating func activated(
    _ value: Value, _ activation: ActivationFunction, _ slopes: Parameter?
  ) -> Value {
    switch activation {
    case .identity: return value
    case .relu: return Value(name: node("Relu", [value.name]), isMap: value.isMap)
    case .prelu:
      let description = weights.network.description(of: slopes!)
      let slope = model.add(
        description.name, shape: description.shape + (value.isMap ? [1, 1] : []),
        floats: weights.values(of: description))
      return Value(name: node("PRelu", [value.name, slope]), isMap: value.isMap)
    }
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
