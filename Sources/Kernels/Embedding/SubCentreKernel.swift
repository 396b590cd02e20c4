/// Scores of classes with several centres each (sub-centre ArcFace, Deng et al., ECCV 2020): a
/// class has the score of the centre that is nearest to the sample, and its other centres have
/// none.
package enum SubCentreKernel {
  /// Stands for no score: its exponential is 0, and 0 times it is 0 too, which minus infinity is
  /// not.
  package static let none = -Float.greatestFiniteMagnitude

  /// Leaves, of every `centres` elements of `row` [count] that follow one another, the greatest as
  /// it is, of equal ones the first, and puts `none` in the place of the others; `count` is a
  /// multiple of `centres`. A NaN stays.
  package static func keepNearest(
    of row: UnsafeMutablePointer<Float>, count: Int, centres: Int
  ) {
    // An element goes where another of its class is greater, or equal and before it. What stands
    // in the place of one that has gone beats none, and the greatest never goes, so that all of it
    // is done in place. Vectors begin behind the first class, as they look back, and end where they
    // would look beyond the last; `phase` is the place of each lane in its class.
    keepNearest(of: row, classAt: 0, centres: centres)
    let nones = Vector8(repeating: none)
    let width = Vector8(repeating: Float(centres))
    let advance = Vector8(repeating: Float(8 % centres))
    var phase = Vector8(0, 1, 2, 3, 4, 5, 6, 7)
    for _ in 0..<3 { phase = phase.replacing(with: phase - width, where: phase .>= width) }
    var i = centres
    while i + 8 + centres - 1 <= count {
      let value = Vector8(row + i, count: 8)
      var (previous, next) = (nones, nones)
      for distance in 1..<centres {
        let step = Vector8(repeating: Float(distance))
        let rest = width - step
        let before = nones.replacing(
          with: Vector8(row + i - distance, count: 8), where: phase .>= step)
        let after = nones.replacing(
          with: Vector8(row + i + distance, count: 8), where: phase .< rest)
        previous = previous.replacing(with: before, where: before .> previous)
        next = next.replacing(with: after, where: after .> next)
      }
      value.replacing(with: nones, where: previous .>= value)
        .replacing(with: nones, where: next .> value).store(row + i, count: 8)
      phase += advance
      phase = phase.replacing(with: phase - width, where: phase .>= width)
      i += 8
    }
    for first in stride(from: max(centres, i / centres * centres), to: count, by: centres) {
      keepNearest(of: row, classAt: first, centres: centres)
    }
  }

  /// The same for the class whose first element is number `first`.
  @inline(__always)
  private static func keepNearest(
    of row: UnsafeMutablePointer<Float>, classAt first: Int, centres: Int
  ) {
    for own in first..<first + centres {
      var goes = false
      for other in first..<own where row[other] >= row[own] { goes = true }
      for other in own + 1..<first + centres where row[other] > row[own] { goes = true }
      if goes { row[own] = none }
    }
  }
}
