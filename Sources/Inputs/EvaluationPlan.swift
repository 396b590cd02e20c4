package import Datasets
package import Evaluation
package import Threads

/// What an evaluation measures: which photos are embedded, and how they are scored.
package struct EvaluationPlan: Sendable {
  /// The photos to embed, as indices into the data set.
  package let photos: [Int]
  /// Pairs of positions in `photos`.
  package let pairs: VerificationPairs?
  /// The person of each of `photos`, for identification; nil where pairs alone are asked for.
  package let people: [Int]?
  /// The class of each of `photos`, -1 for none; for closed sets alone.
  package let classes: [Int]?
  /// Where the pairs come from, in words.
  package let origin: String
  /// What of it is not measured: skipped pairs, no pairs.
  package let warnings: [String]

  /// The most pairs that are made of held-out photos.
  private static let generatedPairs = 6000

  /// The sets of a training run: those of `pairsFiles` or, without one, pairs made of the held-out
  /// photos of `divided`; none where nothing is held out and no pairs are given. Throws what is
  /// wrong with a file.
  package static func sets(
    _ index: PhotoIndex, divided: DividedPhotos, pairsFiles: [String], seed: UInt64,
    meter: WorkMeter? = nil
  ) throws -> [EvaluationSet] {
    if !pairsFiles.isEmpty {
      return try EvaluationSet.open(pairsFiles, index: index, meter: meter)
    }
    if divided.heldOut.isEmpty { return [] }
    return [
      EvaluationSet(
        plan: EvaluationPlan(
          index, photos: divided.heldOut, seed: seed,
          classOf: divided.isClosedSet ? { divided.classOfPerson[$0] } : nil))
    ]
  }

  /// Measures the `pairs` of `photoCount` photos that nothing else is known of.
  init(photoCount: Int, pairs: VerificationPairs, origin: String) {
    photos = Array(0..<photoCount)
    self.pairs = pairs
    people = nil
    classes = nil
    self.origin = origin
    warnings = []
  }

  /// Measures `photos`: pairs made of them, identification and, with `classOf` each person, the
  /// closed set.
  package init(
    _ index: PhotoIndex, photos: [Int], seed: UInt64, classOf: ((Int) -> Int)?
  ) {
    self.photos = photos
    origin = "the photos held out"
    let people = photos.map { index.photos.person(of: $0) }
    self.people = people
    let pairs = VerificationPairs.generated(
      labels: people, limit: Self.generatedPairs, seed: seed)
    self.pairs = pairs
    classes = classOf.map { people.map($0) }
    warnings =
      pairs.pairs.isEmpty ? ["no pairs: nobody has two photos, or there is only one person"] : []
  }

  /// Measures the pairs of `pairsFile`. Throws `DatasetError` or `PairsFileError`.
  init(_ index: PhotoIndex, pairsFile: String) throws {
    let file = try PairsFile(parsing: FileReader.text(of: pairsFile), file: pairsFile)
    let resolved = file.resolved(against: index.photos.map(\.path))
    guard !resolved.pairs.isEmpty else {
      throw DatasetError.badOption(
        name: "--pairs", text: pairsFile,
        reason: "none of its pairs is in the data; check --data and the names in the file"
          + (resolved.skipped.first.map { ": \($0)" } ?? ""))
    }
    photos = resolved.photoIndices
    origin = String(pairsFile.split(separator: "/").last ?? "")
    pairs = resolved.renumbered().naming(photos.map { index.photos.person(of: $0) })
    people = nil
    classes = nil
    var warnings = resolved.skipped.prefix(20).map { "\(pairsFile): skipped \($0)" }
    if resolved.skipped.count > 20 {
      warnings.append("\(pairsFile): \(resolved.skipped.count) pairs skipped in all")
    }
    self.warnings = warnings
  }

  /// How many of the people on its photos, which are those of `index`, `known` was trained on.
  package func overlap(in index: PhotoIndex, with known: TrainedPeople) -> PeopleOverlap {
    let people = Set(photos.map { index.photos.person(of: $0) })
    return PeopleOverlap(people.sorted().map { index.people[$0] }, known: known)
  }

  /// Scores `embeddings` of `photos`; pairs with a photo of `bad` are left out. `classWeights`
  /// [classes, centres, dimension] are for closed sets.
  package func score(
    _ embeddings: Embeddings, bad: [BadPhoto] = [], classWeights: [Float]?, centres: Int = 1
  ) -> EvaluationResult {
    let unreadable = Set(bad.map(\.photo))
    let pairs =
      unreadable.isEmpty
      ? pairs
      : pairs?.without(Set(photos.indices.filter { unreadable.contains(photos[$0]) }))
    var result = EvaluationResult(embeddings: embeddings, pairs: pairs, labels: people)
    if let classes, let classWeights {
      result.closedSet = ClosedSetAccuracy.score(
        embeddings: embeddings, labels: classes, classWeights: classWeights, centres: centres)
    }
    return result
  }
}
