internal import Interchange
internal import Networks

/// What is done to maps and features without weights.
extension GraphMatcher {
  mutating func prelu(_ slopes: Parameter, of flow: Flow) throws -> Flow {
    let description = network.description(of: slopes)
    let count = description.range.count
    let node = view.readers(of: flow.name).first { node in
      let inputs = view.nodes[node].inputs
      guard view.isNode(node, "PRelu"), inputs.count == 2, view.resolved(inputs[0]) == flow.name,
        let tensor = view.constant(inputs[1])
      else { return false }
      return isPerChannel(tensor, count, isMap: flow.isMap)
    }
    guard let node else {
      throw mismatch("the slopes '\(description.name)' of \(count) channels", behind: flow.name)
    }
    note(
      description.name,
      stored(view.constant(view.nodes[node].inputs[1])!, description.shape))
    return Flow(name: take(node), isMap: flow.isMap)
  }

  mutating func pool(
    _ operation: String, _ size: Int, _ stride: Int, _ padding: Int, of flow: Flow
  ) throws -> Flow {
    let pads = [padding, padding, padding, padding]
    return try single(
      operation,
      "a \(operation) of [\(size), \(size)], strides [\(stride), \(stride)], pads \(pads)",
      of: flow
    ) {
      $0.integers($1, "kernel_shape", else: []) == [size, size]
        && $0.integers($1, "strides", else: [1, 1]) == [stride, stride]
        && $0.isPlainWindow($1, pads: pads) && $0.integer($1, "ceil_mode", else: 0) == 0
        && $0.integer($1, "p", else: 2) == 2
    }
  }

  /// The mean of each map, as features.
  mutating func averagePool(of flow: Flow, _ layer: any Layer) throws -> Flow {
    let node = view.readers(of: flow.name).first { node in
      if view.isNode(node, "GlobalAveragePool") { return true }
      return view.isNode(node, "ReduceMean")
        && view.resolved(view.nodes[node].inputs.first ?? "") == flow.name
        && [[2, 3], [-2, -1], [-1, -2]].contains(view.axes(node))
    }
    guard let node else { throw mismatch("the mean of each map", behind: flow.name) }
    let keepsSides = view.isNode(node, "ReduceMean") && view.integer(node, "keepdims", else: 1) == 0
    let mean = Flow(name: take(node), isMap: !keepsSides)
    guard mean.isMap else { return mean }
    let squeeze = view.readers(of: mean.name).first {
      view.isNode($0, "Squeeze") && [nil, [2, 3], [-2, -1], [-1, -2]].contains(view.axes($0))
    }
    if let squeeze { return Flow(name: take(squeeze), isMap: false) }
    return try flattened(mean, count: layer.output.shape.count)
  }

  mutating func maxout(_ pieces: Int, of flow: Flow) throws -> Flow {
    let expected = "the largest of \(pieces) parts"
    let split = view.readers(of: flow.name).first {
      view.isNode($0, "Split") && view.integer($0, "axis", else: 0) == 1
        && view.nodes[$0].outputs.count == pieces && isEven($0)
    }
    guard let split else { throw mismatch(expected, behind: flow.name) }
    let parts = view.nodes[split].outputs
    _ = take(split)
    let largest = view.readers(of: parts[0]).first {
      view.isNode($0, "Max") && view.nodes[$0].inputs.map(view.resolved).sorted() == parts.sorted()
    }
    guard let largest else { throw mismatch(expected, behind: parts[0]) }
    return Flow(name: take(largest), isMap: flow.isMap)
  }

  /// Whether the parts of a Split are of one length.
  private func isEven(_ node: Int) -> Bool {
    let lengths: [Int]? =
      if case .integers(let given)? = view.nodes[node].attributes["split"] {
        given
      } else if view.nodes[node].inputs.count > 1 {
        view.wholeNumbers(view.nodes[node].inputs[1])
      } else {
        []
      }
    return lengths.map { Set($0).count <= 1 } ?? false
  }

  /// What is `value` divided by its length, where the graph goes on so; nil where it does not.
  mutating func direction(of value: String) -> String? {
    func reader(of value: String, _ operation: String) -> Int? {
      view.readers(of: value).first { view.isNode($0, operation) }
    }
    if let node = reader(of: value, "LpNormalization") {
      let isOfFeatures = [1, -1].contains(view.integer(node, "axis", else: -1))
      return isOfFeatures && view.integer(node, "p", else: 2) == 2 ? take(node) : nil
    }
    guard let norm = reader(of: value, "ReduceL2"), [[1], [-1]].contains(view.axes(norm)) else {
      return nil
    }
    var nodes = [norm]
    var length = view.output(of: norm)
    // Whatever the least length is, the direction stays.
    if let clip = reader(of: length, "Clip") {
      nodes.append(clip)
      length = view.output(of: clip)
    }
    if let expand = reader(of: length, "Expand"), let shape = reader(of: value, "Shape"),
      view.nodes[expand].inputs.last == view.output(of: shape)
    {
      nodes += [shape, expand]
      length = view.output(of: expand)
    }
    guard let node = reader(of: length, "Div"),
      view.nodes[node].inputs.map(view.resolved) == [value, length]
    else { return nil }
    for node in nodes { view.take(node) }
    return take(node)
  }
}
