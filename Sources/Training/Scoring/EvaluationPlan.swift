package import Datasets
package import Evaluation
private import Foundation

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
  /// What is worth saying about the plan: overlaps, skipped pairs.
  package let notes: [String]

  /// The most pairs that are made of held-out photos.
  private static let generatedPairs = 6000

  /// The plan for `index` divided as `divided`, with the pairs of `pairsFile` or, without one, pairs
  /// made of the held-out photos; nil where nothing is held out and no pairs are given. Throws
  /// `DatasetError` or `PairsFileError`.
  package init?(
    _ index: PhotoIndex, divided: DividedPhotos, pairsFile: String?, seed: UInt64
  ) throws {
    guard let pairsFile else {
      guard !divided.heldOut.isEmpty else { return nil }
      photos = divided.heldOut
      let people = divided.heldOut.map { index.photos[$0].person }
      self.people = people
      pairs = VerificationPairs.generated(
        labels: people, limit: Self.generatedPairs, seed: seed)
      classes = divided.isClosedSet ? people.map { divided.classOfPerson[$0] } : nil
      notes =
        divided.isClosedSet
        ? ["closed set: the held-out photos show people of the training part"] : []
      return
    }
    guard let bytes = FileManager.default.contents(atPath: pairsFile) else {
      throw DatasetError.unreadable(path: pairsFile, reason: "no such file, or no permission")
    }
    let file = try PairsFile(parsing: String(decoding: bytes, as: UTF8.self), file: pairsFile)
    let resolved = file.resolved(against: index.photos.map(\.path))
    guard !resolved.pairs.isEmpty else {
      throw DatasetError.badOption(
        name: "--pairs", text: pairsFile,
        reason: "none of its photos is in the data; check --data and the names in the file")
    }
    var photos = Set<Int>()
    for pair in resolved.pairs {
      photos.insert(pair.first)
      photos.insert(pair.second)
    }
    let ordered = photos.sorted()
    let places = Dictionary(uniqueKeysWithValues: ordered.enumerated().map { ($1, $0) })
    self.photos = ordered
    pairs = resolved.renumbered(by: places)
    people = nil
    classes = nil
    var notes: [String] = resolved.skipped.prefix(20).map { "\(pairsFile): skipped \($0)" }
    if resolved.skipped.count > 20 {
      notes.append("\(pairsFile): \(resolved.skipped.count) lines skipped in all")
    }
    let training = Set(divided.training.map { index.photos[$0].person })
    let shared = Set(photos.map { index.photos[$0].person }).intersection(training)
    if !shared.isEmpty {
      notes.append("\(shared.count) people of \(pairsFile) are also in the training part")
    }
    self.notes = notes
  }

  /// Scores `embeddings` of `photos`; `classWeights` [classes, dimension] for closed sets.
  package func score(_ embeddings: Embeddings, classWeights: [Float]?) -> EvaluationResult {
    var result = EvaluationResult(embeddings: embeddings, pairs: pairs, labels: people)
    if let classes, let classWeights {
      result.closedSet = ClosedSetAccuracy.score(
        embeddings: embeddings, labels: classes, classWeights: classWeights)
    }
    return result
  }
}
