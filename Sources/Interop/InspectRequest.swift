internal import CheckpointParts
internal import Checkpoints
internal import Configuration
internal import Determinism
internal import Interchange
internal import Sessions

/// What `ddp-train inspect` is asked.
package struct InspectRequest: Sendable, Equatable {
  /// A checkpoint file, or a run folder (its newest good one).
  package var checkpoint: String

  /// Tells what `checkpoint` holds.
  package init(checkpoint: String) { self.checkpoint = checkpoint }
}

extension InspectRequest {
  /// Prints what a checkpoint holds, and the receipt of its weights; throws what is wrong with it,
  /// and `CheckpointError.missingPart` in the place of that receipt.
  package func run() throws {
    let (checkpoint, refused) = try CheckpointStore.open(checkpoint, needsHead: false)
    for reason in refused { StandardOutput.print("refused: \(reason)") }
    let progress = checkpoint.progress
    StandardOutput.print("checkpoint: \(checkpoint.path), \(checkpoint.file.byteCount) bytes")
    if let origin = checkpoint.file.metadata["imported-from"] {
      StandardOutput.print("imported from: \(origin)")
    }
    StandardOutput.print(
      "step: \(progress.step), updates \(progress.updates), skipped \(progress.skippedSteps), "
        + "samples \(progress.samples)")
    if let best = progress.best, let step = progress.bestStep {
      StandardOutput.print("best: \(Console.fixed(best, 6)) after step \(step)")
    }
    for change in checkpoint.changes { StandardOutput.print("changed \(change.sentence)") }
    if let threshold = progress.threshold {
      StandardOutput.print("threshold: \(threshold.pairText)")
      StandardOutput.print("threshold of many: \(threshold.cautiousText)")
    }
    let weights = checkpoint.file.entries.filter { Checkpoint.isWeight($0.name) }
    for entry in weights { StandardOutput.print("  \(entry.name)  \(entry.summary)") }
    if checkpoint.head.lacksParts {
      StandardOutput.print("  and a divided head, of which parts are not beside the file")
    } else {
      for (name, shape) in try checkpoint.head.tensors() where Checkpoint.isWeight(name) {
        StandardOutput.print("  \(name)  F32 \(shape), in parts beside the file")
      }
    }
    let others = checkpoint.file.entries.count {
      $0.name.hasPrefix(Checkpoint.optimizerPrefix)
    }
    if others > 0 { StandardOutput.print("  and \(others) tensors of the optimizer") }
    StandardOutput.print("configuration:")
    for line in checkpoint.configurationText.split(separator: "\n") {
      StandardOutput.print("  \(line)")
    }
    StandardOutput.print("weights: \(Hash64.text(try checkpoint.weightsHash()))")
  }
}
