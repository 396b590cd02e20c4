package import Checkpoints
internal import Collectives
package import Configuration
package import Datasets
private import Foundation
package import RunFolders
package import Sessions

/// Where a run comes from, as all ranks are told: the checkpoint that it goes on from, or its
/// configuration alone where it was ended before the first one.
package struct RunOrigin {
  /// The file that has the configuration, which is YAML.
  let path: String
  let configuration: String
  /// Steps done; nil without a checkpoint.
  package let step: Int?
  /// What has become otherwise on the way to there.
  let changes: [ConfigurationChange]
  /// `PhotoSample.text` of the photos until there; nil where it was not kept.
  let dataSample: String?
  /// What the run folder asks for on top of the checkpoint; nil where a checkpoint is given alone.
  let asked: RunRequest.Asked?
  /// The folder in which the run was started until there; nil where it was not kept.
  let startFolder: String?
  /// Whether the checkpoint lies elsewhere, as of a run that has none of its own yet.
  let isForked: Bool
  /// Evaluations without a better figure until there.
  let evaluationsSinceBest: Int
  /// `TrainingProgress.bestSet`.
  let bestSet: UInt64?

  /// Looks on rank 0, as `request` says, and tells all ranks; a collective. The checkpoint is on
  /// rank 0 alone; nothing is there for a run that begins. Throws `ResumeError`, and
  /// `CheckpointError` where no checkpoint is whole.
  package static func find(
    _ request: RunRequest, in folder: RunFolder, session: Session, work: LongWork
  ) throws -> (origin: RunOrigin?, checkpoint: Checkpoint?) {
    var checkpoint: Checkpoint?
    var words: [String]?
    if session.communicator.rank == 0 {
      checkpoint = try open(request.configuration, in: folder, session: session, work: work)
      words =
        try checkpoint.map { Self.words(of: $0, request, in: folder) }
        ?? configuredWords(request, in: folder)
    }
    guard let told = try session.communicator.share(words, from: 0) else {
      if request.configuration.resume == .auto, request.isBare || !request.changes.isEmpty {
        throw ResumeError.nothingToResume(folder: folder.path)
      }
      return (nil, nil)
    }
    return (RunOrigin(words: told), checkpoint)
  }

  private static func words(
    of checkpoint: Checkpoint, _ request: RunRequest, in folder: RunFolder
  ) -> [String] {
    // Who names a checkpoint wants that one.
    let asked = request.configuration.resume == .auto ? text(of: folder.configuration) : nil
    let isOwn = CheckpointStore.isSameFile(
      checkpoint.path,
      folder.checkpoints + "/" + CheckpointStore.name(step: checkpoint.progress.step))
    return [
      checkpoint.path, checkpoint.configurationText, "\(checkpoint.progress.step)",
      ConfigurationChange.text(of: checkpoint.changes), checkpoint.dataSample ?? "",
      asked ?? "", asked == nil ? "" : folder.configuration,
      asked == nil ? "" : text(of: folder.changes) ?? "", checkpoint.startFolder ?? "",
      "\(request.configuration.resume == .auto && !isOwn)",
      "\(checkpoint.progress.evaluationsSinceBest)",
      checkpoint.progress.bestSet.map { "\($0)" } ?? "",
    ]
  }

  /// The same for a run that has a configuration and no checkpoint. Throws
  /// `ResumeError.emptyConfiguration` and `ConfigurationError`.
  private static func configuredWords(
    _ request: RunRequest, in folder: RunFolder
  ) throws -> [String]? {
    guard request.configuration.resume == .auto, let text = text(of: folder.configuration) else {
      return nil
    }
    guard try RunConfiguration.hasOptions(yaml: text, path: folder.configuration) else {
      throw ResumeError.emptyConfiguration(path: folder.configuration)
    }
    return [folder.configuration, text] + [String](repeating: "", count: 7) + ["false", "0", ""]
  }

  private static func text(of path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }

  private init(words: [String]) {
    func word(_ number: Int) -> String? { words[number].isEmpty ? nil : words[number] }
    path = words[0]
    configuration = words[1]
    step = Int(words[2])
    changes = ConfigurationChange.changes(in: words[3])
    dataSample = word(4)
    asked = word(5).map {
      RunRequest.Asked(
        text: $0, path: words[6], changes: ConfigurationChange.changes(in: words[7]))
    }
    startFolder = word(8)
    isForked = words[9] == "true"
    evaluationsSinceBest = Int(words[10]) ?? 0
    bestSet = UInt64(words[11])
  }

  /// The checkpoint that `configuration` is to go on from, on rank 0; nil for a fresh start. Throws
  /// where there is none that is whole, or where `folder` holds another run.
  private static func open(
    _ configuration: RunConfiguration, in folder: RunFolder, session: Session, work: LongWork
  ) throws -> Checkpoint? {
    switch configuration.resume {
    case .none:
      if folder.holdsRun && !configuration.dryRun {
        throw ResumeError.runExists(folder: folder.path)
      }
      return nil
    case .auto:
      let found = try work.run("reading the checkpoint", unit: "MiB") {
        CheckpointStore.newestGood(in: folder.checkpoints, holdsBytes: true, meter: $0)
      }
      for reason in found.refused { session.console.warn("refused: \(reason)") }
      if found.checkpoint == nil && !found.refused.isEmpty {
        throw CheckpointError.nothingGood(folder: folder.checkpoints, reasons: found.refused)
      }
      if let checkpoint = found.checkpoint { return checkpoint }
      return try openFirst(of: folder, session: session, work: work)
    case .path(let path):
      guard FileManager.default.fileExists(atPath: path) else {
        throw ResumeError.missing(path: path)
      }
      let found = try work.run("reading the checkpoint", unit: "MiB") {
        try CheckpointStore.open(path, holdsBytes: true, meter: $0)
      }
      for reason in found.refused { session.console.warn("refused: \(reason)") }
      warnOfAsked(in: folder, leftAsideFor: found.checkpoint, console: session.console)
      if folder.holdsRun && !configuration.dryRun {
        // Going on from an earlier step, or from another run, would mix two courses in one folder.
        let newest = CheckpointStore.steps(in: folder.checkpoints).last
        guard let newest, newest == found.checkpoint.progress.step,
          CheckpointStore.isSameFile(
            found.checkpoint.path, folder.checkpoints + "/" + CheckpointStore.name(step: newest))
        else { throw ResumeError.runExists(folder: folder.path) }
      }
      return found.checkpoint
    }
  }

  /// The checkpoint of another folder that the run in `folder` began from, where it has none of its
  /// own yet; nil where it began from none. Throws `ResumeError.checkpointsGone` where it had
  /// one of its own.
  private static func openFirst(
    of folder: RunFolder, session: Session, work: LongWork
  ) throws -> Checkpoint? {
    let written = try text(of: folder.configuration).flatMap { text in
      try RunConfiguration.hasOptions(yaml: text, path: folder.configuration)
        ? RunConfiguration.parse(
          yaml: text, path: folder.configuration) : nil
    }
    var first: String?
    if case .path(let path) = written?.resume { first = path }
    if let sign = folder.signOfCheckpoint(isForked: first != nil) {
      throw ResumeError.checkpointsGone(folder: folder.path, sign: sign)
    }
    guard let first else { return nil }
    guard FileManager.default.fileExists(atPath: first) else {
      throw ResumeError.missing(path: first)
    }
    let found = try work.run("reading the checkpoint", unit: "MiB") {
      try CheckpointStore.open(first, holdsBytes: true, meter: $0)
    }
    for reason in found.refused { session.console.warn("refused: \(reason)") }
    return found.checkpoint
  }

  /// Says what the run in `folder` was last asked for, where it goes on from its checkpoint alone.
  private static func warnOfAsked(
    in folder: RunFolder, leftAsideFor checkpoint: Checkpoint, console: Console
  ) {
    let own = folder.checkpoints + "/" + CheckpointStore.name(step: checkpoint.progress.step)
    guard CheckpointStore.isSameFile(checkpoint.path, own),
      let text = text(of: folder.configuration),
      let asked = try? RunConfiguration.parse(
        yaml: text, path: folder.configuration),
      let written = try? checkpoint.configuration
    else { return }
    let left = asked.changes(from: written, at: checkpoint.progress.step)
    guard !left.isEmpty else { return }
    console.warn(
      "\(folder.configuration) asks for "
        + left.map { "\($0.name) \($0.new) (was \($0.old))" }.joined(separator: ", ")
        + ", of which \(checkpoint.path) knows nothing: that is left aside; --resume auto --out "
        + "\(folder.path) takes it")
  }

  // MARK: What becomes of it

  /// What the run that goes on does: its configuration, its own before, and all its changes. Throws
  /// `ResumeError.otherMathematics` and `ConfigurationError`.
  package func resolve(
    _ request: RunRequest
  ) throws -> (
    configuration: RunConfiguration, own: RunConfiguration, changes: [ConfigurationChange]
  ) {
    let resolved = try request.goingOn(
      from: configuration, path: path, asked: asked, hasBegun: step != nil)
    guard resolved.refused.isEmpty else {
      throw ResumeError.otherMathematics(
        path: try isRefusedAsAsked() ? "\(path) with what \(asked?.path ?? "") says" : path,
        keys: resolved.refused)
    }
    var configuration = resolved.configuration
    // Until it has a checkpoint of its own, the next start needs the same file.
    if case .path = request.configuration.resume { configuration.resume = .path(path) }
    if isForked { configuration.resume = .path(path) }
    guard let step else { return (configuration, resolved.own, []) }
    let new = configuration.changes(from: resolved.own, at: step)
    return (configuration, resolved.own, changes + new)
  }

  /// Whether what the run folder asks for is refused by itself.
  private func isRefusedAsAsked() throws -> Bool {
    guard asked != nil else { return false }
    let alone = try RunRequest(
      file: nil, flags: [.flag(\.resume, .path(path))])
    return try !alone.goingOn(
      from: configuration, path: path, asked: asked, hasBegun: step != nil
    ).refused.isEmpty
  }

  /// Says which relative paths of `configuration` are the run's own and begin elsewhere by now.
  package func warnOfPlaces(
    _ configuration: RunConfiguration, _ request: RunRequest, console: Console
  ) {
    let here = FileManager.default.currentDirectoryPath
    guard let startFolder, startFolder != here else { return }
    let places = configuration.relativePlaces.filter { !request.gives($0.option) }
    guard !places.isEmpty else { return }
    console.warn(
      "the run was started in \(startFolder), and these paths are its own and relative: "
        + places.map { "\($0.option) \($0.path)" }.joined(separator: ", ")
        + "; they are looked for in \(here) now: give them anew, or go on in \(startFolder)")
  }

  /// Throws `ResumeError.finished`, or `outOfPatience` where the run has ended before, where what
  /// is to change by `request`, among `changes`, would come after the last of `totalSteps`, or of
  /// the patience of `configuration`. `decidingSet` is the hash of the set that counts from here
  /// on.
  package func requireStepsLeft(
    for changes: [ConfigurationChange], of request: RunRequest, in configuration: RunConfiguration,
    totalSteps: Int, decidingSet: UInt64?
  ) throws {
    guard let step, !request.changes.isEmpty, changes.contains(where: { $0.step == step }) else {
      return
    }
    let texts = request.changes.map { "\($0.key)=\($0.text)" }
    if step == totalSteps { throw ResumeError.finished(path: path, step: step, changes: texts) }
    // Another set to measure by begins anew.
    let isSameSet = bestSet == nil || decidingSet == nil || bestSet == decidingSet
    if configuration.isOutOfPatience(after: evaluationsSinceBest), isSameSet {
      throw ResumeError.outOfPatience(
        path: path, step: step, evaluations: evaluationsSinceBest, changes: texts)
    }
  }

  /// The change that the bytes of photos are, where `request` allows it; empty where `sample` shows
  /// none.
  package func changedBytes(_ sample: PhotoSample, _ request: RunRequest) -> [ConfigurationChange] {
    guard let step, let dataSample, !sample.agrees(with: dataSample),
      request.changes.contains(where: { $0.key == "data" })
        || asked?.changes.contains(where: { $0.name == "data" && $0.step >= step }) == true
    else { return [] }
    return [ConfigurationChange(step: step, name: "data", old: "photos", new: "other bytes")]
  }
}

extension RunFolder {
  /// Whether a run has been here.
  fileprivate var holdsRun: Bool {
    FileManager.default.fileExists(atPath: configuration)
      || !CheckpointStore.steps(in: checkpoints).isEmpty
  }
}
