/// What five points may be that are not those of a face: eyes, nose, corners of the mouth.
package enum FacePoints {
  package typealias Point = (x: Double, y: Double)

  /// As many faces are looked at to tell how their points are written.
  static let sampleCount = 2000

  /// The five points of x1 y1 ... x5 y5, in pixels.
  package static func points(_ numbers: [Double]) -> [Point] {
    (0..<5).map { (x: numbers[2 * $0], y: numbers[2 * $0 + 1]) }
  }

  /// Why `points` are too near to each other to be those of a face in pixels; nil where they are
  /// not. A face of less than two pixels is none.
  static func sizeProblem(_ points: [Point]) -> String? {
    let (xs, ys) = (points.map(\.x), points.map(\.y))
    let (left, right) = (xs.min() ?? 0, xs.max() ?? 0)
    let (top, bottom) = (ys.min() ?? 0, ys.max() ?? 0)
    if right - left >= 2 || bottom - top >= 2 { return nil }
    if left == right, top == bottom { return "its five points are one" }
    let isNormalized = left >= 0 && top >= 0 && right <= 1 && bottom <= 1
    return isNormalized
      ? "its points lie within 0 to 1: multiply them by width and height, points are in pixels"
      : "its five points lie within two pixels"
  }

  /// What is wrong with the points of many photos, x1 y1 ... x5 y5 each, called `names`: `problem`
  /// where most of them are those of no face, in another unit or order; else `note` of those whose
  /// points are too near to each other.
  package static func complaint(
    about points: [[Double]], names: [String]
  ) -> (problem: String?, note: String?) {
    var small: (count: Int, first: Int, reason: String) = (0, 0, "")
    var faces: [[Point]] = []
    for (row, numbers) in points.enumerated() {
      let five = self.points(numbers)
      guard let problem = sizeProblem(five) else {
        if faces.count < sampleCount { faces.append(five) }
        continue
      }
      if small.count == 0 { small = (0, row, problem) }
      small.count += 1
    }
    let text =
      "has points of no face for \(small.count) of \(points.count) photos, such as "
      + "\(small.count > 0 ? names[small.first] : ""): \(small.reason)"
    if 2 * small.count > points.count { return (text, nil) }
    return (orderProblem(of: faces), small.count > 0 ? text : nil)
  }

  /// Why most of `faces` are in another order or unit; nil where they fit faces.
  static func orderProblem(of faces: [[Point]]) -> String? {
    guard !faces.isEmpty else { return nil }
    func median(_ order: ([Point]) -> [Point]) -> (misfit: Double, turn: Double) {
      let fits = faces.map { Alignment.fit(order($0)) }
      return (
        fits.map(\.misfit).sorted()[fits.count / 2], fits.map(\.turn).sorted()[fits.count / 2]
      )
    }
    let misfit = median { $0 }.misfit
    let causes: [(sentence: String, order: ([Point]) -> [Point])] = [
      (
        "its numbers stand as x1 ... x5 y1 ... y5; write x1 y1 ... x5 y5",
        { points in
          let flat = points.flatMap { [$0.x, $0.y] }
          return (0..<5).map { (flat[$0], flat[$0 + 5]) }
        }
      ),
      (
        "left and right are exchanged; the eye on the left of the picture comes first",
        { [$0[1], $0[0], $0[2], $0[4], $0[3]] }
      ),
      ("y stands before x", { $0.map { ($0.y, $0.x) } }),
      ("y is counted from below; count it from above", { $0.map { ($0.x, -$0.y) } }),
      ("the nose comes first; it is the third point", { [$0[1], $0[2], $0[0], $0[3], $0[4]] }),
      ("the nose comes last; it is the third point", { [$0[0], $0[1], $0[4], $0[2], $0[3]] }),
    ]
    let tried = causes.map { (sentence: $0.sentence, fit: median($0.order)) }
    let best = tried.map(\.fit.misfit).min() ?? misfit
    // Several may explain the points; of those the one that leaves faces upright.
    let cause = tried.filter { $0.fit.misfit <= max(2 * best, 0.05) }
      .min { $0.fit.turn < $1.fit.turn }
    if let cause, misfit > 0.1, cause.fit.misfit < misfit / 4 {
      return "does not fit faces: \(cause.sentence)"
    }
    guard misfit > Alignment.largestMisfit else { return mouthProblem(of: faces) }
    return "does not fit faces: the five points are the eye on the left of the picture, the other "
      + "eye, the nose, the left and the right corner of the mouth, as x1 y1 ... x5 y5"
  }

  /// Fewer faces may all be odd ones.
  private static let fewFaces = 3

  /// Why the last two points of most of `faces` are not the corners of a mouth: they do not lie
  /// beside each other as the eyes do, but one below the other or on one another. Corners lie half
  /// to all of the eyes' distance apart, whichever way the head is turned.
  private static func mouthProblem(of faces: [[Point]]) -> String? {
    guard faces.count >= fewFaces else { return nil }
    let widths = faces.map { face in
      let eyes = (x: face[1].x - face[0].x, y: face[1].y - face[0].y)
      let mouth = (x: face[4].x - face[3].x, y: face[4].y - face[3].y)
      let square = eyes.x * eyes.x + eyes.y * eyes.y
      return square > 0 ? (mouth.x * eyes.x + mouth.y * eyes.y) / square : 1
    }
    guard widths.sorted()[widths.count / 2] < 0.25 else { return nil }
    return "does not fit faces: the last two points do not lie beside each other, as the left and "
      + "the right corner of a mouth do"
  }
}
