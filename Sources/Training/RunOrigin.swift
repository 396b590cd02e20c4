internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
private import Foundation
internal import RunFolders
internal import Sessions

/// Where a run comes from, as all ranks are told: the checkpoint that it goes on from, or its
/// configuration alone where it was ended before the first one.
struct RunOrigin {
  /// The file that has the configuration, which is YAML.
  let path: String
  let configuration: String
  /// Steps done; nil without a checkpoint.
  let step: Int?
  /// What has become otherwise on the way to there.
  let changes: [ConfigurationChange]
  /// `PhotoSample.text` of the photos until there; nil where it was not kept.
  let dataSample: String?

  /// Looks on rank 0, as `request` says, and tells all ranks; a collective. The checkpoint is on
  /// rank 0 alone; nothing is there for a run that begins. Throws `CheckpointError`.
  static func find(
    _ request: RunRequest, in folder: RunFolder, session: Session, work: LongWork
  ) throws -> (origin: RunOrigin?, checkpoint: Checkpoint?) {
    var checkpoint: Checkpoint?
    var words: [String]?
    if session.communicator.rank == 0 {
      checkpoint = try open(request.configuration, in: folder, session: session, work: work)
      words = checkpoint.map(Self.words) ?? configuredWords(request, in: folder)
    }
    guard let told = try session.communicator.share(words, from: 0) else {
      if request.configuration.resume == .auto, request.isBare || !request.changes.isEmpty {
        throw CheckpointError.nothingToResume(folder: folder.path)
      }
      return (nil, nil)
    }
    return (RunOrigin(words: told), checkpoint)
  }

  private static func words(_ checkpoint: Checkpoint) -> [String] {
    [
      checkpoint.path, checkpoint.configurationText, "\(checkpoint.progress.step)",
      ConfigurationChange.text(of: checkpoint.changes), checkpoint.dataSample ?? "",
    ]
  }

  /// The same for a run that has a configuration and no checkpoint.
  private static func configuredWords(_ request: RunRequest, in folder: RunFolder) -> [String]? {
    guard request.configuration.resume == .auto,
      let bytes = FileManager.default.contents(atPath: folder.configuration)
    else { return nil }
    return [folder.configuration, String(decoding: bytes, as: UTF8.self), "", "", ""]
  }

  private init(words: [String]) {
    path = words[0]
    configuration = words[1]
    step = Int(words[2])
    changes = ConfigurationChange.changes(in: words[3])
    dataSample = words[4].isEmpty ? nil : words[4]
  }

  /// The checkpoint that `configuration` is to go on from, on rank 0; nil for a fresh start. Throws
  /// where there is none that is whole, or where `folder` holds another run.
  private static func open(
    _ configuration: RunConfiguration, in folder: RunFolder, session: Session, work: LongWork
  ) throws -> Checkpoint? {
    switch configuration.resume {
    case .none:
      if folder.holdsRun && !configuration.dryRun {
        throw CheckpointError.runExists(folder: folder.path)
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
      return found.checkpoint
    case .path(let path):
      guard FileManager.default.fileExists(atPath: path) else {
        throw CheckpointError.missing(path: path)
      }
      let found = try work.run("reading the checkpoint", unit: "MiB") {
        try CheckpointStore.open(path, holdsBytes: true, meter: $0)
      }
      for reason in found.refused { session.console.warn("refused: \(reason)") }
      if folder.holdsRun && !configuration.dryRun {
        // Going on from an earlier step, or from another run, would mix two courses in one folder.
        let newest = CheckpointStore.steps(in: folder.checkpoints).last
        guard let newest, newest == found.checkpoint.progress.step,
          CheckpointStore.isSameFile(
            found.checkpoint.path, folder.checkpoints + "/" + CheckpointStore.name(step: newest))
        else { throw CheckpointError.runExists(folder: folder.path) }
      }
      return found.checkpoint
    }
  }

  // MARK: What becomes of it

  /// What the run that goes on does: its configuration, its own before, and all its changes. Throws
  /// `CheckpointError.otherMathematics` and `ConfigurationError`.
  func resolve(
    _ request: RunRequest
  ) throws -> (
    configuration: RunConfiguration, own: RunConfiguration, changes: [ConfigurationChange]
  ) {
    let resolved = try request.goingOn(
      from: configuration, path: path, hasBegun: step != nil)
    guard resolved.refused.isEmpty else {
      throw CheckpointError.otherMathematics(path: path, keys: resolved.refused)
    }
    guard let step else { return (resolved.configuration, resolved.own, []) }
    let new = resolved.configuration.changes(from: resolved.own, at: step)
    return (resolved.configuration, resolved.own, changes + new)
  }

  /// The change that the bytes of photos are, where `request` allows it; empty where `sample` shows
  /// none.
  func changedBytes(_ sample: PhotoSample, _ request: RunRequest) -> [ConfigurationChange] {
    guard let step, let dataSample, !sample.agrees(with: dataSample),
      request.changes.contains(where: { $0.key == "data" })
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
