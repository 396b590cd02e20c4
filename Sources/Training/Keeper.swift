internal import Assembly
internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
internal import Engine
internal import Inputs
internal import Interchange
internal import RunFolders
internal import Sessions
internal import State
internal import Threads

/// Keeps the checkpoints of a run: when the state goes to disk, which files stay, and what becomes
/// of a full disk. Every rank has one, as some states are in parts; the first alone writes.
final class Keeper {
  private let bench: Workbench
  private let plan: TrainingPlan
  /// Nil where nothing is written: on other ranks, and without a run folder.
  private let store: CheckpointStore?
  /// The people of the loss head, as checkpoints keep them.
  private let people: [UInt8]
  private let oldNetworkHash: UInt64?
  /// Whether this rank was told to end while it waited for its peers, and has kept the last step.
  private var hasKeptLastStep = false

  /// `path` is the checkpoint that the run goes on from; `checkOwner` throws where the run folder
  /// is another job's by now, and is asked before each write.
  init(
    _ bench: Workbench, startedFrom path: String?, old: OldNetwork?,
    checkOwner: @escaping @Sendable () throws -> Void
  ) {
    self.bench = bench
    plan = bench.plan
    oldNetworkHash = old?.hash
    guard plan.isFirst, let folder = plan.folder else {
      (store, people) = (nil, [])
      return
    }
    store = CheckpointStore(
      folder: folder.checkpoints, keep: plan.configuration.keep,
      onFullDisk: plan.configuration.onFullDisk, checkOwner: checkOwner)
    people = Array(plan.data.trainedPeople.text.utf8)
    if let path { store?.noteGood(path) }
  }

  // MARK: Writing

  /// Writes the state at `progress` in the background; not in a streak of skipped steps, whose
  /// state may be what makes them fail. A collective where the state is in parts.
  func write(_ progress: TrainingProgress, isBest: Bool) throws {
    guard progress.skippedInARow == 0 else { return }
    plan.communicator.progress.enter(.checkpoint)
    let start = Clock.seconds
    let gathered = try gather()
    guard let store else { return }
    try store.writeInBackground(protected: protectedSteps(progress), isBest: isBest) {
      snapshot(progress, copying: true, gathered: gathered)
    }
    bench.note("checkpoint", since: start)
  }

  /// Writes the last completed step at once, because the run was told to end.
  func writeLastStep(_ progress: TrainingProgress) throws {
    guard progress.step > 0 else { return }
    let gathered = try gather()
    guard let store else { return }
    do {
      try store.writeNow(snapshot(progress, copying: false, gathered: gathered))
    } catch InterchangeError.noSpace where plan.configuration.onFullDisk == .continue {
      plan.console.warn(
        "no space left for the checkpoint of step \(progress.step): the one before is the last")
    }
  }

  /// Does so amid a step of which the peers may never hear, once: they may be dead, and the
  /// launcher about to kill the rest.
  func writeLastStepBeforePeersCome(_ progress: TrainingProgress) throws {
    guard !hasKeptLastStep, !bench.checkpointNeedsAllRanks else { return }
    hasKeptLastStep = true
    try writeLastStep(progress)
  }

  /// Writes the result of a run, if it `hasWorked`, when all that is in work is on disk. Without
  /// space for it the run ends with an error: it must not be lost. It is written after skipped
  /// steps too, which left the weights as they were.
  func finish(_ progress: TrainingProgress, hasWorked: Bool) throws {
    plan.communicator.progress.enter(.checkpoint)
    try store?.finish()
    sayFullDisk()
    guard hasWorked, progress.step > 0, try isMissing(progress.step) else { return }
    let gathered = try gather()
    try store?.writeNow(snapshot(progress, copying: false, gathered: gathered))
  }

  /// Whether the first rank has no checkpoint of `step` yet; a collective where the state is in
  /// parts.
  private func isMissing(_ step: Int) throws -> Bool {
    let isMissing = store.map { !$0.holds(step: step) } ?? false
    guard bench.checkpointNeedsAllRanks else { return isMissing }
    return try plan.communicator.agreeOnMaximum(isMissing ? 1 : 0) == 1
  }

  /// Throws what went wrong with a write in the background, and says what found no space.
  func check() throws {
    try store?.throwFailure()
    sayFullDisk()
  }

  private func sayFullDisk() {
    for notice in store?.takeFullDiskNotices() ?? [] { plan.console.warn(notice) }
  }

  // MARK: What is written

  /// The newest whole checkpoint, told by the first rank to all, so that whoever speaks first can
  /// name it; a collective.
  func lastGood() throws -> String? {
    try? store?.finish()
    return try plan.communicator.share(store?.lastGood, from: 0)
  }

  private func gather() throws -> GatheredVectors? {
    plan.folder == nil ? nil : try bench.gatheredVectors()
  }

  private func protectedSteps(_ progress: TrainingProgress) -> Set<Int> {
    var steps: Set<Int> = []
    if plan.configuration.keepBest, let best = progress.bestStep { steps.insert(best) }
    steps.formUnion(plan.dueSteps(plan.configuration.keepEvery, through: progress.step))
    return steps
  }

  private func snapshot(
    _ progress: TrainingProgress, copying: Bool, gathered: GatheredVectors? = nil
  ) -> Snapshot {
    var metadata = progress.metadata(
      configuration: plan.configuration.yamlText(), dataFingerprint: plan.data.fingerprint,
      classCount: plan.factory.classCount)
    metadata[Checkpoint.oldNetworkKey] = oldNetworkHash.map { Hash64.text($0) }
    metadata[Checkpoint.dataSampleKey] = plan.dataSample?.text
    if !plan.changes.isEmpty {
      metadata[ConfigurationChange.metadataKey] = ConfigurationChange.text(of: plan.changes)
    }
    return bench.snapshot(
      people: people, metadata: metadata, step: progress.step, copying: copying,
      gathered: gathered)
  }
}
