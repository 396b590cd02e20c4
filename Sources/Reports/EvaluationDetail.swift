package import Evaluation

/// One set's evaluation as pages show it: figures, curves, tables, and the pairs that went wrong.
package struct EvaluationDetail: Sendable {
  /// Two photos that verification got wrong.
  package struct PicturePair: Sendable {
    /// JPEG files; empty where the photo could not be read.
    package let firstJPEG: [UInt8]
    /// The file of the other photo.
    package let secondJPEG: [UInt8]
    /// The name to show under the first.
    package let firstName: String
    /// The name to show under the second.
    package let secondName: String
    /// Squared L2.
    package let distance: Double
    /// Whether both show one person.
    package let isSame: Bool

    /// Whether one of the photos could be read.
    var hasPicture: Bool { !firstJPEG.isEmpty || !secondJPEG.isEmpty }

    /// Two JPEG files with the names to show under them.
    package init(
      firstJPEG: [UInt8], secondJPEG: [UInt8], firstName: String, secondName: String,
      distance: Double, isSame: Bool
    ) {
      self.firstJPEG = firstJPEG
      self.secondJPEG = secondJPEG
      self.firstName = firstName
      self.secondName = secondName
      self.distance = distance
      self.isSame = isSame
    }
  }

  /// What was measured, in the order in which it is shown.
  package var figures: [Figure]
  /// How the figures were made.
  package var rules: [String]
  /// What is most likely not meant, a line each.
  package var warnings: [String]
  /// Over all pairs at once.
  package var roc: [ROCPoint]
  /// The mean over the folds at each false-accept rate that there are pairs enough for.
  package var validationRates: [ValidationRate]
  /// The distances of pairs of one person and of two.
  package var histogram: DistanceHistogram?
  /// The most accurate threshold on all pairs, a squared distance.
  package var threshold: Double?
  /// The pairs that verification got most wrong.
  package var worstPairs: [PicturePair]
  /// True-accept rates with their intervals; nil without verification.
  package var table: VerificationTable?
  /// Each part of the people by itself; nil where none were asked for.
  package var subsets: SubsetTable?
  /// Error against discard; nil where no quality was given.
  package var discard: ErrorDiscard?

  /// The detail of `result` with its `table`; `name` and `jpeg` are asked for the photos of its
  /// worst pairs.
  package init(
    _ result: EvaluationResult, table: VerificationTable?, name: (Int) -> String,
    jpeg: (Int) -> [UInt8]?
  ) {
    figures = result.figures
    rules = result.rules
    warnings = result.warnings
    roc = result.exactROC
    if let verification = result.verification {
      let strangers = verification.pairCount - verification.sameCount
      validationRates = verification.validationRates.filter {
        AcceptRate.refusal(targetFAR: $0.targetFAR, differentCount: strangers) == nil
      }
    } else {
      validationRates = []
    }
    histogram = result.histogram
    threshold = result.verification?.mostAccurateThreshold
    self.table = table
    worstPairs = result.worstPairs.map { pair in
      PicturePair(
        firstJPEG: jpeg(pair.first) ?? [], secondJPEG: jpeg(pair.second) ?? [],
        firstName: name(pair.first), secondName: name(pair.second), distance: pair.distance,
        isSame: pair.isSame)
    }
  }
}
