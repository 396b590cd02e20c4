internal import Assembly
internal import Checkpoints
package import Collectives
package import Configuration
internal import Datasets
internal import Determinism
internal import Engine
internal import Evaluation
private import Foundation
internal import Interchange
internal import Kernels
internal import Losses
internal import Networks
internal import RunFolders
internal import Scoring
package import Sessions

/// A training run from its configuration to its ending: what `ddp-train train` does.
package enum TrainingJob {
  /// Trains; returns how the run ended. Throws what is wrong in one line.
  ///
  /// `faults` go wrong on purpose, for tests.
  package static func run(
    _ requested: RunConfiguration, over communicator: any Communicator,
    injecting faults: [InjectedFault] = []
  ) throws -> Trainer.Ending {
    let session = try Session.start(
      communicator: communicator, threads: requested.threads, quiet: requested.quiet)
    return try run(
      requested, in: session, hooks: InjectedFault.hooks(faults, rank: communicator.rank))
  }

  /// Trains in `session`, as `run(_:over:)` does; `hooks` stop the run and look on.
  package static func run(
    _ requested: RunConfiguration, in session: Session, hooks: RunHooks = RunHooks()
  ) throws -> Trainer.Ending {
    launch(in: session)
    let console = session.console
    let claim = try RunFolderClaim.take(requested, communicator: session.communicator)
    defer { claim.release() }
    let folder = claim.folder
    session.communicator.progress.watch(
      limits: requested.watchLimits, failureFile: requested.dryRun ? nil : folder.failure)
    let checkpoint = try Start.checkpoint(for: requested, in: folder, session: session)
    let data = try openData(requested, in: session)
    let plan = try TrainingPlan(requested, session: session, data: data, folder: folder)
    let bench = try Workbench(plan, hooks: hooks)
    describe(bench)
    if requested.dryRun { return .finished }
    let old = try OldNetwork.open(plan, label: bench.reader.loader.label)
    let start = try Start(of: plan, resuming: checkpoint, old: old)
    if plan.isFirst {
      try folder.create()
      try TextFile.write(requested.yamlText(), to: folder.configuration)
    }
    let standing = try start.load(into: bench)
    console.say("run folder: \(folder.path)")
    if standing.progress.step > 0 { console.receipt("resumed: step \(standing.progress.step)") }
    let trainer = try Trainer(
      bench, at: standing, old: old, checkOwner: claim.checkOwner, hooks: hooks)
    guard try trainer.run() == .finished else { return .interrupted }
    console.say("report: \(folder.report)")
    return .finished
  }

  /// Says who runs where, and makes signals, watch and crash line ready.
  private static func launch(in session: Session) {
    let (communicator, console) = (session.communicator, session.console)
    for line in session.machine { console.say(line) }
    // From here on a signal is kept in mind until the first step.
    StopSignals.install()
    if let note = communicator.watchNote { console.warn(note) }
    CrashLine.install(
      speaker: "rank \(communicator.rank) on \(communicator.hostName)", communicator.progress)
    if communicator.size > 1 {
      for line in session.map.lines { console.say(line) }
    }
    console.note("program: ddp-train \(Version.current), \(WorldCheck.program)")
    console.note("ranks: \(session.map.json)")
  }

  /// The data of the run, the same on all ranks; throws `WorldCheck.Failure` where they differ.
  private static func openData(
    _ requested: RunConfiguration, in session: Session
  ) throws -> TrainingData {
    let data = try TrainingData.open(
      requested, communicator: session.communicator, pool: session.pool)
    for line in describe(data) { session.console.say(line) }
    try WorldCheck.run(
      configuration: requested.commonText,
      dataFingerprint: data.fingerprint, sampleFingerprint: { data.sampleFingerprint() },
      pixels: JPEGProbe.hash, communicator: session.communicator)
    return data
  }

  private static func describe(_ data: TrainingData) -> [String] {
    var lines = ["data: \(data.name): \(data.divided.summary)"]
    lines += data.divided.absentNames.prefix(5).map { "no folder for \($0)" }
    return lines
  }

  /// The plan of the run: model, memory, work of each worker; the table in a dry run.
  private static func describe(_ bench: Workbench) {
    let plan = bench.plan
    let (network, configuration, console) = (plan.factory.network, plan.configuration, plan.console)
    if configuration.dryRun {
      for line in ModelTable.lines(network) { console.say(line) }
    }
    let memory = bench.memoryBytes
    let workers = plan.communicator.size * plan.session.threads
    let microbatches = plan.microbatches(of: configuration.batch).count
    console.say(
      "model: \(network.name), \(network.parameterCount) parameters, "
        + "\(network.multiplyAdds / 1_000_000) M multiply-adds an image; "
        + (plan.factory.objective.head.map { "head: \($0.classes) classes x \($0.dimension)" }
          ?? "no head"))
    for line in bench.batches.lines { console.say(line) }
    if configuration.reduction.isLossy {
      console.warn(
        "--reduce \(configuration.reduction.rawValue) rounds what ranks send each other: the weights "
          + "depend on the number of ranks, and a resumed run is not the undisturbed one bit for bit; "
          + "that all ranks hold the same weights is still checked in every step")
    }
    console.say(
      "memory: \(memory.rank >> 20) MiB a rank + \(memory.worker >> 20) MiB a thread")
    console.say(
      "steps: \(plan.totalSteps) of \(configuration.batch) samples "
        + "(\(plan.stepsPerEpoch) an epoch), \(microbatches) microbatches over "
        + "\(workers) worker\(workers == 1 ? "" : "s"): at most "
        + "\((microbatches + workers - 1) / workers) each")
    if workers > microbatches {
      console.warn(
        "\(workers) workers for \(microbatches) microbatches: \(workers - microbatches) stay idle; "
          + "use fewer ranks or threads, a larger --batch or a smaller --microbatch")
    }
  }
}
