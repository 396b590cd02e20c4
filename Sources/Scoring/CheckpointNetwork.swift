package import Checkpoints
internal import Collectives
package import Configuration
package import Datasets
package import Evaluation
internal import Foundation
internal import Inputs
internal import Interchange
internal import Kernels
package import Networks
package import Sessions
internal import State

/// A checkpoint made ready to embed photos, on all ranks.
package final class CheckpointNetwork {
  /// The process, with its ranks and workers.
  package let session: Session
  /// The file that the weights are of.
  package let checkpoint: Checkpoint
  /// That of the run which wrote it, but for a precision that was given.
  package let configuration: RunConfiguration
  /// Which of its weights it embeds with.
  package let kind: WeightsKind
  let weights: NetworkWeights
  /// By worker.
  let memories: [AlignedBytes.Box]
  /// The weights transformed once: the parameters do not change here.
  let prepared: AlignedBytes.Box
  private let embedder: Embedder

  /// Opens the checkpoint that `path` means: rank 0 chooses it, every rank reads it; a collective.
  /// Products are of its own precision unless another is given, weights those of `kind`. With
  /// `needsHead` all parts of a divided head must be there. Throws what is wrong with it, and
  /// `WorldCheck.Failure` where ranks read different files.
  package static func open(
    _ path: String, precision: Precision? = nil, weights kind: WeightsKind = .raw,
    needsHead: Bool = false, in session: Session
  ) throws -> CheckpointNetwork {
    var chosen = path
    if session.communicator.rank == 0 {
      let (checkpoint, refused) = try CheckpointStore.open(path, needsHead: needsHead)
      for reason in refused { session.console.warn("refused: \(reason)") }
      chosen = checkpoint.path
    }
    let checkpoint = try Checkpoint(
      path: try session.communicator.share(chosen, from: 0), needsHead: needsHead)
    try WorldCheck.run(
      configuration: checkpoint.file.metadata["integrity"] ?? "", dataFingerprint: 0,
      pixels: JPEGProbe.hash, communicator: session.communicator)
    let network = try CheckpointNetwork(
      checkpoint, precision: precision, weights: kind, in: session)
    session.console.say(network.title)
    if let note = network.configuration.precision.note { session.console.say(note) }
    return network
  }

  /// The file and its step, and which of its weights, in words.
  package var title: String {
    "checkpoint: \(checkpoint.path), step \(checkpoint.progress.step)"
      + (kind == .ema ? ", the average of its weights" : "")
  }

  private init(
    _ checkpoint: Checkpoint, precision: Precision?, weights kind: WeightsKind,
    in session: Session
  ) throws {
    self.kind = kind
    self.session = session
    self.checkpoint = checkpoint
    weights = try NetworkWeights(checkpoint, precision: precision, of: kind)
    configuration = weights.configuration
    let bytes = weights.network.inferenceBytes
    try MemoryCheck.run(
      neededBytes: session.threads * bytes + weights.network.preparedBytes, in: session)
    memories = (0..<session.threads).map { _ in AlignedBytes.Box(count: bytes) }
    prepared = AlignedBytes.Box(count: weights.network.preparedBytes)
    weights.network.prepare(weights.state.parameters, into: prepared.pointer)
    embedder = Embedder(
      network: weights.network, pool: session.pool, communicator: session.communicator,
      memories: memories.map(\.pointer), prepared: prepared.pointer)
  }

  /// The network of the checkpoint.
  package var network: Network { weights.network }

  /// The configuration of the run with the data of an evaluation in place of its own; says by what
  /// its photos are aligned where the run's were.
  package func configuration(
    data: DataSource, split: DataSplit?, splitSeed: UInt64?, minPhotos: Int?, exclude: String?,
    landmarks: String?
  ) -> RunConfiguration {
    var own = configuration
    own.data = data
    if case .people(let list) = own.split { own.split = .people(file: ownPath(list)) }
    if let split { own.split = split }
    if let splitSeed { own.splitSeed = splitSeed }
    if let minPhotos { own.minPhotos = minPhotos }
    own.exclude = exclude
    own.landmarks = self.landmarks(for: data, given: landmarks)
    return own
  }

  /// The file of points by which the photos of `data` are aligned: the one that is `given`, else
  /// that of the run where these are its own photos; nil takes them as they are. Says so.
  package func landmarks(for data: DataSource, given: String?) -> String? {
    guard given == nil, let file = configuration.landmarks else { return given }
    if isOwnPlace(data) {
      let own = ownPath(file)
      session.console.say("landmarks: \(own), as in training on these photos")
      return own
    }
    session.console.warn(
      "the network was trained on photos that \(file) aligned, and these are others: without "
        + "--landmarks they are taken as they are, which is right for aligned ones alone")
    return nil
  }

  /// Whether `data` lies where the run had its own.
  package func isOwnPlace(_ data: DataSource) -> Bool {
    guard case .folder(let given) = data, case .folder(let own) = configuration.data else {
      return data == configuration.data
    }
    return CheckpointStore.isSameFile(given, ownPath(own))
  }

  /// The place of `path`, which the configuration of the run names: relative ones begin where it
  /// was started, as long as they are there.
  package func ownPath(_ path: String) -> String {
    guard !path.hasPrefix("/"), let start = checkpoint.startFolder,
      start != FileManager.default.currentDirectoryPath,
      FileManager.default.fileExists(atPath: "\(start)/\(path)")
    else { return path }
    return "\(start)/\(path)"
  }

  /// The embeddings [photos.count, dimension] of `photos` of `source`, on the first rank, and the
  /// bad ones that any rank has met. Throws `DatasetError.tooManyBadPhotos` where more than
  /// `badLimit` (0.01 is 1 %) are, and what `onWait` throws, which is called while workers work.
  package func embeddings(
    of photos: [Int], in source: any PhotoSource, preprocessing: Preprocessing, flip: Bool,
    changes: AugmentationDraw = AugmentationDraw(), badLimit: Double,
    onWait: () throws -> Void = {}
  ) throws -> (embeddings: Embeddings?, bad: [BadPhoto]) {
    let ledger = BadPhotoLedger()
    let embeddings = try embedder.embed(
      photos, of: source, preprocessing: preprocessing, parameters: weights.state.parameters,
      statistics: weights.state.statistics, flip: flip, ledger: ledger, changes: changes,
      onWait: onWait)
    for entries in try session.communicator.allGather(value: ledger.entries) {
      ledger.merge(entries)
    }
    for entry in ledger.entries { session.console.warn("bad photo: \(entry.line)") }
    for note in preprocessing.landmarks?.notes ?? [] { session.console.warn(note) }
    try ledger.check(total: photos.count, limit: badLimit)
    return (embeddings, ledger.entries)
  }
}
