/// Cosines and angles from which on `check --embeddings` finds something; nil looks for none of it.
package struct CleaningLimits: Sendable, Equatable {
  /// Photos of one person that are joined by pairs at it, directly or by others, are one part of
  /// that person's.
  package var strangers: Double? = 0.3
  /// People whose centres are this near are one.
  package var people: Double? = 0.55
  /// Whether these two follow from the cosines of photos of different people, where there are
  /// enough.
  package var followsStrangers = true
  package var followsPeople = true
  /// Photos at a larger angle to the main centre of their person are far, where a loss has several
  /// (insightface's `recognition/subcenter_arcface/drop.py`).
  package var centreDegrees = 75.0
  /// Photos this near are one photo.
  package var duplicates: Double? = 0.98
  /// People whose centre is this near to a photo of an evaluation set are in it.
  package var overlaps = 0.4

  /// The usual ones.
  package init() {}

  /// The limits with those that follow from `cosines`, and how they do, in words; nil where nothing
  /// follows.
  func settled(by cosines: StrangerCosines?) -> (limits: CleaningLimits, rule: String?) {
    let (strangers, people) = (
      followsStrangers && strangers != nil, followsPeople && people != nil
    )
    guard strangers || people else { return (self, nil) }
    var limits = self
    (limits.followsStrangers, limits.followsPeople) = (false, false)
    guard let cosines else {
      return (
        limits, "limits: the usual ones, as there are too few photos of different people to go by"
      )
    }
    func text(_ value: Double) -> String { CleaningList.text(value) }
    var parts: [String] = []
    if strangers {
      let limit = cosines.limit(StrangerCosines.ofStrangers)
      limits.strangers = limit
      parts.append("a person's photos from \(limit) on")
    }
    if people {
      let limit = cosines.limit(StrangerCosines.ofPeople)
      limits.people = limit
      parts.append("people who are one from \(limit) on")
    }
    return (
      limits,
      "limits: photos of different people have cosines of \(text(cosines.mean)) +- "
        + "\(text(cosines.deviation)): " + parts.joined(separator: ", ")
    )
  }
}
