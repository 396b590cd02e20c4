internal import CheckpointParts
internal import Checkpoints
internal import Collectives

/// What the evaluation on the first rank has found, as all ranks are told.
struct Findings: Equatable, Message {
  /// The figure that counts; 0 where there is none.
  var figure = 0.0
  /// What decides between two photos from now on; nil where nothing was verified.
  var threshold: DecisionThreshold?

  /// Nothing was found.
  init() {}

  init(figure: Double, threshold: DecisionThreshold?) {
    self.figure = figure
    self.threshold = threshold
  }

  func write(to writer: inout MessageWriter) {
    writer.write(figure)
    writer.write(threshold)
  }

  init(from reader: inout MessageReader) throws {
    figure = try reader.read()
    threshold = try reader.read()
  }
}
