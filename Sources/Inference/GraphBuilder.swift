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
  /// Names of values that nodes may not compute any more.
  private var taken: Set<String>
  /// Floats of fixed tensors as kernels read them, once however many nodes name the tensor.
  private var floats: [FloatUse: [Float]] = [:]

  /// What a convolution does with a tensor, or with as many zeros as it has channels.
  private enum FloatUse: Hashable {
    case weights(String), depthwise(String), bias(String)
    case zeros(Int)
  }

  init(_ file: ONNXFile) {
    self.file = file
    taken = Set(file.graph.inputs.map(\.name))
    for tensor in file.graph.tensors {
      constants[tensor.name] = tensor
      taken.insert(tensor.name)
    }
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
    guard node.domain.isEmpty, let known = Self.operators[node.operation] else {
      let known = Self.operators.keys.sorted().joined(separator: ", ")
      throw refusal(
        node,
        "this operator\(node.domain.isEmpty ? "" : " of \(node.domain)") is not computed; these are: "
          + known)
    }
    guard let output = node.outputs.first, node.outputs.dropFirst().allSatisfy(\.isEmpty) else {
      throw refusal(node, "it has \(node.outputs.count) outputs; one is computed")
    }
    for (name, value) in node.attributes.sorted(by: { $0.key < $1.key })
    where !known.attributes.contains(name) && known.plain[name] != value {
      throw refusal(node, "its attribute '\(name)' is not computed")
    }
    try known.make(&self, node, output)
  }

  /// Notes that `node` computes `output`, which nothing else may be called.
  private mutating func claim(_ output: String, for node: ONNXGraph.Node) throws {
    guard taken.insert(output).inserted else {
      throw refusal(
        node,
        file.graph.inputs.contains { $0.name == output }
          ? "'\(output)' is the image, which is not computed" : "'\(output)' is computed twice")
    }
  }

  private mutating func append(
    _ node: ONNXGraph.Node, _ operation: GraphOperation, reading inputs: [String], _ output: String
  ) throws {
    for input in inputs where makers[input] == nil {
      if let tensor = constants[input], !tensor.isFloat {
        guard let numbers = fixedIntegers(input), tensor.shape.count <= 1 else {
          throw refusal(
            node,
            "it reads '\(input)', \(tensor.count) whole numbers \(tensor.shape); graphs compute "
              + "with \(GraphOperation.mostIntegers) in a row at most")
        }
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
    try claim(output, for: node)
    makers[output] = steps.count
    steps.append(
      InferenceGraph.Step(
        title: node.title, operation: operation, inputs: inputs, output: output))
  }

  // MARK: Operators

  /// How nodes of an operator become steps.
  private struct Operator: Sendable {
    /// Attributes that `make` looks at, or that say nothing of what is computed.
    let attributes: Set<String>
    /// Others, which may be there with the value that they have where they are not.
    let plain: [String: ONNXGraph.Attribute]
    let make: @Sendable (inout GraphBuilder, ONNXGraph.Node, _ output: String) throws -> Void

    init(
      _ attributes: Set<String> = [], plain: [String: ONNXGraph.Attribute] = [:],
      make: @escaping @Sendable (inout GraphBuilder, ONNXGraph.Node, String) throws -> Void
    ) {
      (self.attributes, self.plain, self.make) = (attributes, plain, make)
    }
  }

  private static let operators: [String: Operator] = [
    "Conv": Operator(
      ["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"]
    ) { try $0.convolution($1, $2) },
    "MaxPool": Operator(
      ["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"]
    ) { try $0.maxPool($1, $2) },
    "Resize": Operator(
      // The last three are of other modes.
      [
        "coordinate_transformation_mode", "mode", "nearest_mode", "cubic_coeff_a",
        "exclude_outside", "extrapolation_value",
      ],
      plain: ["antialias": .integer(0), "keep_aspect_ratio_policy": .text("stretch")]
    ) { try $0.resize($1, $2) },
    "Relu": Operator { try $0.relu($1, $2) },
    "Constant": Operator(["value"]) { try $0.constant($1, $2) },
    "Transpose": Operator(["perm"]) { try $0.transpose($1, $2) },
    "Unsqueeze": Operator(["axes"]) { try $0.unsqueeze($1, $2) },
    "Gather": Operator(["axis"]) { try $0.alongFirst($1, $2, .gather) },
    "Concat": Operator(["axis"]) { try $0.alongFirst($1, $2, .join) },
    "Add": Operator { try $0.plain($1, $2, .add, count: 2) },
    "Sigmoid": Operator { try $0.plain($1, $2, .sigmoid, count: 1) },
    "Reshape": Operator(plain: ["allowzero": .integer(0)]) {
      try $0.plain($1, $2, .reshape, count: 2)
    },
    "Identity": Operator { try $0.plain($1, $2, .alias, count: 1) },
    // An `end` of 0 is an empty shape.
    "Shape": Operator(plain: ["start": .integer(0)]) { try $0.plain($1, $2, .shape, count: 1) },
  ]

  private mutating func plain(
    _ node: ONNXGraph.Node, _ output: String, _ operation: GraphOperation, count: Int
  ) throws {
    guard node.inputs.count == count else {
      throw refusal(node, "it has \(node.inputs.count) inputs; it reads \(count)")
    }
    try append(node, operation, reading: node.inputs, output)
  }

  private mutating func alongFirst(
    _ node: ONNXGraph.Node, _ output: String, _ operation: GraphOperation
  ) throws {
    guard try integer(node, "axis") ?? 0 == 0, !node.inputs.isEmpty else {
      throw refusal(node, "it is computed of whole numbers in a row, along axis 0")
    }
    try append(node, operation, reading: node.inputs, output)
  }

  private mutating func unsqueeze(_ node: ONNXGraph.Node, _ output: String) throws {
    var axes = try integers(node, "axes")
    if axes == nil, node.inputs.count == 2 { axes = fixedIntegers(node.inputs[1]) }
    guard axes == [0], let input = node.inputs.first else {
      throw refusal(node, "it is computed of single whole numbers, along axis 0")
    }
    try append(node, .unsqueeze, reading: [input], output)
  }

  private mutating func transpose(_ node: ONNXGraph.Node, _ output: String) throws {
    let order = try integers(node, "perm") ?? []
    guard order == [0, 2, 3, 1], node.inputs.count == 1 else {
      throw refusal(node, "the order \(order.brief) is not computed; [0, 2, 3, 1] is")
    }
    try append(node, .channelsLast, reading: node.inputs, output)
  }

  private mutating func constant(_ node: ONNXGraph.Node, _ output: String) throws {
    guard case .tensor(let tensor)? = node.attributes["value"] else {
      throw refusal(node, "a constant that is no tensor is not read")
    }
    try claim(output, for: node)
    constants[output] = tensor
  }

  private mutating func relu(_ node: ONNXGraph.Node, _ output: String) throws {
    if node.inputs.count == 1, readers[node.inputs[0]] == 1, let maker = makers[node.inputs[0]],
      case .convolution(var convolution) = steps[maker].operation, !convolution.rectifies
    {
      try claim(output, for: node)
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
    let window = try integers(node, "kernel_shape") ?? []
    let (strides, pads) = try geometry(node)
    guard window.count == 2, window[0] == window[1], (1...15).contains(window[0]),
      pads[0] == pads[1], 2 * pads[0] <= window[0], try integer(node, "ceil_mode") ?? 0 == 0,
      try integer(node, "storage_order") ?? 0 == 0, node.inputs.count == 1
    else {
      throw refusal(
        node,
        "a window of \(window.brief) with pads \(pads) and its other attributes is not computed; "
          + "square ones up to 15 are, with sizes rounded down")
    }
    try append(
      node, .maxPool(window: window[0], stride: strides, padding: pads[0], roundsUp: false),
      reading: node.inputs, output)
  }

  private mutating func resize(_ node: ONNXGraph.Node, _ output: String) throws {
    let mode = try text(node, "mode") ?? "nearest"
    let places = try text(node, "coordinate_transformation_mode") ?? "half_pixel"
    let rounding = try text(node, "nearest_mode") ?? "round_prefer_floor"
    // For whole factors both take the pixel that the new one lies on.
    let isPlain =
      places == "asymmetric" && rounding == "floor"
      || ["half_pixel", "pytorch_half_pixel"].contains(places) && rounding == "round_prefer_floor"
    guard mode == "nearest", isPlain else {
      throw refusal(
        node,
        "mode \(mode.brief), \(places.brief), \(rounding.brief) is not computed; nearest is, asymmetric with "
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
    let groups = try integer(node, "group") ?? 1
    let (stride, pads) = try geometry(node)
    let sides = (1...64)
    guard sides.contains(shape[2]), sides.contains(shape[3]), shape[0] >= 1, shape[1] >= 1,
      shape[0] <= GraphOperation.mostChannels, shape[1] <= GraphOperation.mostChannels,
      try integers(node, "kernel_shape") ?? Array(shape[2...]) == Array(shape[2...])
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
    var bias = kept(.zeros(shape[0])) { _ in [Float](repeating: 0, count: shape[0]) }
    if node.inputs.count == 3, !node.inputs[2].isEmpty {
      guard let tensor = constants[node.inputs[2]], tensor.isFloat, tensor.shape == [shape[0]]
      else { throw refusal(node, "its bias is no fixed tensor [\(shape[0])] of floats") }
      bias = kept(.bias(tensor.name)) { $0.floats(of: tensor) }
    }
    let ordered = kept(isDepthwise ? .depthwise(weights.name) : .weights(weights.name)) {
      let values = $0.floats(of: weights)
      return isDepthwise ? Self.depthwise(values, shape) : Self.packed(values, shape)
    }
    let operation = GraphConvolution(
      inputChannels: isDepthwise ? shape[0] : shape[1], outputChannels: shape[0],
      kernelHeight: shape[2], kernelWidth: shape[3], stride: stride, paddingHeight: pads[0],
      paddingWidth: pads[1], isDepthwise: isDepthwise, weights: ordered, bias: bias)
    try append(node, .convolution(operation), reading: [node.inputs[0]], output)
  }

  /// What `make` gives of the file the first time, for all nodes that use it so.
  private mutating func kept(_ use: FloatUse, _ make: (ONNXFile) -> [Float]) -> [Float] {
    if let known = floats[use] { return known }
    let made = make(file)
    floats[use] = made
    return made
  }

  /// Weights [K, C, R, S] in the order of the kernels.
  static func packed(_ values: [Float], _ shape: [Int]) -> [Float] {
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
    let strides = try integers(node, "strides") ?? [1, 1]
    let pads = try integers(node, "pads") ?? [0, 0, 0, 0]
    let dilations = try integers(node, "dilations") ?? [1, 1]
    let automatic = try text(node, "auto_pad") ?? "NOTSET"
    guard strides.count == 2, strides[0] == strides[1], (1...64).contains(strides[0]),
      pads.count == 4, pads.allSatisfy({ (0...64).contains($0) }), pads[0] == pads[2],
      pads[1] == pads[3], dilations.allSatisfy({ $0 == 1 }), automatic == "NOTSET"
    else {
      throw refusal(
        node,
        "strides \(strides.brief), pads \(pads.brief), dilations \(dilations.brief), "
          + "auto_pad \(automatic.brief) are "
          + "not computed; one stride is, the same pads on both sides, and no dilation")
    }
    return (strides[0], [pads[0], pads[1]])
  }

  private func integer(_ node: ONNXGraph.Node, _ name: String) throws -> Int? {
    guard let value = node.attributes[name] else { return nil }
    if case .integer(let value) = value { return value }
    throw refusal(node, "its attribute '\(name)' is no whole number")
  }

  private func integers(_ node: ONNXGraph.Node, _ name: String) throws -> [Int]? {
    guard let value = node.attributes[name] else { return nil }
    if case .integers(let values) = value { return values }
    throw refusal(node, "its attribute '\(name)' is no list of whole numbers")
  }

  private func text(_ node: ONNXGraph.Node, _ name: String) throws -> String? {
    guard let value = node.attributes[name] else { return nil }
    if case .text(let value) = value { return value }
    throw refusal(node, "its attribute '\(name)' is no text")
  }

  /// The whole numbers of a fixed tensor; nil of others, and of more than graphs compute with.
  private func fixedIntegers(_ name: String) -> [Int]? {
    guard let tensor = constants[name], tensor.count <= GraphOperation.mostIntegers else {
      return nil
    }
    return file.integers(of: tensor)
  }
}

extension [Int] {
  /// The first of them, for a message about a list that a file may have made long.
  var brief: String { count <= 8 ? "\(self)" : "\(prefix(8)) and \(count - 8) more" }
}

extension String {
  /// The first of it, for a message about a text that a file may have made long.
  fileprivate var brief: String { count <= 40 ? self : prefix(40) + "..." }
}
