internal import Checkpoints
internal import Collectives

/// What the evaluation on the first rank has found, as all ranks are told.
struct Findings: Equatable {
  /// The figure that counts; 0 where there is none.
  var figure = 0.0
  /// What decides between two photos from now on; nil where nothing was verified.
  var threshold: DecisionThreshold?

  private static let figureKey = "figure"

  /// Nothing was found.
  init() {}

  init(figure: Double, threshold: DecisionThreshold?) {
    self.figure = figure
    self.threshold = threshold
  }

  /// Those of the first rank, on all; what other ranks pass is ignored.
  func shared(over communicator: any Communicator) throws -> Findings {
    var own = threshold?.metadata ?? [:]
    own[Self.figureKey] = "\(figure.bitPattern)"
    let metadata = MetadataText.parse(
      try communicator.broadcast(MetadataText.bytes(of: own), from: 0))
    var findings = Findings()
    findings.threshold = DecisionThreshold(metadata: metadata)
    findings.figure =
      metadata[Self.figureKey].flatMap { UInt64($0) }.map(Double.init(bitPattern:)) ?? 0
    return findings
  }
}
