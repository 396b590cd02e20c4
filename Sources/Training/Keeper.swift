internal import Assembly
internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
internal import Engine
private import Foundation
internal import Inputs
internal import Interchange
internal import Losses
internal import Planning
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
  /// The newest checkpoint that the log tells of.
  private var notedPath: String?
  /// The step whose checkpoint somebody has asked for and not been told of.
  private var requestedStep: Int?

  /// `path` is the checkpoint that the run goes on from, and `trained` whom its network has seen,
  /// on the first rank; `checkOwner` throws where the run folder is another job's by now, and is
  /// asked before each write.
  init(
    _ bench: Workbench, startedFrom path: String?, trained: TrainedPeople,
    old: OldNetwork?,
    checkOwner: @escaping @Sendable () throws -> Void
  ) {
    self.bench = bench
    plan = bench.plan
    oldNetworkHash = old?.hash
    guard plan.isFirst, let folder = plan.runFolder else {
      (store, people) = (nil, [])
      return
    }
    store = CheckpointStore(
      folder: folder.checkpoints, keep: plan.configuration.keep,
      onFullDisk: plan.configuration.onFullDisk, checkOwner: checkOwner)
    people = Array(trained.text.utf8)
    if let path {
      store?.noteGood(path)
      notedPath = path
    }
  }

  // MARK: Writing

  /// Writes the state at `progress` in the background: it is copied, when all that is in work is on
  /// disk, and steps go on. Not in a streak of skipped steps, whose state may be what makes them
  /// fail. A collective where the state is in parts. `onRequest` says when it is on disk.
  func write(_ progress: TrainingProgress, isBest: Bool, onRequest: Bool = false) throws {
    guard progress.skippedInARow == 0 else {
      if onRequest {
        plan.console.warn(
          "no checkpoint on request after step \(progress.step), which was skipped: ask again")
      }
      return
    }
    plan.communicator.progress.enter(.checkpoint)
    let start = Clock.seconds
    // Of ranks that bring their parts the timeline shows the stop as well.
    defer {
      if store != nil || bench.checkpointNeedsAllRanks { bench.note("checkpoint", since: start) }
    }
    guard let parts = try gather(progress), let store else { return }
    sayRequested()
    try store.writeInBackground(protected: protectedSteps(progress), isBest: isBest) {
      snapshot(progress, parts, copying: true)
    }
    if onRequest { requestedStep = progress.step }
  }

  /// Writes the last completed step at once, because the run was told to end.
  func writeLastStep(_ progress: TrainingProgress) throws {
    guard progress.step > 0, let parts = try gather(progress), let store else { return }
    sayRequested()
    do {
      try store.writeNow(
        snapshot(progress, parts, copying: false), protected: protectedSteps(progress))
      noteWritten()
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
    sayNews()
    defer { noteWritten() }
    guard hasWorked, progress.step > 0, try isMissing(progress.step) else { return }
    let parts = try gather(progress, mayFail: false) ?? [:]
    try store?.writeNow(
      snapshot(progress, parts, copying: false), protected: protectedSteps(progress))
  }

  /// Whether the first rank has no checkpoint of `step` yet; a collective where the state is in
  /// parts.
  private func isMissing(_ step: Int) throws -> Bool {
    let isMissing = store.map { !$0.holds(step: step) } ?? false
    guard bench.checkpointNeedsAllRanks else { return isMissing }
    return try plan.communicator.agreeOnMaximum(isMissing ? 1 : 0) == 1
  }

  /// Throws what went wrong with a write in the background, and says what found no space and which
  /// checkpoint that was asked for is on disk.
  func check() throws {
    try store?.throwFailure()
    noteWritten()
    sayNews()
  }

  /// Tells the log of the newest checkpoint, once: a folder that has lost it is known by that.
  private func noteWritten() {
    guard let path = store?.lastGood, path != notedPath else { return }
    notedPath = path
    plan.console.note("checkpoint: \(path)")
  }

  /// Lets what is being written come to its end, where the run is about to fail; a disk that is
  /// slower than this holds nobody up.
  func waitForPendingWrite() {
    store?.waitUntilIdle(atMost: Self.longestPendingSeconds)
    if store?.isIdle == true { sayRequested() }
  }

  private static let longestPendingSeconds = 4.0

  private func sayNews() {
    for notice in store?.takeNotices() ?? [] { plan.console.warn(notice) }
    if store?.isIdle == true { sayRequested() }
  }

  /// Says that the checkpoint that was asked for is there, if it is: the write has ended.
  private func sayRequested() {
    guard let step = requestedStep else { return }
    requestedStep = nil
    if store?.holds(step: step) == true {
      plan.console.say("checkpoint on request after step \(step)")
    }
  }

  // MARK: What is written

  /// The newest whole checkpoint, told by the first rank to all, so that whoever speaks first can
  /// name it; a collective.
  func lastGood() throws -> String? {
    try? store?.finish()
    return try plan.communicator.share(store?.lastGood, from: 0)
  }

  /// Brings what other ranks have into the copy, once that of the write before is on disk, or has
  /// them write it themselves: returns what the checkpoint says of that. Nil where there is no
  /// space for it, and the run goes on, as it `mayFail`.
  private func gather(
    _ progress: TrainingProgress, mayFail: Bool = true
  ) throws -> [String: String]? {
    store?.waitUntilIdle()
    if plan.runFolder != nil { try bench.gatherState() }
    do {
      return try bench.writeHead(step: progress.step)
    } catch InterchangeError.noSpace where mayFail && plan.configuration.onFullDisk == .continue {
      plan.console.warn(
        "no space left for the checkpoint of step \(progress.step): the one before is the last")
      return nil
    }
  }

  private func protectedSteps(_ progress: TrainingProgress) -> Set<Int> {
    var steps: Set<Int> = []
    if plan.configuration.keepBest, let best = progress.bestStep { steps.insert(best) }
    steps.formUnion(plan.dueSteps(plan.configuration.keepEvery, through: progress.step))
    return steps
  }

  private func snapshot(
    _ progress: TrainingProgress, _ parts: [String: String], copying: Bool
  ) -> Snapshot {
    var metadata = progress.metadata(
      configuration: plan.configuration.yamlText(), dataFingerprint: plan.data.fingerprint,
      classCount: plan.factory.classCount)
    metadata[Checkpoint.oldNetworkKey] = oldNetworkHash.map { Hash64.text($0) }
    metadata[Checkpoint.teacherKey] = plan.teacher.map { Hash64.text($0.hash) }
    metadata[Checkpoint.dataSampleKey] = plan.dataSample?.text
    metadata[Checkpoint.startFolderKey] = FileManager.default.currentDirectoryPath
    if !plan.changes.isEmpty {
      metadata[ConfigurationChange.metadataKey] = ConfigurationChange.text(of: plan.changes)
    }
    return bench.snapshot(
      people: people, metadata: metadata.merging(parts) { $1 }, step: progress.step,
      copying: copying)
  }
}
