internal import Assembly
internal import CheckpointParts
internal import Checkpoints
package import Collectives
package import Configuration
internal import Datasets
internal import Determinism
internal import Division
internal import Engine
internal import Evaluation
package import Faults
private import Foundation
internal import Inputs
internal import Interchange
internal import Kernels
internal import Losses
internal import Networks
internal import Planning
internal import Resumption
internal import RunFolders
package import Sessions
internal import Threads

/// A training run from its configuration to its ending: what `ddp-train train` does.
package enum TrainingJob {
  /// Trains; returns how the run ended. Throws what is wrong in one line.
  ///
  /// `faults` go wrong on purpose, for tests. Where the run was told to end before its first step
  /// and a wait cannot hear it, the process ends with `moreToDo`.
  package static func run(
    _ request: RunRequest, over communicator: any Communicator,
    injecting faults: [InjectedFault] = [], moreToDo: Int32
  ) throws -> Trainer.Ending {
    let hooks = RunHooks(faults, rank: communicator.rank)
    StartGuard.arm(communicator.progress, stop: hooks.stop, rank: communicator.rank, moreToDo)
    let session = try Session.start(
      communicator: communicator, threads: request.configuration.threads,
      quiet: request.configuration.quiet)
    return try run(request, in: session, hooks: hooks)
  }

  /// Trains all that `configuration` says in `session`.
  package static func run(
    _ configuration: RunConfiguration, in session: Session, hooks: RunHooks = RunHooks()
  ) throws -> Trainer.Ending {
    try run(RunRequest(configuration), in: session, hooks: hooks)
  }

  /// Trains in `session`, as `run(_:over:)` does; `hooks` stop the run and look on.
  package static func run(
    _ request: RunRequest, in session: Session, hooks: RunHooks = RunHooks()
  ) throws -> Trainer.Ending {
    launch(in: session)
    let communicator = session.communicator
    let stop = hooks.stop
    let work = LongWork(console: session.console, progress: communicator.progress, stop: stop)
    var begun: (trainer: Trainer, claim: RunFolderClaim)?
    // Until this rank has left: by then its heartbeat has told the others, who may be at work.
    let isLeft = try communicator.progress.askingEnd({ stop.wantsEnd }) {
      do {
        begun = try communicator.whileWaiting(work.waitSayer()) {
          try begin(request, in: session, hooks: hooks, work: work)
        }
        return false
      } catch is Interruption {
        try leave(session)
      } catch CollectiveError.disagreement(let operations)
        where work.isStopped || operations.contains(.agreement)
      {
        try leave(session)
      }
      return true
    }
    if isLeft { return .interrupted }
    guard let begun else { return .finished }
    defer { begun.claim.release() }
    guard try begun.trainer.run() == .finished else { return .interrupted }
    if !begun.trainer.recorder.lacksReport {
      session.console.say("report: \(begun.claim.folder.report)")
    }
    return .finished
  }

  /// Leaves before the first step, together: peers learn of it by meeting another operation.
  private static func leave(_ session: Session) throws {
    try Trainer.agreeOnEnd(session.communicator)
    session.console.receipt("interrupted: step 0 of this start; nothing is lost")
  }

  /// All that comes before the first step; nil for a dry run. Throws `Interruption` where the run
  /// is to end.
  private static func begin(
    _ request: RunRequest, in session: Session, hooks: RunHooks, work: LongWork
  ) throws -> (trainer: Trainer, claim: RunFolderClaim)? {
    let claim = try RunFolderClaim.take(request.configuration, communicator: session.communicator) {
      try work.look("waiting for an earlier start of this job to end", since: $0)
    }
    var isKept = false
    defer { if !isKept { claim.release() } }
    let (console, folder) = (session.console, claim.folder)
    session.communicator.progress.watch(
      limits: request.configuration.watchLimits,
      failureFile: request.configuration.dryRun ? nil : folder.failure)
    let (origin, checkpoint) = try RunOrigin.find(
      request, in: folder, session: session, work: work)
    let resolved = try origin?.resolve(request)
    let configuration = try resolved?.configuration ?? request.beginning()
    origin?.warnOfPlaces(configuration, request, console: console)
    if session.communicator.rank == 0 { try checkFiles(of: configuration, request, in: folder) }
    session.communicator.progress.watch(
      limits: configuration.watchLimits,
      failureFile: configuration.dryRun ? nil : folder.failure)
    let (data, sample) = try openData(configuration, in: session, work: work)
    if let checkpoint { try Start.requirePhotos(of: checkpoint, in: data) }
    let changes = (resolved?.changes ?? []) + (origin?.changedBytes(sample, request) ?? [])
    let head = try HeadChoice.agree(
      configuration, classes: data.divided.classCount, session: session)
    let teacher = try Teaching.open(configuration, data, in: session, work: work)
    let plan = try work.run("reading what is measured", unit: "MiB") { meter in
      try TrainingPlan(
        configuration, session: session, data: data, folder: folder.path, dataSample: sample,
        changes: changes, dividesHead: head.isDivided, teacher: teacher, meter: meter)
    }
    if let resolved, let origin, let step = origin.step {
      try origin.requireStepsLeft(
        for: changes, of: request, in: configuration, totalSteps: plan.totalSteps,
        decidingSet: plan.decidingSet)
      say(changes, since: step, RateChange(plan: plan, step: step, own: resolved.own), console)
    }
    try describe(plan, head)
    try MemoryCheck.run(
      neededBytes: plan.neededBytes, takenBytes: plan.teacherBytes, in: session,
      willBeTaken: !configuration.dryRun)
    if configuration.dryRun {
      if plan.isFirst { _ = try Start(of: plan, resuming: checkpoint, old: OldNetwork.look(plan)) }
      return nil
    }
    let bench = try work.run("preparing memory") { _ in try Workbench(plan, hooks: hooks) }
    let old = try OldNetwork.open(plan, label: bench.reader.loader.label, work: work)
    let start = try work.run("reading the first weights") { _ in
      try Start(of: plan, resuming: checkpoint, old: old)
    }
    if plan.isFirst { try folder.create() }
    let standing = try start.load(into: bench, work: work)
    console.say("run folder: \(folder.path)")
    if standing.progress.step > 0 { console.receipt("resumed: step \(standing.progress.step)") }
    let trainer = try work.run("reading metrics.jsonl", unit: "MiB") {
      try Trainer(
        bench, at: standing, old: old, checkOwner: claim.checkOwner, hooks: hooks, meter: $0)
    }
    // Last, so that a run that was left before holds nothing that looks like one.
    if plan.isFirst { try write(configuration, changes, to: folder) }
    isKept = true
    return (trainer, claim)
  }

  /// Throws `CommandFiles.Conflict` where a file that the run writes beside its folder would cost
  /// one that it reads or keeps, and `InterchangeError.unwritable` where it has no folder to be in.
  private static func checkFiles(
    of configuration: RunConfiguration, _ request: RunRequest, in folder: RunFolder
  ) throws {
    try CommandFiles.check { files in
      files.keepRun(folder.path)
      files.read(request.file, as: "--config")
      files.read(configuration)
      files.write(configuration.timeline, as: "--timeline")
      files.write(configuration.prometheus, as: "--prometheus")
    }
  }

  /// Writes what the run is asked for: the next start takes it, until a checkpoint holds it.
  private static func write(
    _ configuration: RunConfiguration, _ changes: [ConfigurationChange], to folder: RunFolder
  ) throws {
    // Before the configuration, which without them would be refused.
    if !changes.isEmpty || FileManager.default.fileExists(atPath: folder.changes) {
      let text = ConfigurationChange.text(of: changes)
      try TextFile.write(text.isEmpty ? "" : text + "\n", to: folder.changes)
    }
    try TextFile.write(configuration.yamlText(), to: folder.configuration)
  }

  /// Says what the run does otherwise from here on, and what becomes of its learning rate.
  private static func say(
    _ changes: [ConfigurationChange], since step: Int, _ rates: RateChange, _ console: Console
  ) {
    for change in changes where change.step == step { console.say("changed \(change.sentence)") }
    guard let sentence = rates.sentence else { return }
    if rates.isByLength { console.warn(sentence) } else { console.say(sentence) }
  }

  /// Says who runs where, and makes watch and crash line ready.
  private static func launch(in session: Session) {
    let (communicator, console) = (session.communicator, session.console)
    for line in session.machine { console.say(line) }
    if let note = communicator.watchNote { console.warn(note) }
    if communicator.size > 1, let note = LauncherSignals.note { console.say(note) }
    CrashLine.name(
      speaker: "rank \(communicator.rank) on \(communicator.hostName)", communicator.progress)
    if communicator.size > 1 {
      for line in session.map.lines { console.say(line) }
    }
    console.note("program: ddp-train \(Version.current), \(WorldCheck.program)")
    console.note("ranks: \(session.map.json)")
  }

  /// The data of the run with a sample of their bytes, the same on all ranks; throws
  /// `WorldCheck.Failure` where they differ.
  private static func openData(
    _ requested: RunConfiguration, in session: Session, work: LongWork
  ) throws -> (TrainingData, PhotoSample) {
    let data = try TrainingData.open(
      requested, communicator: session.communicator, pool: session.pool, work: work)
    for line in describe(data) { session.console.say(line) }
    data.notes.tell(session.console)
    let enlarged = try work.run("looking at sizes of photos", unit: "photos") { meter in
      session.communicator.rank == 0 ? data.enlargedPhotos { meter.add() } : nil
    }
    if let enlarged { session.console.warn(enlarged.sentence) }
    let sample = try work.run("comparing photos", unit: "photos") { meter in
      data.sample { meter.add() }
    }
    session.console.note("photos: \(Hash64.text(data.fingerprint)) \(sample.text)")
    try WorldCheck.run(
      configuration: requested.commonText,
      dataFingerprint: data.fingerprint, sampleFingerprint: sample.hash,
      pixels: JPEGProbe.hash, communicator: session.communicator)
    return (data, sample)
  }

  private static func describe(_ data: TrainingData) -> [String] {
    var lines = ["data: \(data.name): \(data.divided.summary)"]
    lines += data.divided.absentNames.prefix(5).map { "no folder for \($0)" }
    lines += data.preprocessing.landmarks?.notes ?? []
    return lines
  }

  /// The plan of the run: model, memory, work of each worker; the table in a dry run.
  private static func describe(_ plan: TrainingPlan, _ head: HeadChoice) throws {
    let (network, configuration, console) = (plan.factory.network, plan.configuration, plan.console)
    if configuration.dryRun {
      for line in ModelTable.lines(network) { console.say(line) }
    }
    let memory = plan.memory
    let perThread = plan.session.threads * memory.workerBytes
    let workers = plan.communicator.size * plan.session.threads
    let microbatches = plan.microbatches(of: configuration.batch).count
    console.say(
      "model: \(network.name), \(network.parameterCount) parameters, "
        + "\(network.multiplyAdds / 1_000_000) M multiply-adds an image; "
        + (plan.factory.objective.head.map { "head: \($0.sizes)" }
          ?? "no head")
        + (plan.factory.term?.hasMap == true
          ? ", map to the teacher: \(network.embeddingCount) x \(plan.teacher?.width ?? 0)" : "")
        + (plan.factory.objective.divided.map {
          ", divided: \($0.classCount(of: 0, ranks: plan.communicator.size)) on rank 0"
            + ($0.sampling.map { ", \($0.share) of them in a step beside the batch's" } ?? "")
        } ?? ""))
    for line in head.lines(configuration, plan.factory, in: plan.session) { console.say(line) }
    if let note = configuration.precision.note { console.say(note) }
    if let line = plan.factory.frozenLine { console.say(line) }
    for line in try BatchSource(plan).lines { console.say(line) }
    if configuration.dependsOnRanks {
      console.warn(
        "--reduce \(configuration.reduction.rawValue) rounds what ranks send each other: the weights "
          + "depend on the number of ranks, on --shard-optimizer and on whether the head is divided, "
          + "and a resumed run is not the undisturbed one bit for bit; that all ranks hold the same "
          + "weights is still checked in every step")
    }
    console.say(
      "memory: \((plan.neededBytes - plan.checkpointBytes - perThread) >> 20) MiB a rank + "
        + "\(memory.workerBytes >> 20) MiB a thread + \(plan.checkpointBytes >> 20) MiB on rank 0 "
        + "for checkpoints"
        + (plan.teacher == nil
          ? "" : "; of these the teacher \(plan.teacherBytes >> 20) MiB a rank with its threads"))
    console.say(
      "steps: \(plan.totalSteps) of \(configuration.batch) samples "
        + "(\(plan.stepsPerEpoch) an epoch"
        + (plan.leftOutOfEpoch > 0
          ? ", which leaves out \(plan.leftOutOfEpoch) of \(plan.data.divided.training.count)" : "")
        + "), \(microbatches) microbatches over "
        + "\(workers) worker\(workers == 1 ? "" : "s"): at most "
        + "\((microbatches + workers - 1) / workers) each")
    if workers > microbatches {
      console.warn(
        "\(workers) workers for \(microbatches) microbatches: \(workers - microbatches) stay idle; "
          + "use fewer ranks or threads, a larger --batch or a smaller --microbatch")
    }
    for sentence in plan.unreached { console.warn(sentence) }
  }
}
