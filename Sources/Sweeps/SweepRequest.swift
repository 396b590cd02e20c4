package import Configuration
package import Measuring

/// One of the experiments of the FaceNet paper (arXiv 1503.03832).
package enum SweepKind: String, Sendable, CaseIterable {
  /// Embeddings in fewer bits (section 5.4).
  case quantization
  /// Photos compressed again (table 4, left).
  case jpegQuality = "jpeg-quality"
  /// Faces of fewer pixels (table 4, right).
  case imageSize = "image-size"
  /// A fixed central crop and an aligned one (section 5.6).
  case crop
  /// Videos by their first frames (section 5.7).
  case videoFrames = "video-frames"
  /// Embeddings of one network against those of another (section 7).
  case compatibility
  /// Networks trained with embeddings of other sizes (table 5).
  case embeddingDimension = "embedding-dimension"
  /// Networks trained on parts of the people (table 6).
  case trainingSize = "training-size"

  /// Whether it trains networks, by a configuration in place of a checkpoint.
  package var trains: Bool {
    if case .training = task { return true }
    return false
  }

  /// What there is to do for it.
  var task: SweepTask {
    switch self {
    case .quantization: .network(.quantization)
    case .jpegQuality: .network(.jpegQuality)
    case .imageSize: .network(.imageSize)
    case .crop: .network(.crop)
    case .videoFrames: .videos
    case .compatibility: .compatibility
    case .embeddingDimension: .training(.embeddingDimension)
    case .trainingSize: .training(.trainingSize)
    }
  }
}

/// The kinds of sweeps by what they run over.
enum SweepTask {
  /// One network, over what it is given or gives.
  case network(NetworkSweep)
  case videos
  /// Two networks.
  case compatibility
  /// Networks that are trained for it.
  case training(TrainedSweep)
}

/// What changes before or behind one network.
enum NetworkSweep {
  case quantization, jpegQuality, imageSize, crop
}

/// What changes between networks that are trained.
enum TrainedSweep {
  case embeddingDimension, trainingSize
}

/// What `ddp-train sweep` is asked.
package struct SweepRequest: Sendable {
  /// The experiment.
  package var kind: SweepKind
  /// The checkpoint and the pairs; without a checkpoint where the kind trains.
  package var evaluation: EvaluateRequest
  /// What to run through; empty for the kind's own.
  package var values: [Double] = []
  /// The other checkpoint of `compatibility`.
  package var other: String?
  /// The configuration of kinds that train; each run goes to a folder below its `out`.
  package var training: RunConfiguration?
  /// The file that `training` was read from; nil for none.
  package var configurationFile: String?
  /// The table to write.
  package var csv: String?

  package init(_ kind: SweepKind, _ evaluation: EvaluateRequest) {
    self.kind = kind
    self.evaluation = evaluation
  }
}

/// What makes a sweep impossible.
enum SweepError: Error, CustomStringConvertible {
  case noPairs
  case badValue(Double, reason: String)
  case otherDimension(Int, Int)
  case badVideoPairs(path: String, line: Int, reason: String)
  case closedSet
  case noCheckpoint(SweepKind)
  case noTraining(SweepKind)
  case sharedTimeline
  /// A run of that name is there already, of another course.
  case otherRun(path: String, differences: [String])

  var description: String {
    switch self {
    case .noPairs: "there are no pairs of both kinds to verify; give --pairs FILE"
    case .badValue(let value, let reason): "--values \(RunConfiguration.text(of: value)): \(reason)"
    case .otherDimension(let own, let other):
      "embeddings of \(own) and of \(other) numbers cannot be compared; both networks need one size"
    case .noCheckpoint(let kind): "\(kind.rawValue) needs a checkpoint"
    case .noTraining(let kind): "\(kind.rawValue) needs a configuration to train by"
    case .otherRun(let path, let differences):
      "\(path) holds a run of another course: \(differences.joined(separator: ", ")); a table of "
        + "both would compare nothing: give another --out, or the configuration of before"
    case .sharedTimeline:
      "the configuration has a timeline, which each run would write over the one before; remove it"
    case .badVideoPairs(let path, let line, let reason): "\(path), line \(line): \(reason)"
    case .closedSet:
      "training-size holds people out, and this split holds photos out; give --split people:FILE or "
        + "people-random:FRACTION"
    }
  }
}
