private import Collectives
private import Datasets
private import Determinism
private import Evaluation
private import Foundation
private import Interchange
private import Kernels
private import Losses
private import Networks

/// A checkpoint made ready to embed photos, on all ranks.
final class CheckpointEvaluation {
  private let session: Session
  private let checkpoint: Checkpoint
  private let configuration: RunConfiguration
  private let factory: ModelFactory
  private let state: ModelState
  private let memories: [AlignedMemory.Box]
  private let embedder: Embedder

  /// Opens the checkpoint that `path` means: rank 0 chooses it, every rank reads it. Throws what is
  /// wrong with it, and `WorldCheck.Failure` where ranks read different files.
  init(path: String, session: Session) throws {
    self.session = session
    var chosen = path
    if session.communicator.rank == 0 {
      let (checkpoint, refused) = try CheckpointStore.open(path)
      for reason in refused { session.console.warn("refused: \(reason)") }
      chosen = checkpoint.path
    }
    let agreed = try session.communicator.broadcast(Array(chosen.utf8), from: 0)
    checkpoint = try Checkpoint(path: String(decoding: agreed, as: UTF8.self))
    configuration = try RunConfiguration.parse(
      yaml: checkpoint.configurationText, path: checkpoint.path, modelNames: Models.names)
    factory = ModelFactory(configuration, classCount: checkpoint.classCount)
    state = factory.makeState(optimizerVectorCount: 0)
    try checkpoint.load(into: state, optimizerNames: [])
    let count = factory.network.inferenceCount
    memories = (0..<session.threads).map { _ in AlignedMemory.Box(count: count) }
    embedder = Embedder(
      network: factory.network, pool: session.pool, communicator: session.communicator,
      memories: memories.map(\.pointer))
    for warning in try WorldCheck.run(
      configuration: checkpoint.file.metadata["integrity"] ?? "", dataFingerprint: 0,
      communicator: session.communicator)
    {
      session.console.warn(warning)
    }
    session.console.say("checkpoint: \(checkpoint.path), step \(checkpoint.progress.step)")
  }

  private func configuration(
    data: DataSource, split: DataSplit?, splitSeed: UInt64?, minPhotos: Int?, landmarks: String?
  ) -> RunConfiguration {
    var own = configuration
    own.data = data
    if let split { own.split = split }
    if let splitSeed { own.splitSeed = splitSeed }
    if let minPhotos { own.minPhotos = minPhotos }
    if let landmarks { own.landmarks = landmarks }
    return own
  }

  func run(_ request: EvaluateRequest) throws {
    let own = configuration(
      data: request.data ?? configuration.data, split: request.split,
      splitSeed: request.splitSeed, minPhotos: request.minPhotos, landmarks: request.landmarks)
    let opened = try OpenedPhotos(
      own.data, seed: own.seed, communicator: session.communicator, pool: session.pool)
    let preprocessing = try Preprocessing(own, index: opened.index)
    let plan = try plan(request, own, opened, preprocessing)
    for note in plan.notes { session.console.say(note) }
    _ = try WorldCheck.run(
      configuration: "\(plan.photos)", dataFingerprint: 0, communicator: session.communicator)
    let start = Clock.seconds
    let ledger = BadPhotoLedger()
    let embeddings = try embedder.embed(
      plan.photos, of: opened.source, preprocessing: preprocessing, parameters: state.parameters,
      statistics: state.statistics, flip: request.flipTest ?? configuration.flipTest,
      ledger: ledger)
    try report(ledger, of: plan.photos.count)
    guard session.communicator.rank == 0 else { return }
    let result = plan.score(embeddings, classWeights: try checkpoint.classWeights())
    for rule in result.rules { session.console.say(rule) }
    for line in result.lines { session.console.receipt(line) }
    for warning in result.warnings { session.console.warn(warning) }
    session.console.say(
      "evaluated \(plan.photos.count) photos in \(Console.fixed(Clock.seconds - start, 1)) s")
  }

  /// What to measure: the pairs or the split that was asked for; else what the run itself held out,
  /// where this is its data; else all photos.
  private func plan(
    _ request: EvaluateRequest, _ own: RunConfiguration, _ opened: OpenedPhotos,
    _ preprocessing: Preprocessing
  ) throws -> EvaluationPlan {
    let index = opened.index
    let known = try checkpoint.trainedPeople()
    func isTrained(_ person: Int) -> Bool { known?.hasTrained(index.people[person]) ?? false }
    func classOf(_ person: Int) -> Int { known?.classOf(index.people[person]) ?? -1 }
    if known == nil {
      session.console.warn(
        "the checkpoint does not name its people: overlaps are not known, and no closed set")
    }
    if let pairs = request.pairs {
      return try EvaluationPlan(index, pairsFile: pairs, isTrained: isTrained)
    }
    let divided = try? own.split.divide(
      index, seed: own.splitSeed, minPhotos: own.minPhotos, folder: opened.name)
    let isOwnData =
      request.split == nil
      && divided.map {
        Hash64.text(TrainingData.fingerprint(of: index, $0, preprocessing))
      } == checkpoint.dataFingerprint
    if isOwnData, let pairs = configuration.pairs {
      return try EvaluationPlan(index, pairsFile: pairs, isTrained: isTrained)
    }
    var photos = Array(index.photos.indices)
    var isClosedSet = false
    if isOwnData || (request.split != nil && own.split != .all) {
      let parts = try own.split.divide(
        index, seed: own.splitSeed, minPhotos: own.minPhotos, folder: opened.name)
      photos = parts.heldOut
      isClosedSet = parts.isClosedSet && known != nil
      session.console.say("data: \(opened.name): \(parts.summary)")
    } else {
      session.console.say(
        "data: \(opened.name): all \(photos.count) photos of \(index.people.count) people")
    }
    guard !photos.isEmpty else { throw EvaluationFailure.nothingToMeasure }
    return EvaluationPlan(
      index, photos: photos, seed: own.splitSeed, classOf: isClosedSet ? classOf : nil,
      isTrained: isTrained)
  }

  func embed(_ request: EmbedRequest) throws {
    let own = configuration(
      data: request.data, split: nil, splitSeed: nil, minPhotos: nil,
      landmarks: request.landmarks)
    let opened = try OpenedPhotos(
      own.data, seed: own.seed, communicator: session.communicator, pool: session.pool)
    let preprocessing = try Preprocessing(own, index: opened.index)
    let ledger = BadPhotoLedger()
    let embeddings = try embedder.embed(
      Array(opened.index.photos.indices), of: opened.source, preprocessing: preprocessing,
      parameters: state.parameters, statistics: state.statistics,
      flip: request.flipTest ?? configuration.flipTest, ledger: ledger)
    try report(ledger, of: opened.index.photos.count)
    guard session.communicator.rank == 0 else { return }
    try NumPyFile.write(
      embeddings.values, shape: [opened.index.photos.count, factory.network.embeddingCount],
      to: request.out)
    let names = opened.index.photos.map { $0.path + "\n" }.joined()
    do {
      try Data(names.utf8).write(to: URL(fileURLWithPath: request.namesPath), options: .atomic)
    } catch {
      throw RunFolderError.unwritable(path: request.namesPath, code: errno)
    }
    session.console.say(
      "\(opened.index.photos.count) embeddings of \(factory.network.embeddingCount) in "
        + "\(request.out), names in \(request.namesPath)")
  }

  /// Names the bad photos that any rank has met; throws `DatasetError.tooManyBadPhotos` above the
  /// checkpoint's own `max-bad`.
  private func report(_ ledger: BadPhotoLedger, of total: Int) throws {
    let own = try JSONEncoder().encode(ledger.entries)
    for bytes in try session.communicator.allGather(Array(own)) {
      ledger.merge(try JSONDecoder().decode([BadPhoto].self, from: Data(bytes)))
    }
    for entry in ledger.entries { session.console.warn("bad photo: \(entry.line)") }
    try ledger.check(total: total, limit: configuration.maxBad)
  }
}

/// What makes an evaluation impossible.
enum EvaluationFailure: Error, CustomStringConvertible {
  case nothingToMeasure
  case namesAndRows(names: Int, rows: Int)
  case notTwoDimensional(path: String, shape: [Int])
  case noPairs

  var description: String {
    switch self {
    case .nothingToMeasure:
      "nothing is held out; give --pairs FILE, or a --split that holds photos out"
    case .namesAndRows(let names, let rows):
      "\(names) names for \(rows) embeddings; --names has one line for each row of --embeddings"
    case .notTwoDimensional(let path, let shape):
      "\(path) has shape \(shape); embeddings are [photos, dimension]"
    case .noPairs: "--embeddings needs --pairs FILE"
    }
  }
}

/// Embeddings that some program has stored, with their names.
struct StoredEmbeddings {
  private let embeddings: Embeddings
  private let names: [String]

  /// Reads `FILE.npy` [photos, dimension] and the names, one a line; throws what is wrong.
  init(file: String, names namesPath: String) throws {
    let contents = try NumPyFile.read(file)
    guard contents.shape.count == 2 else {
      throw EvaluationFailure.notTwoDimensional(path: file, shape: contents.shape)
    }
    guard let bytes = FileManager.default.contents(atPath: namesPath) else {
      throw DatasetError.unreadable(path: namesPath, reason: "no such file, or no permission")
    }
    names = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).map(
      String.init)
    guard names.count == contents.shape[0] else {
      throw EvaluationFailure.namesAndRows(names: names.count, rows: contents.shape[0])
    }
    embeddings = Embeddings(contents.values, dimension: contents.shape[1])
  }

  /// Scores the pairs of the file and prints the figures.
  func evaluate(pairs: String?) throws {
    guard let pairs else { throw EvaluationFailure.noPairs }
    guard let bytes = FileManager.default.contents(atPath: pairs) else {
      throw DatasetError.unreadable(path: pairs, reason: "no such file, or no permission")
    }
    BLASRuntime.configureSingleThread()
    let file = try PairsFile(parsing: String(decoding: bytes, as: UTF8.self), file: pairs)
    let resolved = file.resolved(against: names)
    guard !resolved.pairs.isEmpty else {
      throw DatasetError.badOption(
        name: "--pairs", text: pairs, reason: "none of its photos is in --names")
    }
    for skipped in resolved.skipped.prefix(20) { print("skipped: \(skipped)") }
    let result = EvaluationResult(embeddings: embeddings, pairs: resolved)
    for rule in result.rules { print(rule) }
    for line in result.lines { print(line) }
  }
}
