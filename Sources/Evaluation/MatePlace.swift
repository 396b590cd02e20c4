/// Where the best photo of a person stands among those of others in a search.
///
/// Somebody else's photo that is as similar stands before it: a network that gives all photos one
/// embedding finds nobody, whatever the order of the gallery.
package enum MatePlace {
  /// Whether a person's best score, larger is more similar, is that of the first photo, where the
  /// best score of others is `other`; minus infinity is that of a photo that cannot be compared.
  package static func isFirst(_ mate: Float, before other: Float) -> Bool { mate > other }

  /// How many of `scores` are of others that are at least as similar as the best of `mates`, whose
  /// scores are among them; `.max` where none of these can be compared.
  package static func find(mates: [Int], among scores: UnsafeBufferPointer<Float>) -> Int {
    let best = mates.reduce(-Float.infinity) { max($0, scores[$1]) }
    guard best > -.infinity else { return .max }
    let own = mates.count { scores[$0] == best }
    return scores.reduce(0) { $0 + ($1 >= best ? 1 : 0) } - own
  }

  /// The same of a `mate`'s score and those of others, in descending order.
  package static func find(mate: Float, amongDescending others: [Float]) -> Int {
    mate > -.infinity ? others.firstIndex { $0 < mate } ?? others.count : .max
  }
}
