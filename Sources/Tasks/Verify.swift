internal import Evaluation

/// Whether two photos show one person.
struct VerifyAnswer: Encodable, Equatable {
  let first: String
  let second: String
  /// Squared L2 between normalised embeddings, 0...4.
  let distance: Double
  let threshold: Double
  let thresholdRule: String
  let same: Bool

  /// Compares the two faces; throws `TaskError.badPhoto`.
  init(_ faces: TaskFaces, threshold: ChosenThreshold) throws {
    try faces.requireSound()
    first = faces.names[0]
    second = faces.names[1]
    distance = faces.embeddings.squaredDistance(0, 1)
    self.threshold = threshold.value
    thresholdRule = threshold.text
    same = distance < threshold.value
  }

  var lines: [String] {
    [
      "distance \(Figure.text(distance, digits: 4))",
      "threshold \(thresholdRule)",
      same ? "same person" : "different people",
    ]
  }
}
