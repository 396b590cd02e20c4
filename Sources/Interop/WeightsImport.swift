internal import Checkpoints
package import Configuration
internal import Datasets
internal import Interchange
internal import Networks
internal import State

extension NetworkWeights {
  /// Fills the network from a file of tensors by the names of its published definition, with
  /// `prefix` before all of them. Returns the names of tensors that nobody wanted. Throws
  /// `InteropError`, also for a deeper network's tensors, or `InterchangeError`.
  func load(_ archive: any TensorArchive, prefix: String) throws -> [String] {
    let names = Set(archive.names)
    let missing = wantedNames.filter { !names.contains(prefix + $0) }
    guard missing.isEmpty else {
      throw InteropError.missing(
        path: archive.path, model: network.name, tensors: missing.map { prefix + $0 })
    }
    var used = Set(wantedNames.map { prefix + $0 })
    for description in network.parameters {
      set(
        description,
        to: try read(prefix + description.name, shape: description.shape, from: archive))
    }
    for entry in network.statistics {
      let means = try read(
        "\(prefix)\(entry.name).running_mean", shape: [entry.channels], from: archive)
      let name = "\(prefix)\(entry.name).running_var"
      let variances = try read(name, shape: [entry.channels], from: archive)
      guard variances.allSatisfy({ $0 >= 0 }) else {
        throw InteropError.notFinite(path: archive.path, tensor: name)
      }
      for (i, value) in zip(entry.means, means) { state.statistics[i] = value }
      for (i, value) in zip(entry.variances, variances) { state.statistics[i] = value }
    }
    for entry in fixedScales {
      let name = "\(prefix)\(entry.name).weight"
      guard names.contains(name) else { continue }
      used.insert(name)
      guard try read(name, shape: [entry.channels], from: archive).allSatisfy({ $0 == 1 }) else {
        throw InteropError.notOne(path: archive.path, tensor: name)
      }
    }
    let unused = archive.names.filter {
      !used.contains($0) && !$0.hasSuffix(".num_batches_tracked")
    }
    let further = furtherBlocks(unused, prefix: prefix)
    guard further.count < Self.tensorsOfABlock else {
      throw InteropError.deeper(path: archive.path, model: network.name, tensors: further)
    }
    return unused
  }

  /// A block of layers has as many tensors; fewer are of something else.
  private static var tensorsOfABlock: Int { 4 }

  /// Those of `unused` that are called as tensors of the network but for a number, as those of a
  /// deeper one's further blocks are.
  private func furtherBlocks(_ unused: [String], prefix: String) -> [String] {
    func pattern(_ name: Substring) -> String {
      name.split(separator: ".").map { Int($0) == nil ? String($0) : "#" }.joined(separator: ".")
    }
    let own = Set(wantedNames.map { pattern($0[...]) }).filter { $0.contains("#") }
    return unused.filter {
      $0.hasPrefix(prefix) && own.contains(pattern($0.dropFirst(prefix.count)))
    }
  }

  private func read(
    _ name: String, shape: [Int], from archive: any TensorArchive
  ) throws -> [Float] {
    // A tensor that is there and cannot be read has no shape; asking for it says why.
    guard let found = archive.shape(of: name) else { return try archive.elements(of: name) }
    guard found == shape else {
      throw InteropError.otherShape(
        path: archive.path, tensor: name, found: found, expected: shape)
    }
    guard archive.holdsFloats(name) else {
      throw InteropError.noFloats(path: archive.path, tensor: name)
    }
    let values = try archive.elements(of: name)
    guard values.allSatisfy(\.isFinite) else {
      throw InteropError.notFinite(path: archive.path, tensor: name)
    }
    return values
  }

  /// The length of the embedding of the network in `archive`, by the rows of its last matrix; nil
  /// where it has none of that name.
  func embeddingCount(in archive: any TensorArchive, prefix: String) -> Int? {
    network.parameters.last { $0.shape.count == 2 }
      .flatMap { archive.shape(of: prefix + $0.name)?.first }
  }
}

/// What `ddp-train import` is asked.
package struct ImportRequest: Sendable, Equatable {
  /// A safetensors, PyTorch, `.npz` or ONNX file.
  package var file: String
  /// The checkpoint to write.
  package var out: String
  /// Options of the network by their long names, as `train` has them.
  package var options: [ConfigurationAssignment]
  /// The order of colours that the network was trained on; nil where the file says it.
  package var channels: ChannelOrder?
  /// What stands before the names of the network to take, where the file holds several.
  package var prefix: String?

  package init(
    file: String, out: String, options: [ConfigurationAssignment], channels: ChannelOrder?
  ) {
    self.file = file
    self.out = out
    self.options = options
    self.channels = channels
  }
}

extension ImportRequest {
  /// The options that say what a network is and what it reads.
  package static var contract: [ConfigurationOption] { InputContract.options }

  /// Makes a checkpoint of other programs' weights and says what was done with them; throws
  /// `InteropError`, `InterchangeError` or `ConfigurationError`.
  package func run() throws -> [String] {
    try CommandFiles.check { files in
      files.read(file, as: "FILE")
      files.write(out, as: "--out")
    }
    let others = [".onnx", ".npz", ".npy", ".pt", ".pth", ".bin", ".csv", ".yaml", ".json"]
    if let ending = others.first(where: out.lowercased().hasSuffix) {
      throw InteropError.otherEnding(path: out, ending: ending)
    }
    let found = try TensorFiles.isONNX(file) ? foundGraph() : foundTensors()
    let (weights, configuration) = (found.weights, found.weights.configuration)
    if found.channels == .bgr { weights.reverseChannels() }
    var progress = TrainingProgress()
    progress.gridExponent = configuration.gridExponent(microbatches: 1)
    var metadata = progress.metadata(
      configuration: configuration.yamlText(), dataFingerprint: 0, classCount: 0)
    metadata["imported-from"] = file.split(separator: "/").last.map(String.init) ?? ""
    try Snapshot(
      of: weights.state, people: [], triplets: nil, metadata: metadata,
      step: 0
    ).write(to: out)
    return [
      "\(weights.network.parameters.count) tensors of \(configuration.model.name), "
        + "\(weights.network.parameterCount) parameters, in \(out)",
      "images: \(configuration.imageSize), normalize \(configuration.normalize.rawValue)"
        + (found.channels == .bgr ? ", the first convolution turned from BGR to RGB" : ", rgb"),
    ] + found.notes
  }

  /// The weights of a file, the order of colours that they were trained on, and what to say of how
  /// they were found.
  struct Found {
    let weights: NetworkWeights
    let channels: ChannelOrder
    var notes: [String] = []
  }

  /// The weights of a file of tensors.
  private func foundTensors() throws -> Found {
    let archive = try TensorFiles.open(file)
    guard archive.metadata[Checkpoint.formatKey] == nil else {
      throw InteropError.alreadyCheckpoint(path: file)
    }
    let (options, channels) = try contract(of: archive.metadata)
    var configuration = try RunConfiguration.resolve(flags: options)
    let first = NetworkWeights(configuration)
    let prefix = try first.prefix(in: archive, given: self.prefix)
    if configuration.embedding == nil {
      configuration.embedding = first.embeddingCount(in: archive, prefix: prefix)
    }
    var found = Found(weights: NetworkWeights(configuration), channels: channels)
    let unused = try found.weights.load(archive, prefix: prefix)
    if !prefix.isEmpty { found.notes.append("taken: the tensors under '\(prefix)'") }
    if !unused.isEmpty {
      found.notes.append(
        "not used: \(unused.count) other tensors, such as "
          + unused.prefix(3).map { "'\($0)'" }.joined(separator: ", "))
    }
    return found
  }

  /// The options of the network and its order of colours, from the file and from the request, which
  /// must not contradict each other; throws `InteropError` or `ConfigurationError`.
  func contract(
    of metadata: [String: String]
  ) throws -> ([ConfigurationAssignment], ChannelOrder) {
    var options = options
    for key in InputContract.options.map(\.name) {
      guard let stored = metadata[InputContract.prefix + key] else { continue }
      if let given = options.first(where: { $0.key == key }) {
        try Self.demandEqual(given, stored: stored, path: file)
      } else {
        options.append(ConfigurationAssignment(key: key, text: stored, origin: file))
      }
    }
    guard options.contains(where: { $0.key == ConfigurationOption.of(\.model).name }) else {
      throw InteropError.noModel(path: file)
    }
    let stored = metadata[InputContract.prefix + InputContract.channelsKey]
      .flatMap { ChannelOrder(rawValue: $0) }
    if let stored, let given = channels, stored != given {
      throw InteropError.contradiction(
        path: file, key: "channels", given: given.rawValue, stored: stored.rawValue)
    }
    guard let channels = channels ?? stored,
      options.contains(where: { $0.key == ConfigurationOption.of(\.normalize).name })
    else { throw InteropError.unknownInput(path: file) }
    return (options, channels)
  }

  static func demandEqual(
    _ given: ConfigurationAssignment, stored: String, path: String
  ) throws {
    guard let option = ConfigurationOption.named(given.key) else { return }
    var (one, other) = (RunConfiguration.demo, RunConfiguration.demo)
    do {
      try option.set(&one, given.text)
      try option.set(&other, stored)
    } catch let error as ConfigurationError {
      throw ConfigurationError(origin: given.origin, error.message)
    }
    guard option.text(one) == option.text(other) else {
      throw InteropError.contradiction(
        path: path, key: given.key, given: given.text, stored: stored)
    }
  }
}
