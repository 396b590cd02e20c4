package import Datasets

/// A detector at work on photos of any size; serves one thread at a time.
package final class FaceFinder {
  private let search: any PhotoSearch

  /// Finds the faces that `detector` is at least `score` sure of; nil is its usual score.
  package init(_ detector: FaceDetector, score: Double?) {
    search = detector.search(score: score ?? detector.usualScore)
  }

  /// The faces of a photo, the surest first, in thousandths of a pixel; throws `InterchangeError`
  /// where the detector cannot compute an image of its size.
  package func faces(on photo: PixelBuffer) throws -> [DetectedFace] {
    try search.faces(on: photo).map(\.rounded)
  }
}

/// What finds the faces of a photo; serves one thread at a time.
protocol PhotoSearch: AnyObject {
  /// The faces of `photo`, the surest first; throws `InterchangeError` where an image of its size
  /// cannot be computed.
  func faces(on photo: PixelBuffer) throws -> [DetectedFace]
}
