extension Graph {
  /// The nodes by the layers that compute them, in forward order; `result` is what the network
  /// gives.
  ///
  /// Kernels are bound by memory, so a layer also does what is done to its output's elements next:
  /// a node joins the layer of the one right before it if nothing else reads that one's value.
  func fusedNodes(result: Value) -> [Range<Int>] {
    var uses = [Int](repeating: 0, count: valueCount)
    for input in nodes.flatMap(\.inputs) + [result] { uses[input.id] += 1 }
    var layers: [Range<Int>] = []
    for (index, node) in nodes.enumerated() {
      if let layer = layers.last, uses[nodes[index - 1].output.id] == 1, joins(node, layer) {
        layers[layers.count - 1] = layer.lowerBound..<index + 1
      } else {
        layers.append(index..<index + 1)
      }
    }
    return layers
  }

  /// Whether `node`, which is next, can be computed with the nodes of `layer`.
  private func joins(_ node: Node, _ layer: Range<Int>) -> Bool {
    let last = nodes[layer.upperBound - 1]
    guard last.output.isWhole, node.inputs.contains(where: { $0.id == last.output.id }),
      node.operation.follows(last.operation)
    else { return false }
    // A kernel that writes the gradients of two inputs at once wants two places for them.
    let read = nodes[layer.lowerBound].inputs
    return !node.inputs.contains { input in read.contains { $0.id == input.id } }
  }
}

extension Operation {
  /// Where it stands among what is done to single elements in one go: (x + bias) factor, or the
  /// batch norm, + residual, then the activation.
  private var place: Int? {
    switch self {
    case .bias: 0
    case .scale, .batchNorm: 1
    case .add: 2
    case .relu, .prelu: 3
    case .convolution, .linear, .maxPool, .l2Pool, .averagePool, .dropout, .maxout, .responseNorm:
      nil
    }
  }

  /// Whether one kernel can do this after `last`.
  fileprivate func follows(_ last: Operation) -> Bool {
    if case .batchNorm = self { return false }
    guard let place, let before = last.place else { return false }
    return place > before
  }
}
