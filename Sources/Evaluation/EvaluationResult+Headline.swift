extension EvaluationResult {
  /// The figure that decides which checkpoint is best: accuracy of verification, else closed set,
  /// else rank-1.
  package var headline: Double? {
    closedSet?.cosine ?? verification?.accuracy ?? identification?.rank1
  }
}
