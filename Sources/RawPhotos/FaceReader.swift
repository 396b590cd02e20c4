package import Datasets
package import Detection

/// Reads photos and finds the faces on them; serves one thread at a time.
package final class FaceReader {
  /// The photo that was read last, upright and in its own size.
  package let photo = PixelBuffer(width: 1, height: 1)
  private let source: any PhotoSource
  private let choice: FaceChoice
  private let finder: FaceFinder
  private let decoder = ImageDecoder()
  private let bytes = ByteBuffer()

  /// Looks at photos of `source` for faces that `detector` is at least `score` sure of; nil is its
  /// usual score.
  package init(
    _ detector: FaceDetector, score: Double?, choice: FaceChoice, source: any PhotoSource
  ) {
    self.source = source
    self.choice = choice
    finder = FaceFinder(detector, score: score)
  }

  /// All faces of photo `index` in the order of the choice, or why it cannot be read; throws
  /// `InterchangeError` where the detector cannot compute an image of its size.
  package func faces(of index: Int) throws -> Result<[DetectedFace], ImageError> {
    do throws(ImageError) {
      try source.read(index, into: bytes)
      try decoder.decode(bytes.bytes, into: photo)
    } catch {
      return .failure(error)
    }
    let found = try finder.faces(on: photo)
    return .success(choice.ordered(found, width: photo.width, height: photo.height))
  }
}
