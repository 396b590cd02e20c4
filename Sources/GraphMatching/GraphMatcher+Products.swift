internal import Interchange
internal import Networks

/// Convolutions and dense layers, and what an exporter may have put into them.
extension GraphMatcher {
  mutating func convolution(
    _ weights: Parameter, _ window: ConvolutionWindow, _ groups: Int, of flow: Flow
  ) throws -> Flow {
    let description = network.description(of: weights)
    let pads = [
      window.paddingHeight, window.paddingWidth, window.paddingHeight, window.paddingWidth,
    ]
    let node = view.readers(of: flow.name).first { node in
      let inputs = view.nodes[node].inputs
      guard view.isNode(node, "Conv"), (2...3).contains(inputs.count),
        view.resolved(inputs[0]) == flow.name, let tensor = view.constant(inputs[1])
      else { return false }
      return tensor.isFloat && tensor.shape == description.shape
        && view.integer(node, "group", else: 1) == groups
        && view.integers(node, "strides", else: [1, 1]) == [window.stride, window.stride]
        && view.isPlainWindow(node, pads: pads)
    }
    guard let node else {
      throw mismatch(
        "'\(description.name)' of \(description.shape), strides \([window.stride, window.stride]), "
          + "pads \(pads)" + (groups == 1 ? "" : ", in \(groups) groups"), behind: flow.name)
    }
    note(description.name, stored(view.constant(view.nodes[node].inputs[1])!, description.shape))
    return try product(node, description, isMap: true)
  }

  mutating func linear(_ weights: Parameter, bias: Parameter?, of flow: Flow) throws -> Flow {
    let description = network.description(of: weights)
    let (outputs, inputs) = (description.shape[0], description.shape[1])
    let flat = try flattened(flow, count: inputs)
    var isTransposed = false
    let node = view.readers(of: flat.name).first { node in
      let names = view.nodes[node].inputs
      guard names.count > 1, view.nodes[node].domain.isEmpty, view.resolved(names[0]) == flat.name,
        let tensor = view.constant(names[1]), tensor.isFloat
      else { return false }
      switch view.nodes[node].operation {
      case "Gemm":
        isTransposed = view.integer(node, "transB", else: 0) == 0
        return tensor.shape == (isTransposed ? [inputs, outputs] : [outputs, inputs])
          && view.integer(node, "transA", else: 0) == 0
          && view.float(node, "alpha", else: 1) == 1 && view.float(node, "beta", else: 1) == 1
      case "MatMul":
        isTransposed = true
        return tensor.shape == [inputs, outputs]
      default: return false
      }
    }
    guard let node else {
      throw mismatch(
        "the dense layer '\(description.name)' of \(description.shape)", behind: flat.name)
    }
    var matrix = stored(view.constant(view.nodes[node].inputs[1])!, description.shape)
    matrix.isTransposed = isTransposed
    note(description.name, matrix)
    let result = try product(node, description, isMap: false)
    return try bias.map { try self.bias($0, of: result) } ?? result
  }

  /// What the product of `node` computes, with its bias.
  private mutating func product(
    _ node: Int, _ description: ParameterDescription, isMap: Bool
  ) throws -> Flow {
    let (title, names) = (view.nodes[node].title.brief, view.nodes[node].inputs)
    var bias: ONNXTensor?
    if names.count > 2, !names[2].isEmpty {
      bias = view.constant(names[2])
      guard let bias, bias.isFloat, bias.count == description.shape[0] else {
        throw refusal(
          "\(title) has a bias that is no fixed tensor of \(description.shape[0]) floats")
      }
    }
    return Flow(
      name: take(node), isMap: isMap,
      product: Product(title: title, parameters: [description.name], bias: bias))
  }

  /// The map of `flow` as `count` features.
  mutating func flattened(_ flow: Flow, count: Int) throws -> Flow {
    guard flow.isMap else { return flow }
    for node in view.readers(of: flow.name) {
      guard let first = view.nodes[node].inputs.first, view.resolved(first) == flow.name else {
        continue
      }
      if view.isNode(node, "Flatten"), view.integer(node, "axis", else: 1) == 1 {
        return Flow(name: take(node), isMap: false)
      }
      guard view.isNode(node, "Reshape"), view.nodes[node].inputs.count == 2,
        let (sides, nodes) = view.sides(view.nodes[node].inputs[1], of: flow.name),
        Self.keepsBatch(sides, count: count)
      else { continue }
      for node in nodes { view.take(node) }
      return Flow(name: take(node), isMap: false)
    }
    throw mismatch("the map as features (Flatten)", behind: flow.name)
  }

  /// Whether the shape `sides` is of an image a row, of `count` numbers; some graphs are written
  /// for batches of one.
  private static func keepsBatch(_ sides: [GraphView.Side], count: Int) -> Bool {
    guard sides.count == 2 else { return false }
    let rows: [GraphView.Side] = [.batch, .number(0), .number(1)]
    if sides[1] == .number(-1) { return rows.contains(sides[0]) }
    return sides[1] == .number(count) && (rows + [.number(-1)]).contains(sides[0])
  }

  // MARK: Behind a product

  /// A bias, which the product may have itself.
  mutating func bias(_ parameter: Parameter, of flow: Flow) throws -> Flow {
    let description = network.description(of: parameter)
    if var product = flow.product, let bias = product.bias {
      note(description.name, stored(bias, description.shape))
      product.parameters.append(description.name)
      product.bias = nil
      return Flow(name: flow.name, isMap: flow.isMap, product: product)
    }
    for node in view.readers(of: flow.name) where view.isNode(node, "Add") {
      let fixed = view.nodes[node].inputs.filter { view.resolved($0) != flow.name }
      guard fixed.count == 1, let tensor = view.constant(fixed[0]),
        isPerChannel(tensor, description.range.count, isMap: flow.isMap)
      else { continue }
      note(description.name, stored(tensor, description.shape))
      var product = flow.product
      product?.parameters.append(description.name)
      return Flow(name: take(node), isMap: flow.isMap, product: product)
    }
    throw mismatch("the bias '\(description.name)' of \(description.shape)", behind: flow.name)
  }

  /// A batch norm, which may lie in the product before it.
  mutating func batchNorm(
    _ scale: Parameter?, _ offset: Parameter, _ moments: Statistics, _ epsilon: Double,
    of flow: Flow
  ) throws -> Flow {
    let entry = network.description(of: moments)
    let names = [
      scale.map { network.description(of: $0).name } ?? entry.name + ".weight",
      network.description(of: offset).name, entry.name + ".running_mean",
      entry.name + ".running_var",
    ]
    let shape = [entry.channels]
    let node = view.readers(of: flow.name).first {
      view.isNode($0, "BatchNormalization") && view.nodes[$0].inputs.count == 5
        && view.integer($0, "training_mode", else: 0) == 0
        && view.resolved(view.nodes[$0].inputs[0]) == flow.name
    }
    guard let node else {
      guard var product = flow.product else {
        throw mismatch("the batch norm '\(entry.name)' of \(shape)", behind: flow.name)
      }
      let values: [MatchedTensor.Numbers] = [
        .filled(1), product.bias.map { .stored($0) } ?? .filled(0), .filled(0),
        .filled(Float(1 - epsilon)),
      ]
      for (name, numbers) in zip(names, values).dropFirst(scale == nil ? 1 : 0) {
        note(name, MatchedTensor(shape: shape, numbers: numbers))
      }
      product.bias = nil
      foldedCount += 1
      return Flow(name: flow.name, isMap: flow.isMap, product: product)
    }
    let before = try plain(flow)
    for (name, input) in zip(names, view.nodes[node].inputs.dropFirst()) {
      guard let tensor = view.constant(input), tensor.isFloat, tensor.shape == shape else {
        throw mismatch(
          "the batch norm '\(entry.name)' of fixed tensors \(shape)", behind: flow.name)
      }
      note(name, stored(tensor, shape))
    }
    guard let given = view.float(node, "epsilon", else: 1e-5) else {
      throw refusal("\(view.nodes[node].title.brief) has an epsilon that is no number")
    }
    // The network's own epsilon is added to what stands in the variances.
    if given != Float(epsilon) { add(Double(given) - epsilon, to: names[3]) }
    return Flow(name: take(node), isMap: before.isMap)
  }

  /// A factor, which the product before it may have in its weights.
  mutating func scale(_ factor: Float, of flow: Flow) throws -> Flow {
    for node in view.readers(of: flow.name) where view.isNode(node, "Mul") {
      let fixed = view.nodes[node].inputs.filter { view.resolved($0) != flow.name }
      guard fixed.count == 1, view.floats(fixed[0], atMost: 1) == [factor] else { continue }
      let before = try plain(flow)
      return Flow(name: take(node), isMap: before.isMap)
    }
    guard let product = flow.product, product.bias == nil else {
      throw mismatch("a factor of \(factor)", behind: flow.name)
    }
    multiply(product.parameters, by: 1 / Double(factor))
    return Flow(name: flow.name, isMap: flow.isMap, product: product)
  }

  /// Whether `tensor` is of one float a channel, in a shape that meets the channels.
  func isPerChannel(_ tensor: ONNXTensor, _ count: Int, isMap: Bool) -> Bool {
    guard tensor.isFloat, tensor.count == count else { return false }
    let sides = tensor.shape.drop { $0 == 1 }
    return isMap && count > 1 ? Array(sides) == [count, 1, 1] : sides.allSatisfy { $0 == count }
  }

  func stored(_ tensor: ONNXTensor, _ shape: [Int]) -> MatchedTensor {
    MatchedTensor(shape: shape, numbers: .stored(tensor))
  }
}
