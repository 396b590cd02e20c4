/// One measured number with the name it is printed and stored under.
package struct Figure: Sendable, Equatable {
  /// As logs and tables call it.
  package let name: String
  /// The figure itself; NaN where there is none.
  package let value: Double
  /// Digits after the point in print.
  package let digits: Int
  /// Whether it is printed, or only stored.
  package let isHeadline: Bool
  /// What is printed in place of a value that too few data decide; it is stored all the same.
  package let refusal: String?

  /// A figure called `name`.
  package init(
    _ name: String, _ value: Double, digits: Int = 6, isHeadline: Bool = true,
    refusal: String? = nil
  ) {
    self.refusal = refusal
    self.name = name
    self.value = value
    self.digits = digits
    self.isHeadline = isHeadline
  }

  /// `name value`, such as `accuracy 0.990500`, or the name and why there is no value.
  package var line: String { "\(name) \(text)" }

  /// The value to its digits, or why there is none.
  package var text: String { refusal ?? Self.text(value, digits: digits) }

  /// `value` with `digits` digits after the point, rounded to nearest.
  package static func text(_ value: Double, digits: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 1e18 else { return "\(value)" }
    let whole = String(UInt64(scaled))
    let padded = String(repeating: "0", count: max(0, digits + 1 - whole.count)) + whole
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return sign + padded }
    return sign + padded.dropLast(digits) + "." + padded.suffix(digits)
  }
}

/// Everything an evaluation found: what was asked for is there, the rest is absent.
package struct EvaluationResult: Sendable {
  /// Of pairs; nil where there were none.
  package var verification: Verification?
  /// Of all people; nil where pairs alone were asked for.
  package var identification: Identification?
  /// By the class weights; nil for people that the head does not know.
  package var closedSet: ClosedSetAccuracy?
  /// Over the photos that were embedded.
  package var photoCount: Int
  /// The mean L2 norm of the embeddings before they are normalised.
  package var meanEmbeddingNorm: Double
  /// The mean squared distance of two of the normalised embeddings.
  package var meanPairwiseDistance: Double
  /// Photos whose embedding held a NaN or an infinity.
  package var nonFiniteCount: Int
  /// Whether such embeddings have part in a figure.
  private var scoresNonFinite = true
  /// The curve over all pairs at once; empty without verification.
  package var exactROC: [ROCPoint] = []
  /// The distances of pairs of one person and of two; nil without verification.
  package var histogram: DistanceHistogram?
  /// The most distant pairs of one person, then the closest of two.
  package var worstPairs: [WorstPair] = []
  /// Why there are pairs and no verification; nil where there is one, or no pairs.
  package var missingVerification: String?
  /// The distances of all pairs, for tables; nil without verification.
  package var scores: PairScores?
  /// What is most likely not meant with the list of pairs, a sentence each.
  package var pairWarnings: [String] = []

  /// Below this area under the curve the answers of a list are more likely the wrong way round than
  /// the network that bad, given `pairsOfInvertedList` pairs of either kind.
  private static let areaOfInvertedList = 0.35
  private static let pairsOfInvertedList = 30

  /// Scores `embeddings` [photos]: verification if there are `pairs` of both kinds, rank-1
  /// identification if there are `labels` [photos], closed-set accuracy if there are also
  /// `classWeights` [classes, dimension].
  package init(
    embeddings: Embeddings, pairs: VerificationPairs? = nil, labels: [Int]? = nil,
    gallery: Identification.Gallery = .firstPhoto, classWeights: [Float]? = nil,
    worstPairCount: Int = 12
  ) {
    photoCount = embeddings.count
    meanEmbeddingNorm = embeddings.meanNorm
    meanPairwiseDistance = embeddings.meanPairwiseDistance
    nonFiniteCount = embeddings.nonFiniteCount
    if let pairs, !pairs.pairs.isEmpty {
      pairWarnings = pairs.warnings
      if pairs.unreadableCount > 0 {
        pairWarnings.append(
          "\(pairs.unreadableCount) pairs are left out: \(pairs.unreadableReason)")
      }
      let isOneSided = pairs.sameCount == 0 || pairs.sameCount == pairs.pairs.count
      if isOneSided {
        missingVerification =
          "no accuracy: all \(pairs.pairs.count) pairs show "
          + (pairs.sameCount == 0 ? "two people" : "one person")
          + ", and it takes pairs of both kinds"
      }
    }
    if let pairs, pairs.sameCount > 0, pairs.sameCount < pairs.pairs.count {
      let distances = embeddings.squaredDistances(of: pairs)
      let isSame = pairs.pairs.map(\.isSame)
      verification = Verification(distances: distances, pairs: pairs)
      scores = PairScores(distances: distances, pairs: pairs, norms: embeddings.norms)
      exactROC = ROC.exactCurve(distances: distances, isSame: isSame)
      histogram = DistanceHistogram(distances: distances, isSame: isSame)
      worstPairs = WorstPair.select(from: pairs, distances: distances, count: worstPairCount)
    }
    scoresNonFinite =
      labels != nil || pairs?.photoIndices.contains { !embeddings.norms[$0].isFinite } != false
    if let labels {
      let found = Identification(embeddings, labels: labels, gallery: gallery)
      identification = found.probeCount > 0 ? found : nil
      if let classWeights {
        closedSet = ClosedSetAccuracy.score(
          embeddings: embeddings, labels: labels, classWeights: classWeights)
      }
    }
  }

  /// Every figure there is, in the order of print.
  package var figures: [Figure] {
    var figures: [Figure] = []
    if let verification { figures += Self.figures(of: verification) }
    if let identification {
      figures.append(Figure("rank-1", identification.rank1))
      figures.append(
        Figure("probes", Double(identification.probeCount), digits: 0, isHeadline: false))
      figures.append(
        Figure("gallery", Double(identification.gallerySize), digits: 0, isHeadline: false))
    }
    if let closedSet {
      figures.append(Figure("closed-set", closedSet.cosine))
      figures.append(Figure("closed-set-dot", closedSet.dot))
      figures.append(
        Figure("closed-set-unknown", Double(closedSet.unknownCount), digits: 0, isHeadline: false))
    }
    figures.append(Figure("embedding-norm", meanEmbeddingNorm, digits: 4))
    figures.append(Figure("mean-distance", meanPairwiseDistance, digits: 4))
    figures.append(
      Figure("non-finite", Double(nonFiniteCount), digits: 0, isHeadline: nonFiniteCount > 0))
    figures.append(Figure("photos", Double(photoCount), digits: 0))
    return figures
  }

  private static func figures(of verification: Verification) -> [Figure] {
    var figures = [
      Figure("accuracy", verification.accuracy),
      Figure("accuracy-std", verification.accuracyDeviation),
      Figure("threshold", verification.mostAccurateThreshold, digits: 4, isHeadline: false),
    ]
    let differentCount = verification.pairCount - verification.sameCount
    for (rate, name) in zip(verification.validationRates, ["1e-1", "1e-2", "1e-3"]) {
      let refusal = AcceptRate.refusal(
        targetFAR: rate.targetFAR, differentCount: differentCount)
      figures += [
        Figure("VAL@FAR=\(name)", rate.mean, refusal: refusal),
        Figure("VAL@FAR=\(name)-std", rate.deviation, isHeadline: false, refusal: refusal),
        Figure("VAL@FAR=\(name)-reached", rate.reachedFAR, isHeadline: false, refusal: refusal),
      ]
    }
    return figures + [
      Figure("AUC", verification.areaUnderMeanROC),
      Figure("AUC-exact", verification.exactArea, isHeadline: false),
      Figure("EER", verification.equalErrorRate),
      Figure("pairs", Double(verification.pairCount), digits: 0),
      Figure(
        "pairs-skipped", Double(verification.skippedCount), digits: 0,
        isHeadline: verification.skippedCount > 0),
    ]
  }

  /// The figures to print, one a line: `accuracy 0.990500`, `VAL@FAR=1e-3 0.955667`, ...
  package var lines: [String] { figures.filter(\.isHeadline).map(\.line) }

  /// Every figure by name, for JSON.
  package var dictionary: [String: Double] {
    Dictionary(figures.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
  }

  /// How the figures were made, one sentence a line, for the log.
  package var rules: [String] {
    var rules: [String] = []
    if let verification { rules.append("accuracy and VAL: \(verification.foldRule)") }
    if let identification {
      rules.append(
        "rank-1: \(identification.rule); \(identification.probeCount) probes against "
          + "\(identification.gallerySize)")
    }
    if let closedSet {
      rules.append(
        closedSet.unknownCount < closedSet.photoCount
          ? "closed-set: \(closedSet.photoCount) photos of people in the training set, "
            + "\(closedSet.unknownCount) of people without a class (counted as wrong)"
          : "closed-set: 0, as none of the \(closedSet.photoCount) photos is of a person with a class: "
            + "the split has nobody on both sides")
    }
    return rules
  }

  /// What is wrong with the embeddings themselves or with the pairs; empty when nothing is.
  package var warnings: [String] {
    var warnings = (missingVerification.map { [$0] } ?? []) + pairWarnings
    if let verification {
      if verification.oneSidedFoldCount > 0 {
        warnings.append(
          "\(verification.oneSidedFoldCount) of \(verification.foldAccuracies.count) folds have pairs "
            + "of one kind only and no part in the rates of the other; pairs in another order, or "
            + "without folds of their own, are divided evenly")
      }
      let fewest = min(
        verification.sameCount, verification.pairCount - verification.sameCount)
      if verification.exactArea < Self.areaOfInvertedList, fewest >= Self.pairsOfInvertedList {
        warnings.append(
          "pairs of two people are nearer than pairs of one (AUC "
            + "\(Figure.text(verification.exactArea, digits: 3))): look whether the list says 1 for "
            + "one person")
      }
    }
    if nonFiniteCount > 0 {
      warnings.append(
        "\(nonFiniteCount) of \(photoCount) embeddings hold a NaN or an infinity"
          + (scoresNonFinite ? "; they are scored as equal to nobody" : ""))
    }
    let collapse = CollapseWarning.text(
      meanPairwiseDistance: meanPairwiseDistance, photoCount: photoCount)
    return warnings + (collapse.map { [$0] } ?? [])
  }

  /// Whether all embeddings are nearly one point, which no threshold can separate.
  package var isCollapsed: Bool {
    photoCount > 1 && meanPairwiseDistance < CollapseWarning.distance
  }
}
