internal import Assembly
internal import CheckpointParts
package import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
internal import Inputs
internal import Losses
internal import Networks
internal import Planning
internal import Resumption
package import Sessions

/// From where a run begins. The first rank alone knows: the others say `fresh` and are told.
package enum Start {
  /// From random weights, or from those of another run's network.
  case fresh(weights: Checkpoint?)
  /// From where the checkpoint stands.
  case resumed(Checkpoint)

  /// The start of `plan`: from `checkpoint`, or with the weights that its configuration names.
  /// `old` is the network that the run is made compatible with. Throws where they do not go
  /// together.
  init(of plan: TrainingPlan, resuming checkpoint: Checkpoint?, old: OldNetwork?) throws {
    if let checkpoint {
      try Self.check(checkpoint, against: plan, old: old)
      self = .resumed(checkpoint)
    } else if plan.isFirst, let path = plan.configuration.initialWeights {
      self = .fresh(weights: try Self.weights(path, for: plan))
    } else {
      self = .fresh(weights: nil)
    }
  }

  /// Throws `ResumeError.otherData` where `data` are not those of the run that wrote `checkpoint`:
  /// before a plan is made of them, which has other things against other photos.
  static func requirePhotos(of checkpoint: Checkpoint, in data: TrainingData) throws {
    guard checkpoint.dataFingerprint == Hash64.text(data.fingerprint) else {
      throw ResumeError.otherData(path: checkpoint.path, data: data.name)
    }
  }

  private static func check(
    _ checkpoint: Checkpoint, against plan: TrainingPlan, old: OldNetwork?
  ) throws {
    let mayDiffer = plan.changes.contains {
      $0.step == checkpoint.progress.step && $0.name == "data"
    }
    if let sample = plan.dataSample, let written = checkpoint.dataSample, !mayDiffer,
      !sample.agrees(with: written)
    {
      throw ResumeError.otherBytes(path: checkpoint.path, data: plan.data.name)
    }
    guard checkpoint.oldNetwork == old.map({ Hash64.text($0.hash) }) else {
      throw ResumeError.otherOldNetwork(
        path: checkpoint.path, old: plan.configuration.compatibleWith ?? "none")
    }
    // Of other photos it says something else.
    guard mayDiffer || checkpoint.teacher == plan.teacher.map({ Hash64.text($0.hash) }) else {
      throw ResumeError.otherTeacher(
        path: checkpoint.path, teacher: plan.configuration.teacher ?? "none")
    }
    let pixels = Hash64.text(JPEGProbe.hash)
    if let written = checkpoint.pixels, written != pixels {
      plan.console.warn(
        "the libjpeg of this host decodes a photo to other pixels than that of the run so far did "
          + "(\(pixels), not \(written)): the weights will be others than if it had never stopped")
    }
    guard checkpoint.progress.step <= plan.totalSteps else {
      throw ResumeError.furtherOn(
        path: checkpoint.path, step: checkpoint.progress.step, wanted: plan.totalSteps)
    }
  }

  /// Opens the checkpoint that `path` means, for the first weights. Throws
  /// `TrainingFailure.otherNetwork`, `.severalCentres`, `.knowsNobody` and what is wrong with it.
  private static func weights(_ path: String, for plan: TrainingPlan) throws -> Checkpoint {
    let takesHead = plan.configuration.headStart == .trained
    let (checkpoint, refused) = try CheckpointStore.open(path, needsHead: takesHead)
    for reason in refused { plan.console.warn("refused: \(reason)") }
    let written = try checkpoint.configuration
    let own = plan.factory.network.embeddingCount
    let embedding = written.makeNetwork().embeddingCount
    let options: [ConfigurationOption] = [
      .of(\.model), .of(\.normalize), .of(\.width), .of(\.batchNorm), .of(\.pooling),
    ]
    var differences = options.compactMap { option in
      let (then, now) = (option.text(written), option.text(plan.configuration))
      return then == now ? nil : "\(option.name) was \(then ?? "none"), is \(now ?? "none")"
    }
    if embedding != own { differences.append("embedding was \(embedding), is \(own)") }
    guard differences.isEmpty else {
      throw TrainingFailure.otherNetwork(path: checkpoint.path, differences: differences)
    }
    if takesHead {
      guard written.subCentres == 1 else {
        throw TrainingFailure.severalCentres(path: checkpoint.path, centres: written.subCentres)
      }
      let classes = plan.data.trainedPeople.classes(in: try checkpoint.trainedPeople())
      guard written.loss.traits.hasClassWeights, classes.contains(where: { $0 >= 0 }) else {
        throw TrainingFailure.knowsNobody(path: checkpoint.path, data: plan.data.name)
      }
    }
    return checkpoint
  }

  /// Fills the engine of `bench` on every rank; a collective. Returns where the run stands then.
  package func load(into bench: Workbench, work: LongWork? = nil) throws -> Standing {
    let plan = bench.plan
    var standing = Standing()
    if case .resumed(let checkpoint) = self {
      standing.offline = try LongWork.run(in: work, "loading the checkpoint") { _ in
        try bench.load(checkpoint)
        standing.earlier = try checkpoint.trainedPeople()?.earlier ?? EarlierPeople()
        return try checkpoint.offlineTriplets()
      }
      checkpoint.releaseBytes()
      standing.progress = checkpoint.progress
      standing.path = checkpoint.path
    }
    let progress = try plan.communicator.share(
      standing.path == nil ? nil : standing.progress, from: 0)
    guard let progress else {
      bench.initialize()
      try loadFirstWeights(into: bench, work: work)
      if case .fresh(let weights?) = self { standing.earlier = try weights.peopleSoFar() }
      standing.progress.gridExponent = plan.gridExponent
      return standing
    }
    standing.progress = progress
    let written = standing.progress.gridExponent
    let movesGrid: Set = ["batch", "microbatch", "gradient-grid"]
    let mayDiffer = plan.changes.contains {
      $0.step == progress.step && movesGrid.contains($0.name)
    }
    guard written == plan.gridExponent || mayDiffer else {
      throw ResumeError.otherMathematics(
        path: "the checkpoint",
        keys: ["gradient-grid was \(written), is \(plan.gridExponent)"])
    }
    standing.progress.gridExponent = plan.gridExponent
    standing.forgetBestOfOtherPairs(plan)
    try bench.share(withVectors: true)
    try bench.loadHead(of: standing.path)
    standing.offline = try plan.communicator.share(standing.offline?.text, from: 0)
      .map(OfflineTriplets.init(text:))
    return standing
  }

  private func loadFirstWeights(into bench: Workbench, work: LongWork?) throws {
    guard bench.plan.configuration.initialWeights != nil else { return }
    var weights: Checkpoint?
    if case .fresh(let checkpoint?) = self {
      weights = checkpoint
      try bench.loadNetwork(of: checkpoint)
      bench.plan.console.say(
        "first weights: \(checkpoint.path), step \(checkpoint.progress.step), weights "
          + (checkpoint.head.lacksParts
            ? Hash64.text(try checkpoint.fileHash()) + " of its network alone"
            : Hash64.text(try checkpoint.weightsHash())))
    }
    try bench.share(withVectors: false)
    try bench.startHead(from: weights, in: work)
  }
}

/// Where a run stands between two steps, beside its tensors.
package struct Standing {
  /// Steps, figures and counters.
  package var progress = TrainingProgress()
  /// The hard triplets in use, where mining is offline.
  var offline: OfflineTriplets?
  /// Path of the checkpoint that the run goes on from; rank 0 alone knows it.
  var path: String?
  /// Whom the first weights were trained on; rank 0 alone knows them.
  var earlier = EarlierPeople()

  /// The best figure belongs to the photos and pairs that it was measured on: on others it is
  /// looked for anew.
  mutating func forgetBestOfOtherPairs(_ plan: TrainingPlan) {
    guard let best = progress.best, let set = progress.bestSet, let own = plan.decidingSet,
      set != own
    else { return }
    plan.console.warn(
      "the best figure so far, \(Console.fixed(best, 4)) after step \(progress.bestStep ?? 0), was "
        + "measured on other pairs or with another --flip-test: the best is looked for anew")
    progress.best = nil
    progress.bestStep = nil
    progress.bestSet = nil
    progress.evaluationsSinceBest = 0
  }
}
