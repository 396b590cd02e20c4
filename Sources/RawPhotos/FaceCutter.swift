package import Datasets

/// Cuts faces out of photos, aligned by five points to insightface's template (face_align.py
/// `norm_crop`): the full-size photo, a least-squares similarity, bilinear, black beyond the edge.
/// Serves one thread at a time.
///
/// The JPEG keeps the chroma whole: halved, it would be off by a grey level by itself.
package final class FaceCutter {
  /// The JPEG quality where nothing else is said.
  package static let usualQuality = 98

  private let quality: Int
  private let template: [(x: Double, y: Double)]
  private let aligned: PixelBuffer
  private let encoder = JPEGEncoder()

  /// Makes photos of `size` at JPEG `quality` 1...100.
  package init(size: ImageSize, quality: Int = FaceCutter.usualQuality) {
    self.quality = quality
    template = Alignment.template(size: size)
    aligned = PixelBuffer(width: size.width, height: size.height)
  }

  /// What maps a pixel of the aligned photo to a pixel of the photo that a face with the ten
  /// numbers `points` is on, and whether these are the points of no face; nil where they are one.
  package func place(of points: [Double]) -> (toPhoto: Similarity, isDoubtful: Bool)? {
    let five = FacePoints.points(points)
    guard let similarity = Similarity(from: five, to: template)?.inverse else { return nil }
    return (similarity, Alignment.misfit(five) > Alignment.largestMisfit)
  }

  /// The file of the face that `similarity` maps to `photo`.
  package func jpeg(of photo: PixelBuffer, by similarity: Similarity) -> [UInt8] {
    Alignment.warp(
      photo.pixels, width: photo.width, height: photo.height, by: similarity, x: (1, 0),
      y: (1, 0), outWidth: aligned.width, outHeight: aligned.height, into: aligned.pixels)
    return encoder.encode(
      aligned.pixels, width: aligned.width, height: aligned.height, quality: quality,
      keepsChroma: true)
  }
}
