internal import Interchange
internal import Networks

/// Compares the graph of an ONNX file with a network, operation by operation from the image on, and
/// finds the tensor of each of its parameters and running moments.
///
/// Where it gets to the end each node of the graph stands in the place of an operation that
/// computes the same, so that names and the order of nodes do not matter.
struct GraphMatcher {
  /// What became of an activation of the network.
  struct Flow {
    /// The value of the graph.
    var name: String
    /// [N, C, H, W] rather than [N, C].
    var isMap: Bool
    /// The product that has computed it, whose bias and whose batch norm are still to come.
    var product: Product?
  }

  /// A convolution or a dense layer.
  struct Product {
    let title: String
    /// The parameters of the network that have been found in it.
    var parameters: [String]
    /// Its bias, until an operation of the network has it.
    var bias: ONNXTensor?
  }

  let network: Network
  let path: String
  var view: GraphView
  /// By the names of the network.
  private(set) var tensors: [String: MatchedTensor] = [:]
  var foldedCount = 0
  /// Whether the graph divides its embeddings by their length, which the network does not.
  private(set) var endsInLength = false
  private let input: String
  private let outputs: [String]
  private var flows: [Int: Flow] = [:]
  /// The ranges of channels of concatenations that have been found.
  private var parts: [Int: [(first: Int, name: String)]] = [:]

  init(_ file: ONNXFile, _ network: Network) throws {
    path = file.path
    self.network = network
    view = try GraphView(file)
    outputs = file.graph.outputs.map(\.name)
    guard file.graph.inputs.count == 1 else {
      throw InterchangeError.unsupported(
        path: file.path, reason: "a graph of \(file.graph.inputs.count) inputs; a network has one")
    }
    input = file.graph.inputs[0].name
  }

  /// Finds all of the network; throws `InterchangeError`.
  mutating func match(normalization: (scale: [Double], offset: [Double])?) throws {
    let image = try normalized(input, normalization)
    flows[network.image.id] = Flow(name: image, isMap: true)
    for layer in network.layers { try match(layer) }
    let result = try plain(flows[network.output.id]!).name
    if !isOutput(result) {
      guard let direction = direction(of: result), isOutput(direction) else {
        throw mismatch("the end of the network", behind: result)
      }
      endsInLength = true
    }
    if let node = view.left {
      throw refusal("\(node.title.brief) is no part of \(network.name)")
    }
  }

  private func isOutput(_ value: String) -> Bool {
    outputs.contains { view.resolved($0) == value }
  }

  private mutating func match(_ layer: any Layer) throws {
    var inputs = layer.inputs[...]
    var flow = flows[inputs.removeFirst().id]!
    for operation in layer.operations {
      let other = try operation.inputCount == 2 ? plain(flows[inputs.removeFirst().id]!) : nil
      flow = try match(operation, on: flow, and: other, layer)
    }
    try finish(layer, flow)
  }

  /// Records what a layer computes; the last range of a concatenation must be joined as the network
  /// joins them.
  private mutating func finish(_ layer: any Layer, _ flow: Flow) throws {
    let output = layer.output
    guard !output.isWhole else {
      flows[output.id] = flow
      return
    }
    parts[output.id, default: []].append((output.channelOffset, try plain(flow).name))
    let ends = network.layers.filter { $0.output.id == output.id }.count
    guard let all = parts[output.id], all.count == ends else { return }
    let names = all.sorted { $0.first < $1.first }.map(\.name)
    let node = view.readers(of: names[0]).first { node in
      view.isNode(node, "Concat") && view.integer(node, "axis", else: 0) == 1
        && view.nodes[node].inputs.map(view.resolved) == names
    }
    guard let node else {
      throw mismatch("\(names.count) branches that are joined in their order", behind: names[0])
    }
    flows[output.id] = Flow(name: take(node), isMap: true)
  }

  // MARK: Operations

  private mutating func match(
    _ operation: Operation, on flow: Flow, and other: Flow?, _ layer: any Layer
  ) throws -> Flow {
    switch operation {
    case .convolution(let weights, let window, let groups):
      return try convolution(weights, window, groups, of: plain(flow))
    case .linear(let weights, let bias): return try linear(weights, bias: bias, of: plain(flow))
    case .batchNorm(let scale, let offset, let moments, let epsilon):
      return try batchNorm(scale, offset, moments, epsilon, of: flow)
    case .bias(let parameter): return try bias(parameter, of: flow)
    case .scale(let factor): return try scale(factor, of: flow)
    case .add:
      let (x, y) = (try plain(flow), other!)
      let node = view.readers(of: x.name).first { node in
        view.isNode(node, "Add")
          && [[x.name, y.name], [y.name, x.name]].contains(
            view.nodes[node].inputs.map(view.resolved))
      }
      guard let node else {
        throw mismatch("the sum with \(view.title(of: y.name))", behind: x.name)
      }
      return Flow(name: take(node), isMap: x.isMap)
    case .relu: return try single("Relu", "a ReLU", of: plain(flow)) { _, _ in true }
    case .prelu(let slopes): return try prelu(slopes, of: plain(flow))
    case .maxPool(let size, let stride, let padding):
      return try pool("MaxPool", size, stride, padding, of: plain(flow))
    case .l2Pool(let size, let stride, let padding):
      return try pool("LpPool", size, stride, padding, of: plain(flow))
    case .averagePool: return try averagePool(of: plain(flow), layer)
    case .dropout: return flow
    case .maxout(let pieces): return try maxout(pieces, of: plain(flow))
    case .responseNorm(let size, let alpha, let bias):
      return try single("LRN", "a local response norm over \(size) channels", of: plain(flow)) {
        $0.integer($1, "size", else: 0) == size && $0.float($1, "alpha", else: 1e-4) == alpha
          && $0.float($1, "beta", else: 0.75) == 0.75 && $0.float($1, "bias", else: 1) == bias
      }
    }
  }

  /// The flow behind the one node of `operation` that reads `flow` and that `fits`.
  mutating func single(
    _ operation: String, _ expected: String, of flow: Flow,
    where fits: (GraphView, Int) -> Bool
  ) throws -> Flow {
    let node = view.readers(of: flow.name).first {
      view.isNode($0, operation) && view.resolved(view.nodes[$0].inputs[0]) == flow.name
        && fits(view, $0)
    }
    guard let node else { throw mismatch(expected, behind: flow.name) }
    return Flow(name: take(node), isMap: flow.isMap)
  }

  /// Notes that `node` has its place; returns what it computes.
  mutating func take(_ node: Int) -> String {
    view.take(node)
    return view.output(of: node)
  }

  /// `flow` for an operation that is no part of a product; throws where the product has a bias that
  /// the network has not.
  func plain(_ flow: Flow) throws -> Flow {
    guard let product = flow.product else { return flow }
    if product.bias != nil {
      throw refusal("\(product.title) has a bias, which \(network.name) has not there")
    }
    return Flow(name: flow.name, isMap: flow.isMap)
  }

  /// Notes where the numbers of `name` are; no parameter is found twice.
  mutating func note(_ name: String, _ tensor: MatchedTensor) { tensors[name] = tensor }

  /// Adds `addend` to the numbers of `name`.
  mutating func add(_ addend: Double, to name: String) { tensors[name]?.addend += addend }

  /// Multiplies the numbers of `names` by `factor`.
  mutating func multiply(_ names: [String], by factor: Double) {
    for name in names { tensors[name]?.factor *= factor }
  }

  // MARK: Refusals

  func refusal(_ reason: String) -> InterchangeError {
    .unsupported(path: path, reason: reason + "; check --model, --width and --image-size")
  }

  /// That the graph goes on otherwise behind `value` than the network, which has `expected` there.
  func mismatch(_ expected: String, behind value: String) -> InterchangeError {
    let found = view.readers(of: value).prefix(3).map(description)
    let next =
      found.isEmpty ? "comes nothing more" : "comes \(found.joined(separator: " or "))"
    return refusal(
      "no \(network.name): behind \(view.title(of: value)) \(next), where \(network.name) has "
        + expected)
  }

  /// A node and what tells it from others of its kind.
  private func description(_ node: Int) -> String {
    var text = view.nodes[node].title.brief
    let shape = view.nodes[node].inputs.lazy.compactMap { view.constant($0)?.shape }.first
    if let shape { text += " of \(shape.prefix(8))" }
    for name in ["strides", "pads"] {
      if case .integers(let values)? = view.nodes[node].attributes[name] {
        text += ", \(name) \(values.prefix(8))"
      }
    }
    return text
  }
}
