/// Cosines from which on `check --embeddings` finds something; nil looks for none of it.
package struct CleaningLimits: Sendable, Equatable {
  /// Photos of one person that are joined by pairs at it, directly or by others, are one part of
  /// that person's.
  package var strangers: Double? = 0.7
  /// People whose centres are this near are one.
  package var people: Double? = 0.7
  /// Photos this near are one photo.
  package var duplicates: Double? = 0.98
  /// People whose centre is this near to a photo of an evaluation set are in it.
  package var overlaps = 0.4

  /// The usual ones.
  package init() {}
}
