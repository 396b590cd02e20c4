internal import Assembly
package import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
private import Foundation
internal import Networks
internal import RunFolders
internal import Scoring
internal import Sessions

/// From where a run begins. The first rank alone knows: the others say `fresh` and are told.
package enum Start {
  /// From random weights, or from those of another run's network.
  case fresh(weights: Checkpoint?)
  /// From where the checkpoint stands.
  case resumed(Checkpoint)

  /// The checkpoint that `configuration` is to go on from, on rank 0; nil on the others, and for a
  /// fresh start. Throws where there is none that is whole, or where `folder` holds another run.
  static func checkpoint(
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
        guard let newest, newest == found.checkpoint.progress.step,
          CheckpointStore.isSameFile(
            found.checkpoint.path, folder.checkpoints + "/" + CheckpointStore.name(step: newest))
        else { throw CheckpointError.runExists(folder: folder.path) }
      }
      return found.checkpoint
    }
  }

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

  private static func check(
    _ checkpoint: Checkpoint, against plan: TrainingPlan, old: OldNetwork?
  ) throws {
    let differences = plan.configuration.mathematicsDifferences(
      from: try checkpoint.configuration)
    guard differences.isEmpty else {
      throw CheckpointError.otherMathematics(path: checkpoint.path, keys: differences)
    }
    guard checkpoint.dataFingerprint == Hash64.text(plan.data.fingerprint) else {
      throw CheckpointError.otherData(path: checkpoint.path, data: plan.data.name)
    }
    guard checkpoint.oldNetwork == old.map({ Hash64.text($0.hash) }) else {
      throw CheckpointError.otherOldNetwork(
        path: checkpoint.path, old: plan.configuration.compatibleWith ?? "none")
    }
    let pixels = Hash64.text(JPEGProbe.hash)
    if let written = checkpoint.pixels, written != pixels {
      plan.console.warn(
        "the libjpeg of this host decodes a photo to other pixels than that of the run so far did "
          + "(\(pixels), not \(written)): the weights will be others than if it had never stopped")
    }
    guard checkpoint.progress.step <= plan.totalSteps else {
      throw CheckpointError.furtherOn(
        path: checkpoint.path, step: checkpoint.progress.step, wanted: plan.totalSteps)
    }
  }

  /// Opens the checkpoint that `path` means, for the first weights. Throws
  /// `TrainingFailure.otherNetwork` and what is wrong with the checkpoint.
  private static func weights(_ path: String, for plan: TrainingPlan) throws -> Checkpoint {
    let (checkpoint, refused) = try CheckpointStore.open(path)
    for reason in refused { plan.console.warn("refused: \(reason)") }
    let written = try checkpoint.configuration
    let own = plan.factory.network.embeddingCount
    let embedding = ModelFactory.network(written).embeddingCount
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
    return checkpoint
  }

  /// Fills the engine of `bench` on every rank; a collective. Returns where the run stands then.
  package func load(into bench: Workbench) throws -> Standing {
    let plan = bench.plan
    var standing = Standing()
    if case .resumed(let checkpoint) = self {
      try bench.load(checkpoint)
      standing.offline = try checkpoint.offlineTriplets()
      standing.progress = checkpoint.progress
      standing.path = checkpoint.path
    }
    let progress = try plan.communicator.share(
      standing.path == nil ? nil : standing.progress, from: 0)
    guard let progress else {
      bench.initialize()
      try loadFirstWeights(into: bench)
      standing.progress.gridExponent = plan.gridExponent
      return standing
    }
    standing.progress = progress
    let written = standing.progress.gridExponent
    guard written == plan.gridExponent else {
      throw CheckpointError.otherMathematics(
        path: "the checkpoint",
        keys: ["gradient-grid was \(written), is \(plan.gridExponent)"])
    }
    try bench.share(withVectors: true)
    standing.offline = try plan.communicator.share(standing.offline?.text, from: 0)
      .map(OfflineTriplets.init(text:))
    return standing
  }

  private func loadFirstWeights(into bench: Workbench) throws {
    guard bench.plan.configuration.initialWeights != nil else { return }
    if case .fresh(let checkpoint?) = self {
      try bench.loadNetwork(of: checkpoint)
      bench.plan.console.say("first weights: \(checkpoint.path), step \(checkpoint.progress.step)")
    }
    try bench.share(withVectors: false)
  }
}

/// Where a run stands between two steps, beside its tensors.
package struct Standing {
  package var progress = TrainingProgress()
  /// The hard triplets in use, where mining is offline.
  var offline: OfflineTriplets?
  /// Path of the checkpoint that the run goes on from; rank 0 alone knows it.
  var path: String?
}
