internal import Interchange

/// The table of what a detector has found on photos: a line a face, which a file of landmarks may
/// be.
package enum FoundFaces {
  /// The first line. Points are in pixels of the upright photo, `face` counts those of a photo from
  /// one; a photo without a face has zeros.
  package static let titles =
    "path," + (1...5).map { "x\($0),y\($0)" }.joined(separator: ",")
    + ",score,left,top,width,height,face"

  /// The columns behind the points.
  static let numbersBehindPoints = 6

  /// The line of face `number`, from one, of the photo at `path`: ten numbers of `points`, the
  /// score, and left, top, width and height of the box.
  package static func line(
    path: String, points: [Double], score: Double, box: [Double], number: Int
  ) -> String {
    ([CSVTable.quoted(path)] + (points + [score] + box).map(text) + ["\(number)"])
      .joined(separator: ",")
  }

  /// The line of a photo on which no face was found.
  package static func faceless(path: String) -> String {
    line(
      path: path, points: [Double](repeating: 0, count: 10), score: 0,
      box: [0, 0, 0, 0], number: 0)
  }

  /// `value` to three digits, which is what `rounded` makes of it.
  private static func text(_ value: Double) -> String {
    let value = rounded(value)
    return value == value.rounded() && value.magnitude < 1e9 ? "\(Int(value))" : "\(value)"
  }

  /// `value` to a thousandth, so that photos are aligned by what the table says.
  package static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
