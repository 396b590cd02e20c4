internal import Checkpoints
internal import Interchange
internal import Sessions

/// What `ddp-train card` is asked.
package struct CardRequest: Sendable, Equatable {
  /// A checkpoint file, or a run folder (its newest good one).
  package var checkpoint: String
  /// Files with what `ddp-train evaluate` and the protocols have printed of the network.
  package var evaluations: [String] = []
  /// Where the card goes; nil for standard output.
  package var out: String?

  /// The card of `checkpoint`, on standard output.
  package init(checkpoint: String) { self.checkpoint = checkpoint }

  /// Writes the card; throws `CheckpointError`, `InterchangeError`, `CommandFiles.Conflict` and
  /// `MeasuredText.Refusal`.
  package func run() throws {
    try CommandFiles.check { files in
      files.read(checkpoint, as: "RUN")
      for path in evaluations { files.read(path, as: "--evaluation") }
      files.write(out, as: "--out")
    }
    let (found, refused) = try CheckpointStore.open(checkpoint, needsHead: false)
    let measured = try evaluations.map {
      try MeasuredText(path: $0, lines: TextFile.lines(of: $0), of: found)
    }
    var lines = try ModelCard(of: found, measured: measured).lines
    lines += refused.map { "<!-- a newer checkpoint was refused: \($0) -->" }
    let text = lines.joined(separator: "\n") + "\n"
    if let out {
      try TextFile.write(text, to: out)
      StandardOutput.print("card: \(out)")
    } else {
      for line in lines { StandardOutput.print(line) }
    }
  }
}
