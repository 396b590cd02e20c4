package import Kernels

extension Network {
  /// Makes the network of `graph`, whose result is `output`, for microbatches of at most
  /// `maximumRows`, with products in `precision`. Everything else that an operation writes is read
  /// by another.
  ///
  /// Operations that one kernel can compute become one layer; without `fuses` each is a layer of
  /// its own, which computes the same more slowly.
  package init(
    name: String, graph: Graph, output: Value, maximumRows: Int, precision: Precision = .float32,
    fuses: Bool = true
  ) {
    var plan = Plan(graph, maximumRows: maximumRows, precision: precision)
    var activations = [graph.image.id: plan.image]
    var concatenations = graph.concatenations[...]
    for (number, fused) in graph.fusedNodes(result: output).enumerated() {
      while let next = concatenations.first, next.position < fused.upperBound {
        activations[next.value.id] = plan.concatenation(next.value.shape)
        concatenations.removeFirst()
      }
      for nodes in fuses ? [fused] : fused.map({ $0..<$0 + 1 }) {
        let draft = LayerDraft(graph.nodes[nodes], activations: activations, number: number)
        let written = plan.append(draft.layer(in: &plan))
        if written.isWhole { activations[graph.nodes[nodes.upperBound - 1].output.id] = written }
      }
    }
    self.init(name: name, plan: plan, output: activations[output.id]!)
  }
}

extension LayerDraft {
  /// The layer that computes `nodes`, each of which reads what the one before it writes;
  /// `activations` are those of the graph's values so far.
  fileprivate init(
    _ nodes: ArraySlice<Graph.Node>, activations: [Int: Activation], number: Int
  ) {
    var values = nodes.first!.inputs
    for (node, next) in zip(nodes, nodes.dropFirst()) {
      values += next.inputs.filter { $0.id != node.output.id }
    }
    let output = nodes.last!.output
    operations = nodes.map(\.operation)
    inputs = values.map { activations[$0.id]! }
    shape = output.shape
    range =
      output.isWhole
      ? nil : activations[output.id]!.channels(output.shape.channels, from: output.channelOffset)
    parameters = nodes.first!.parameters.lowerBound..<nodes.last!.parameters.upperBound
    self.number = number
  }
}
