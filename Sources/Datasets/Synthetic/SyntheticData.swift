/// The size of a set of synthetic faces.
package struct SyntheticData: Sendable, Equatable {
  /// Number of people.
  package var people: Int
  /// Photos of each person.
  package var photos: Int
  /// Side of a photo in pixels.
  package var size: Int

  /// `photos` photos of `size` pixels of each of `people` people.
  package init(people: Int, photos: Int, size: Int) {
    self.people = people
    self.photos = photos
    self.size = size
  }

  /// The faces of the demo, and what `synthetic:` leaves open.
  package static let usual = SyntheticData(people: 500, photos: 12, size: 64)
}

extension SyntheticData {
  /// What is wrong with the size; nil where it can be drawn.
  package var fault: String? {
    if people < 1 || photos < 1 {
      return "synthetic faces need at least 1 person and 1 photo of each"
    }
    let (count, isTooLarge) = people.multipliedReportingOverflow(by: photos)
    if isTooLarge || count > 10_000_000 {
      return "synthetic faces are drawn into memory: at most 10,000,000 photos in all"
    }
    if !(16...1024).contains(size) { return "the size of synthetic faces is 16 to 1024 pixels" }
    return nil
  }
}
