/// How the losses of a batch's triplets become one number: `--triplet-reduction`.
package enum TripletReduction: String, Sendable, Equatable, CaseIterable {
  /// Their mean, as in facenet's code.
  case mean
  /// Their sum, as in the paper.
  case sum
}
