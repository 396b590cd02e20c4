/// Scores of classes with several centres each (sub-centre ArcFace, Deng et al., ECCV 2020): a
/// class has the score of the centre that is nearest to the sample, and its other centres have
/// none.
package enum SubCentreKernel {
  /// Stands for no score: its exponential is 0, and 0 times it is 0 too, which minus infinity is
  /// not.
  package static let none = -Float.greatestFiniteMagnitude

  /// Leaves, of every `centres` elements of `row` [count] that follow one another, the greatest as
  /// it is, of equal ones the first, and puts `none` in the place of the others; `count` is a
  /// multiple of `centres`.
  package static func keepNearest(
    of row: UnsafeMutablePointer<Float>, count: Int, centres: Int
  ) {
    var first = 0
    while first < count {
      var (nearest, greatest) = (first, row[first])
      for centre in first + 1..<first + centres {
        let score = row[centre]
        if score > greatest { (nearest, greatest) = (centre, score) }
      }
      for centre in first..<first + centres where centre != nearest { row[centre] = none }
      first += centres
    }
  }
}
