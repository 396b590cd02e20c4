package import CheckpointParts
package import Configuration
package import Datasets
internal import Determinism
package import Interchange
package import Networks
package import State
package import Threads

extension WeightsKind {
  /// What the names of its tensors begin with.
  var prefix: String {
    switch self {
    case .raw: ""
    case .ema: "\(Checkpoint.optimizerPrefix)\(StateVector.average.name)/"
    }
  }
}

/// A copy of a run at the end of a step, in a file that any safetensors reader opens.
///
/// Tensors are logical and free of ranks: weights by the names of the model's published definition
/// in PyTorch's layouts, `head.*` for the loss head, `*.running_mean` and `*.running_var`, and the
/// optimizer's vectors as `optimizer.VECTOR/TENSOR`. The metadata holds the configuration, the
/// progress and checksums (see docs/checkpoints.md).
package struct Checkpoint {
  /// Where the file is, as messages name it.
  package let path: String
  /// The file: its tensors by name, and the metadata.
  package let file: SafetensorsFile
  /// Its class weights by rows, which are beside the file where they were divided over the ranks.
  package let head: HeadRows
  /// Where the run stood when it was written.
  package let progress: TrainingProgress
  /// The resolved configuration of the run, as YAML.
  package let configurationText: String
  /// `TrainingData.fingerprint` of the run.
  package let dataFingerprint: String
  /// People that the loss was made for; 0 in an imported network.
  package let classCount: Int

  /// The key of the metadata that says which program wrote the file, and its version of the form.
  package static let formatKey = CheckpointNames.formatKey
  static let formatVersion = "1"
  /// What the names of the state's vectors begin with: `optimizer.VECTOR/TENSOR`.
  package static let optimizerPrefix = CheckpointNames.optimizerPrefix
  /// The people of the loss head, as `TrainedPeople.text` in UTF-8; no part of the weights.
  static let peopleName = "ddp-train.people"
  /// The hard triplets of offline mining, as `OfflineTriplets.text`.
  static let tripletsName = "ddp-train.triplets"
  /// The receipt of the network that a run is made compatible with.
  package static let oldNetworkKey = "compatible-with"
  /// Hashes of lengths and bytes of some photos, `PhotoSample.text`.
  package static let dataSampleKey = "data-sample"

  /// The folder in which the run was started, which relative paths of its configuration begin at.
  package static let startFolderKey = "started-in"

  /// What `startFolderKey` holds; nil in a checkpoint that an earlier version wrote.
  package var startFolder: String? { file.metadata[Self.startFolderKey] }

  /// The key of `JPEGProbe.hash` where the run was.
  package static let pixelsKey = "pixels"

  /// The hash of what the run decoded a photo to; nil in a file of an earlier version.
  package var pixels: String? { file.metadata[Self.pixelsKey] }

  /// What `oldNetworkKey` holds; nil in a run without such a network.
  package var oldNetwork: String? { file.metadata[Self.oldNetworkKey] }

  /// The receipt of what a run is taught by.
  package static let teacherKey = "teacher"

  /// What `teacherKey` holds; nil in a run without a teacher.
  package var teacher: String? { file.metadata[Self.teacherKey] }

  /// What `dataSampleKey` holds; nil in a checkpoint that an earlier version wrote.
  package var dataSample: String? { file.metadata[Self.dataSampleKey] }

  /// The resolved configuration of the run; throws `ConfigurationError` for one that this version
  /// does not know.
  package var configuration: RunConfiguration {
    get throws {
      try RunConfiguration.parse(yaml: configurationText, path: path)
    }
  }

  /// What the names of the weights of `kind` begin with.
  package static func prefix(of kind: WeightsKind) -> String { kind.prefix }

  /// Whether a tensor of that name is a weight or a running moment.
  package static func isWeight(_ name: String) -> Bool {
    !name.hasPrefix(optimizerPrefix) && name != peopleName && name != tripletsName
  }

  /// Reads and verifies the checkpoint at `path`; throws `InterchangeError` for a file that is
  /// missing, torn or corrupt, and `CheckpointError.foreign` for one that this program did not
  /// write. The parts of a divided head may lack where it is not needed (`needsHead`), else throws
  /// `CheckpointError.missingPart`.
  ///
  /// With `holdsBytes` it stays in memory, so that it is read once, be it loaded or not; `meter`
  /// counts MiB.
  package init(
    path: String, needsHead: Bool = true, holdsBytes: Bool = false, meter: WorkMeter? = nil
  ) throws {
    let file = try SafetensorsFile(path: path)
    guard file.metadata[Self.formatKey] == Self.formatVersion else {
      throw CheckpointError.foreign(path: path)
    }
    let head = try HeadRows(of: file)
    if needsHead { try head.requireParts() }
    meter?.expect((file.byteCount + head.byteCount) >> 20)
    try file.verify(requiresChecksums: true, holdingBytes: holdsBytes) { meter?.add($0 >> 20) }
    try head.verify { meter?.add($0 >> 20) }
    func text(_ key: String) throws -> String {
      guard let value = file.metadata[key] else {
        throw CheckpointError.incomplete(path: path, what: key)
      }
      return value
    }
    func number(_ key: String) throws -> Int {
      guard let value = Int(try text(key)) else {
        throw CheckpointError.incomplete(path: path, what: key)
      }
      return value
    }
    self.path = path
    self.file = file
    self.head = head
    progress = try TrainingProgress(metadata: file.metadata, path: path)
    classCount = try number("classes")
    configurationText = try text("configuration")
    dataFingerprint = try text("data")
  }

  /// Gives up the bytes that are held in memory; what is read from then on comes from the file.
  package func releaseBytes() { file.releaseBytes() }

  /// Fills `state` with the tensors: parameters, running moments, all its vectors, and the state of
  /// the loss. Throws `CheckpointError.incomplete` for a tensor that is missing or has another
  /// shape. Of a head that is divided over the ranks, each loads its rows itself (`HeadRows`).
  package func load(into state: ModelState) throws {
    for description in state.wholeDescriptions {
      try load(description, named: description.name, into: state.parameters)
      for (index, vector) in state.vectors.enumerated() {
        try load(
          description, named: "\(Self.optimizerPrefix)\(vector.name)/\(description.name)",
          into: state.vector(index))
      }
    }
    try load([], statistics: state.statisticsDescriptions, into: state)
    if let moments = state.averageMoments {
      try loadMoments(state.statisticsDescriptions, of: .ema, into: moments)
    }
    try state.loss.read(file.metadata, path: path)
  }

  /// Fills those tensors and running moments of `state` with those of `kind`; throws as
  /// `load(into:)`, and `CheckpointError.noAverage` where there are none of that kind.
  package func load(
    _ parameters: [ParameterDescription], statistics: [StatisticsDescription],
    of kind: WeightsKind = .raw, into state: ModelState
  ) throws {
    guard holds(kind) else { throw CheckpointError.noAverage(path: path) }
    for description in parameters {
      try load(description, named: kind.prefix + description.name, into: state.parameters)
    }
    try loadMoments(statistics, of: kind, into: state.statistics)
  }

  /// Whether there are weights of `kind`: an average begins with the first update.
  package func holds(_ kind: WeightsKind) -> Bool {
    kind == .raw
      || progress.updates > 0 && file.entries.contains { $0.name.hasPrefix(kind.prefix) }
  }

  private func loadMoments(
    _ statistics: [StatisticsDescription], of kind: WeightsKind,
    into moments: UnsafeMutablePointer<Float>
  ) throws {
    for entry in statistics {
      for (suffix, range) in [("running_mean", entry.means), ("running_var", entry.variances)] {
        let values = try floats(
          "\(kind.prefix)\(entry.name).\(suffix)", shape: [entry.channels])
        for (i, value) in zip(range, values) { moments[i] = value }
      }
    }
  }

  /// The people of the loss head, and those of the first weights; nil in a file that does not name
  /// them. Throws `ConfigurationError` and `InterchangeError`.
  package func trainedPeople() throws -> TrainedPeople? {
    guard file.entry(named: Self.peopleName) != nil else { return nil }
    var people = TrainedPeople(
      text: String(decoding: try file.bytes(Self.peopleName), as: UTF8.self))
    // Earlier versions wrote nothing of them.
    if people.earlier.isEmpty, let first = try configuration.initialWeights {
      people.earlier.unknown = [Self.lastName(first)]
    }
    return people
  }

  /// Whom a run that begins with these weights has before it; the file itself where it names
  /// nobody. Throws as `trainedPeople`.
  package func peopleSoFar() throws -> EarlierPeople {
    try trainedPeople()?.all
      ?? EarlierPeople(unknown: [file.metadata["imported-from"] ?? Self.lastName(path)])
  }

  private static func lastName(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  /// The hard triplets that the run was training on; nil in a file that has none.
  package func offlineTriplets() throws -> OfflineTriplets? {
    guard file.entry(named: Self.tripletsName) != nil else { return nil }
    return OfflineTriplets(
      text: String(decoding: try file.bytes(Self.tripletsName), as: UTF8.self))
  }

  /// The class weights of the loss head [rows, dimension], of `kind`; nil if the file has none.
  /// Throws `InterchangeError` and `CheckpointError.missingPart`.
  package func classWeights(of kind: WeightsKind = .raw) throws -> [Float]? {
    let name = kind.prefix + HeadRows.weightName
    let tensors = try head.tensors()
    guard let shape = tensors.first(where: { $0.name == name })?.shape else {
      return file.entry(named: name) == nil ? nil : try file.floats(name)
    }
    return try [Float](unsafeUninitializedCapacity: shape[0] * shape[1]) { memory, count in
      try head.read(
        name, rows: 0..<shape[0], of: shape[0], width: shape[1], into: memory.baseAddress!)
      count = shape[0] * shape[1]
    }
  }

  /// The biases of the classes of the loss head [classes]; nil if the file has none. Throws
  /// `InterchangeError`.
  package func classBiases() throws -> [Float]? {
    file.entry(named: HeadRows.biasName) == nil ? nil : try file.floats(HeadRows.biasName)
  }

  /// The hash of weights, loss head and batch-norm statistics, as runs print it at the end.
  /// Throws `InterchangeError` and `CheckpointError.missingPart`.
  package func weightsHash() throws -> UInt64 {
    WeightsHash.combine(
      try fileHashes()
        + head.tensors().filter { Self.isWeight($0.name) }.map {
          ($0.name, try head.hash(of: $0.name, shape: $0.shape))
        })
  }

  /// The hash of what of the weights is in the file itself, which is all but a divided head. Throws
  /// `InterchangeError`.
  package func fileHash() throws -> UInt64 { WeightsHash.combine(try fileHashes()) }

  private func fileHashes() throws -> [(name: String, hash: UInt64)] {
    var hashes: [(name: String, hash: UInt64)] = []
    for entry in file.entries
    where Self.isWeight(entry.name) {
      let values = try file.floats(entry.name)
      hashes.append((entry.name, values.withUnsafeBytes { Hash64.of($0) }))
    }
    return hashes
  }

  private func load(
    _ description: ParameterDescription, named name: String,
    into vector: UnsafeMutablePointer<Float>
  ) throws {
    if head.isDivided, description.name == HeadRows.weightName {
      return try head.read(
        name, rows: 0..<description.shape[0], of: description.shape[0],
        width: description.shape[1], into: vector + description.range.lowerBound)
    }
    let values = try floats(name, shape: description.shape)
    values.withUnsafeBufferPointer {
      description.copyMemory(
        from: $0.baseAddress!, into: vector + description.range.lowerBound)
    }
  }

  private func floats(_ name: String, shape: [Int]) throws -> [Float] {
    guard let entry = file.entry(named: name) else {
      throw CheckpointError.incomplete(path: path, what: name)
    }
    guard entry.shape == shape, entry.type == .float32 else {
      throw CheckpointError.otherShape(
        path: path, tensor: name, found: entry.summary, expected: "F32 \(shape)")
    }
    return try file.floats(name)
  }
}
