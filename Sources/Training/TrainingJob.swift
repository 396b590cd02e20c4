internal import Engine
internal import Checkpoints
package import Configuration
internal import RunFolders
internal import Scoring
package import Sessions
package import Collectives
internal import Datasets
internal import Determinism
internal import Evaluation
private import Foundation
internal import Interchange
internal import Kernels
internal import Losses
internal import Networks

/// A training run from its configuration to its ending: what `ddp-train train` does.
package enum TrainingJob {
  /// Trains; returns how the run ended. Throws what is wrong in one line.
  ///
  /// `faults` go wrong on purpose, for tests.
  package static func run(
    _ requested: RunConfiguration, over communicator: any Communicator,
    injecting faults: [InjectedFault] = []
  ) throws -> Trainer.Ending {
    let session = try Session(
      communicator: communicator, threads: requested.threads, quiet: requested.quiet)
    return try run(requested, in: session) { trainer in
      InjectedFault.plant(faults, in: trainer, rank: communicator.rank)
    }
  }

  /// Trains in `session`, as `run(_:over:)` does; `prepare` is lent the trainer before its first
  /// step.
  package static func run(
    _ requested: RunConfiguration, in session: Session,
    prepare: (Trainer) throws -> Void = { _ in }
  ) throws -> Trainer.Ending {
    let communicator = session.communicator
    let console = session.console
    for line in session.machine { console.say(line) }
    // From here on a signal is kept in mind until the first step.
    StopSignals.install()
    communicator.progress.watch(limits: requested.watchLimits)
    if let note = communicator.watchNote { console.warn(note) }
    CrashLine.install(
      speaker: "rank \(communicator.rank) on \(communicator.hostName)", communicator.progress)
    if communicator.size > 1 {
      for line in session.map.lines { console.say(line) }
    }
    console.note("ranks: \(session.map.json)")
    let claim = try RunFolderClaim(requested, communicator: communicator)
    defer { claim.release() }
    let folder = claim.folder
    communicator.progress.watch(
      limits: requested.watchLimits, failureFile: requested.dryRun ? nil : folder.failure)
    let checkpoint = try checkpoint(for: requested, in: folder, session: session)
    let data = try TrainingData(requested, communicator: communicator, pool: session.pool)
    for line in describe(data) { console.say(line) }
    let trainer = try Trainer(requested, session: session, data: data, folder: folder)
    trainer.checkOwner = claim.checkOwner
    describe(trainer, console)
    if requested.dryRun { return .finished }
    try trainer.loadOldEmbeddings()
    if communicator.rank == 0 {
      if let checkpoint {
        try check(checkpoint, against: requested, data: data)
        guard
          checkpoint.file.metadata[Checkpoint.oldNetworkKey]
            == trainer.oldNetworkHash.map({ Hash64.text($0) })
        else {
          throw CheckpointError.otherOldNetwork(
            path: checkpoint.path, old: requested.compatibleWith ?? "none")
        }
        guard checkpoint.progress.step <= trainer.totalSteps else {
          throw CheckpointError.furtherOn(
            path: checkpoint.path, step: checkpoint.progress.step, wanted: trainer.totalSteps)
        }
      }
      if checkpoint == nil, let path = requested.initialWeights {
        try trainer.openInitialWeights(path)
      }
      try folder.create()
      try TextFile.write(requested.yamlText(), to: folder.configuration)
    }
    try trainer.start(from: checkpoint)
    console.say("run folder: \(folder.path)")
    if trainer.progress.step > 0 { console.receipt("resumed: step \(trainer.progress.step)") }
    try prepare(trainer)
    guard try trainer.run() == .finished else { return .interrupted }
    console.say("report: \(folder.report)")
    return .finished
  }

  /// The checkpoint to go on from, on rank 0; nil on the others, and for a fresh start.
  private static func checkpoint(
    for configuration: RunConfiguration, in folder: RunFolder, session: Session
  ) throws -> Checkpoint? {
    guard session.communicator.rank == 0 else { return nil }
    var isFolder: ObjCBool = false
    switch configuration.resume {
    case .none:
      if folder.holdsRun && !configuration.dryRun {
        throw CheckpointError.runExists(folder: folder.path)
      }
      return nil
    case .auto:
      let found = CheckpointStore.newestGood(in: folder.checkpoints)
      for reason in found.refused { session.console.warn("refused: \(reason)") }
      if found.checkpoint == nil && !found.refused.isEmpty {
        throw CheckpointError.nothingGood(folder: folder.checkpoints, reasons: found.refused)
      }
      return found.checkpoint
    case .path(let path):
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw CheckpointError.missing(path: path)
      }
      let found = try CheckpointStore.open(path)
      for reason in found.refused { session.console.warn("refused: \(reason)") }
      if folder.holdsRun && !configuration.dryRun {
        // Going on from an earlier step, or from another run, would mix two courses in one folder.
        let newest = CheckpointStore.steps(in: folder.checkpoints).last
        guard newest == found.checkpoint.progress.step,
          CheckpointStore.isSameFile(
            found.checkpoint.path, folder.checkpoints + "/" + CheckpointStore.name(step: newest!))
        else { throw CheckpointError.runExists(folder: folder.path) }
      }
      return found.checkpoint
    }
  }

  private static func check(
    _ checkpoint: Checkpoint, against configuration: RunConfiguration, data: TrainingData
  ) throws {
    let written = try RunConfiguration.parse(
      yaml: checkpoint.configurationText, path: checkpoint.path, modelNames: Models.names)
    let differences = configuration.mathematicsDifferences(from: written)
    guard differences.isEmpty else {
      throw CheckpointError.otherMathematics(path: checkpoint.path, keys: differences)
    }
    guard checkpoint.dataFingerprint == Hash64.text(data.fingerprint) else {
      throw CheckpointError.otherData(path: checkpoint.path, data: data.name)
    }
  }

  private static func describe(_ data: TrainingData) -> [String] {
    var lines = ["data: \(data.name): \(data.divided.summary)"]
    lines += data.divided.absentNames.prefix(5).map { "no folder for \($0)" }
    return lines
  }

  /// The plan of the run: model, memory, work of each worker; the table in a dry run.
  private static func describe(_ trainer: Trainer, _ console: Console) {
    let network = trainer.engine.network
    let configuration = trainer.configuration
    if configuration.dryRun {
      for line in ModelTable.lines(network) { console.say(line) }
    }
    let memory = trainer.memoryBytes
    let workers = trainer.session.communicator.size * trainer.session.threads
    let microbatches = Microbatches.cut(
      configuration.batch, microbatch: configuration.microbatch
    ).count
    console.say(
      "model: \(network.name), \(network.parameterCount) parameters, "
        + "\(network.multiplyAdds / 1_000_000) M multiply-adds an image; "
        + (trainer.engine.objective.head.map { "head: \($0.classes) classes x \($0.dimension)" }
          ?? "no head"))
    for line in trainer.tripletLines { console.say(line) }
    if configuration.reduction.isLossy {
      console.warn(
        "--reduce \(configuration.reduction.rawValue) rounds what ranks send each other: the weights "
          + "depend on the number of ranks, and a resumed run is not the undisturbed one bit for bit; "
          + "that all ranks hold the same weights is still checked in every step")
    }
    console.say(
      "memory: \(memory.rank >> 20) MiB a rank + \(memory.worker >> 20) MiB a thread")
    console.say(
      "steps: \(trainer.totalSteps) of \(configuration.batch) samples "
        + "(\(trainer.stepsPerEpoch) an epoch), \(microbatches) microbatches over "
        + "\(workers) worker\(workers == 1 ? "" : "s"): at most "
        + "\((microbatches + workers - 1) / workers) each")
    if workers > microbatches {
      console.warn(
        "\(workers) workers for \(microbatches) microbatches: \(workers - microbatches) stay idle; "
          + "use fewer ranks or threads, a larger --batch or a smaller --microbatch")
    }
  }
}
