internal import Checkpoints
internal import Configuration
internal import Datasets
internal import GraphMatching
internal import Interchange

extension ImportRequest {
  /// The weights of an ONNX graph, which are found by its structure; throws `InteropError`,
  /// `InterchangeError` with the node at which it is another network's, or `ConfigurationError`.
  func foundGraph() throws -> Found {
    guard prefix == nil else { throw InteropError.noPrefixOfGraph(path: file) }
    let graph = try ONNXFile(path: file)
    var (options, channels) = try contract(of: graph.metadata)
    if let size = ONNXWeights.imageSize(of: graph) {
      try add(.of(\.imageSize), "\(size.height)x\(size.width)", to: &options)
    }
    if let count = ONNXWeights.embeddingCount(of: graph) {
      try add(.of(\.embedding), "\(count)", to: &options)
    }
    let configuration = try RunConfiguration.resolve(flags: options)
    var normalization = configuration.normalize.channels
    if channels == .bgr {
      normalization?.scale.reverse()
      normalization?.offset.reverse()
    }
    var found = Found(weights: NetworkWeights(configuration), channels: channels)
    let weights = try ONNXWeights(
      graph, of: found.weights.network, normalization: normalization)
    _ = try found.weights.load(weights, prefix: "")
    var note = "found by the structure of the graph: \(graph.graph.nodes.count) nodes"
    if weights.foldedCount > 0 {
      note += ", \(weights.foldedCount) batch norms in the products before them"
    }
    if weights.endsInLength { note += "; embeddings are not divided by their length, as it does" }
    found.notes.append(note)
    return found
  }

  /// Takes what the graph says of an option, which must be what is given where it is.
  private func add(
    _ option: ConfigurationOption, _ text: String, to options: inout [ConfigurationAssignment]
  ) throws {
    if let given = options.first(where: { $0.key == option.name }) {
      try Self.demandEqual(given, stored: text, path: file)
    } else {
      options.append(ConfigurationAssignment(key: option.name, text: text, origin: file))
    }
  }
}
