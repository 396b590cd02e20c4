internal import Interchange
internal import Kernels

/// Makes the steps of a graph from the nodes of its file.
struct GraphBuilder {
  private let file: ONNXFile
  private(set) var steps: [InferenceGraph.Step] = []
  /// The step that computes a value.
  private var makers: [String: Int] = [:]
  /// Fixed tensors, of the file or of nodes.
  private var constants: [String: ONNXTensor] = [:]
  /// How many nodes and outputs read a value.
  private var readers: [String: Int] = [:]

  init(_ file: ONNXFile) {
    self.file = file
    for tensor in file.graph.tensors { constants[tensor.name] = tensor }
    for node in file.graph.nodes {
      for input in node.inputs { readers[input, default: 0] += 1 }
    }
    for output in file.graph.outputs { readers[output.name, default: 0] += 1 }
  }

  /// Why `node` is not computed, or what contradicts itself in it.
  private func refusal(_ node: ONNXGraph.Node, _ reason: String) -> InterchangeError {
    .unsupported(path: file.path, reason: "\(node.title): \(reason)")
  }

  /// The channels that the first convolution of `value` wants; nil where there is none.
  func channels(readingFrom value: String) -> Int? {
    for step in steps where step.inputs.first == value {
      if case .convolution(let convolution) = step.operation { return convolution.inputChannels }
    }
    return nil
  }

  /// Adds the step of `node`; throws `InterchangeError`.
  mutating func add(_ node: ONNXGraph.Node) throws {
    guard node.domain.isEmpty, let make = Self.operators[node.operation] else {
      let known = Self.operators.keys.sorted().joined(separator: ", ")
      throw refusal(
        node,
        "this operator\(node.domain.isEmpty ? "" : " of \(node.domain)") is not computed; these are: "
          + known)
    }
    guard let output = node.outputs.first, node.outputs.dropFirst().allSatisfy(\.isEmpty) else {
      throw refusal(node, "it has \(node.outputs.count) outputs; one is computed")
    }
    try make(&self, node, output)
  }

  private mutating func append(
    _ node: ONNXGraph.Node, _ operation: GraphOperation, reading inputs: [String], _ output: String
  ) throws {
    for input in inputs where makers[input] == nil {
      if let tensor = constants[input], let numbers = file.integers(of: tensor) {
        makers[input] = steps.count
        steps.append(
          InferenceGraph.Step(
            title: node.title,
            operation: .constant(numbers, isScalar: tensor.shape.isEmpty), inputs: [],
            output: input))
      } else if constants[input] != nil {
        throw refusal(node, "it reads '\(input)', which is fixed; a computed value is read there")
      } else if !file.graph.inputs.contains(where: { $0.name == input }) {
        throw refusal(node, "it reads '\(input)', which nothing before it computes")
      }
    }
    guard makers[output] == nil, constants[output] == nil else {
      throw refusal(node, "'\(output)' is computed twice")
    }
    makers[output] = steps.count
    steps.append(
      InferenceGraph.Step(
        title: node.title, operation: operation, inputs: inputs, output: output))
  }

  // MARK: Operators

  private typealias Maker =
    @Sendable (inout GraphBuilder, ONNXGraph.Node, _ output: String) throws -> Void

  private static let operators: [String: Maker] = [
    "Conv": { try $0.convolution($1, $2) },
    "MaxPool": { try $0.maxPool($1, $2) },
    "Resize": { try $0.resize($1, $2) },
    "Relu": { try $0.relu($1, $2) },
    "Constant": { try $0.constant($1, $2) },
    "Transpose": { try $0.transpose($1, $2) },
    "Unsqueeze": { try $0.unsqueeze($1, $2) },
    "Gather": { try $0.alongFirst($1, $2, .gather) },
    "Concat": { try $0.alongFirst($1, $2, .join) },
    "Add": { try $0.plain($1, $2, .add, count: 2) },
    "Sigmoid": { try $0.plain($1, $2, .sigmoid, count: 1) },
    "Reshape": { try $0.plain($1, $2, .reshape, count: 2) },
    "Identity": { try $0.plain($1, $2, .alias, count: 1) },
    "Shape": { try $0.plain($1, $2, .shape, count: 1) },
  ]

  private mutating func plain(
    _ node: ONNXGraph.Node, _ output: String, _ operation: GraphOperation, count: Int
  ) throws {
    guard node.inputs.count == count else {
      throw refusal(node, "it has \(node.inputs.count) inputs; it reads \(count)")
    }
    // Reshape's allowzero and Shape's start change what is computed.
    for (name, value) in node.attributes where value != .integer(0) {
      throw refusal(node, "its attribute \(name) is not computed")
    }
    try append(node, operation, reading: node.inputs, output)
  }

  private mutating func alongFirst(
    _ node: ONNXGraph.Node, _ output: String, _ operation: GraphOperation
  ) throws {
    guard integer(node, "axis") ?? 0 == 0, !node.inputs.isEmpty else {
      throw refusal(node, "it is computed of whole numbers in a row, along axis 0")
    }
    try append(node, operation, reading: node.inputs, output)
  }

  private mutating func unsqueeze(_ node: ONNXGraph.Node, _ output: String) throws {
    var axes = integers(node, "axes")
    if axes == nil, node.inputs.count == 2 { axes = fixedIntegers(node.inputs[1]) }
    guard axes == [0], let input = node.inputs.first else {
      throw refusal(node, "it is computed of single whole numbers, along axis 0")
    }
    try append(node, .unsqueeze, reading: [input], output)
  }

  private mutating func transpose(_ node: ONNXGraph.Node, _ output: String) throws {
    guard integers(node, "perm") == [0, 2, 3, 1], node.inputs.count == 1 else {
      throw refusal(
        node, "the order \(integers(node, "perm") ?? []) is not computed; [0, 2, 3, 1] is")
    }
    try append(node, .channelsLast, reading: node.inputs, output)
  }

  private mutating func constant(_ node: ONNXGraph.Node, _ output: String) throws {
    guard case .tensor(let tensor)? = node.attributes["value"], constants[output] == nil else {
      throw refusal(node, "a constant that is no tensor, or that stands twice, is not read")
    }
    constants[output] = tensor
  }

  private mutating func relu(_ node: ONNXGraph.Node, _ output: String) throws {
    if node.inputs.count == 1, readers[node.inputs[0]] == 1, let maker = makers[node.inputs[0]],
      case .convolution(var convolution) = steps[maker].operation, !convolution.rectifies,
      makers[output] == nil, constants[output] == nil
    {
      convolution.rectifies = true
      steps[maker].operation = .convolution(convolution)
      makers[node.inputs[0]] = nil
      makers[output] = maker
      steps[maker].output = output
      return
    }
    try plain(node, output, .relu, count: 1)
  }

  private mutating func maxPool(_ node: ONNXGraph.Node, _ output: String) throws {
    let window = integers(node, "kernel_shape") ?? []
    let (strides, pads) = try geometry(node)
    guard window.count == 2, window[0] == window[1], (1...15).contains(window[0]),
      pads[0] == pads[1], 2 * pads[0] <= window[0], integer(node, "ceil_mode") ?? 0 == 0,
      integer(node, "storage_order") ?? 0 == 0, node.inputs.count == 1
    else {
      throw refusal(
        node,
        "a window of \(window) with pads \(pads) and its other attributes is not computed; "
          + "square ones up to 15 are, with sizes rounded down")
    }
    try append(
      node, .maxPool(window: window[0], stride: strides, padding: pads[0]), reading: node.inputs,
      output)
  }

  private mutating func resize(_ node: ONNXGraph.Node, _ output: String) throws {
    let mode = text(node, "mode") ?? "nearest"
    let places = text(node, "coordinate_transformation_mode") ?? "half_pixel"
    let rounding = text(node, "nearest_mode") ?? "round_prefer_floor"
    // For whole factors both take the pixel that the new one lies on.
    let isPlain =
      places == "asymmetric" && rounding == "floor"
      || ["half_pixel", "pytorch_half_pixel"].contains(places) && rounding == "round_prefer_floor"
    guard mode == "nearest", isPlain else {
      throw refusal(
        node,
        "mode \(mode), \(places), \(rounding) is not computed; nearest is, asymmetric with "
          + "floor or half_pixel with round_prefer_floor")
    }
    if node.inputs.count == 4, node.inputs[2].isEmpty || constants[node.inputs[2]]?.count == 0 {
      try append(
        node, .enlarge(factor: nil), reading: [node.inputs[0], node.inputs[3]], output)
      return
    }
    guard node.inputs.count == 3, let tensor = constants[node.inputs[2]], tensor.isFloat,
      tensor.count == 4
    else { throw refusal(node, "neither fixed scales nor sizes say how large it makes a map") }
    let scales = file.floats(of: tensor)
    guard scales[0] == 1, scales[1] == 1, scales[2] == scales[3],
      let factor = Int(exactly: scales[2]), (1...16).contains(factor)
    else { throw refusal(node, "scales of \(scales) are not computed; [1, 1, k, k] is") }
    try append(node, .enlarge(factor: factor), reading: [node.inputs[0]], output)
  }

  private mutating func convolution(_ node: ONNXGraph.Node, _ output: String) throws {
    guard (2...3).contains(node.inputs.count), let weights = constants[node.inputs[1]],
      weights.isFloat, weights.shape.count == 4
    else { throw refusal(node, "its weights are no fixed tensor [K, C, R, S] of floats") }
    let shape = weights.shape
    let groups = integer(node, "group") ?? 1
    let (stride, pads) = try geometry(node)
    let sides = (1...64)
    guard sides.contains(shape[2]), sides.contains(shape[3]), shape[0] >= 1, shape[1] >= 1,
      shape[0] <= GraphOperation.mostChannels, shape[1] <= GraphOperation.mostChannels,
      integers(node, "kernel_shape") ?? Array(shape[2...]) == Array(shape[2...])
    else { throw refusal(node, "weights of \(shape) are not computed") }
    let isDepthwise = groups == shape[0] && shape[1] == 1
    guard groups == 1 || isDepthwise else {
      throw refusal(
        node,
        "\(groups) groups of weights \(shape) are not computed; one group is, and one for each "
          + "channel")
    }
    if isDepthwise {
      guard shape[2] == shape[3], shape[2] <= 16, pads[0] == pads[1], pads[0] < shape[2] else {
        throw refusal(
          node, "a kernel a channel of \(shape[2...]) with pads \(pads) is not computed")
      }
    }
    var bias = [Float](repeating: 0, count: shape[0])
    if node.inputs.count == 3, !node.inputs[2].isEmpty {
      guard let tensor = constants[node.inputs[2]], tensor.isFloat, tensor.shape == [shape[0]]
      else { throw refusal(node, "its bias is no fixed tensor [\(shape[0])] of floats") }
      bias = file.floats(of: tensor)
    }
    let values = file.floats(of: weights)
    let operation = GraphConvolution(
      inputChannels: isDepthwise ? shape[0] : shape[1], outputChannels: shape[0],
      kernelHeight: shape[2], kernelWidth: shape[3], stride: stride, paddingHeight: pads[0],
      paddingWidth: pads[1], isDepthwise: isDepthwise,
      weights: isDepthwise ? Self.depthwise(values, shape) : Self.packed(values, shape),
      bias: bias)
    try append(node, .convolution(operation), reading: [node.inputs[0]], output)
  }

  /// Weights [K, C, R, S] in the order of the kernels.
  private static func packed(_ values: [Float], _ shape: [Int]) -> [Float] {
    var packed = values
    let any = ConvolutionShape(
      height: shape[2], width: shape[3], inputChannels: shape[1], outputChannels: shape[0],
      kernelHeight: shape[2], kernelWidth: shape[3], stride: 1, paddingHeight: 0, paddingWidth: 0)
    ConvolutionWeights.pack(values, shape: any, into: &packed)
    return packed
  }

  /// Weights [C, 1, R, R] in the order of the kernels.
  private static func depthwise(_ values: [Float], _ shape: [Int]) -> [Float] {
    let taps = shape[2] * shape[3]
    var ordered = values
    for channel in 0..<shape[0] {
      for tap in 0..<taps {
        let place = GroupedWeights.index(
          outputChannel: channel, inputChannel: 0, tap: tap, channels: shape[0], groupWidth: 1,
          taps: taps)
        ordered[place] = values[channel * taps + tap]
      }
    }
    return ordered
  }

  // MARK: Attributes

  /// The stride of both sides, and the pads of rows and of columns, of a window of `node`.
  private func geometry(_ node: ONNXGraph.Node) throws -> (stride: Int, pads: [Int]) {
    let strides = integers(node, "strides") ?? [1, 1]
    let pads = integers(node, "pads") ?? [0, 0, 0, 0]
    let dilations = integers(node, "dilations") ?? [1, 1]
    let automatic = text(node, "auto_pad") ?? "NOTSET"
    guard strides.count == 2, strides[0] == strides[1], (1...64).contains(strides[0]),
      pads.count == 4, pads.allSatisfy({ (0...64).contains($0) }), pads[0] == pads[2],
      pads[1] == pads[3], dilations.allSatisfy({ $0 == 1 }), automatic == "NOTSET"
    else {
      throw refusal(
        node,
        "strides \(strides), pads \(pads), dilations \(dilations), auto_pad \(automatic) are "
          + "not computed; one stride is, the same pads on both sides, and no dilation")
    }
    return (strides[0], [pads[0], pads[1]])
  }

  private func integer(_ node: ONNXGraph.Node, _ name: String) -> Int? {
    if case .integer(let value)? = node.attributes[name] { return value }
    return nil
  }

  private func integers(_ node: ONNXGraph.Node, _ name: String) -> [Int]? {
    if case .integers(let values)? = node.attributes[name] { return values }
    return nil
  }

  private func text(_ node: ONNXGraph.Node, _ name: String) -> String? {
    if case .text(let value)? = node.attributes[name] { return value }
    return nil
  }

  private func fixedIntegers(_ name: String) -> [Int]? {
    constants[name].flatMap(file.integers)
  }
}
