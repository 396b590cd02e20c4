package import Datasets
internal import Inference

/// A detector at work on photos of any size; serves one thread at a time.
///
/// A photo is looked at with its longer side at most 640 pixels long, and once more at half of that
/// for faces that are larger than those which the detector knows; it is never enlarged. What both
/// find is merged.
package final class FaceFinder {
  /// The longer side of the first look, in pixels.
  static let longestSide = 640
  /// YuNet knows faces of 10 to 300 pixels.
  static let largestFace = 300
  /// Boxes that overlap more are of one face.
  package static let mostOverlap = 0.3
  /// Runners that are kept for the sizes of photos to come.
  private static let keptRunners = 4
  /// Bytes that a runner may take, so that a finder takes 2 GiB at most.
  static let runnerBytes = (1 << 31) / keptRunners

  private let detector: FaceDetector
  private let least: Double
  private let resampler = Resampler()
  private let small = PixelBuffer(width: 1, height: 1)
  /// Those used last, the newest at the end.
  private var runners: [GraphRunner] = []

  /// Finds the faces that `detector` is at least `score` sure of.
  package init(_ detector: FaceDetector, score: Double) {
    self.detector = detector
    least = score
  }

  /// The faces of a photo, the surest first, in thousandths of a pixel; throws `InterchangeError`
  /// where the detector cannot compute an image of its size.
  package func faces(on photo: PixelBuffer) throws -> [DetectedFace] {
    let longer = max(photo.width, photo.height)
    let first = min(1, Double(Self.longestSide) / Double(longer))
    var faces = try look(at: photo, scale: first)
    if Double(longer) * first > Double(Self.largestFace) {
      faces += try look(at: photo, scale: first / 2)
    }
    return DetectedFace.suppressed(faces, above: Self.mostOverlap).map(\.rounded)
  }

  private func look(at photo: PixelBuffer, scale: Double) throws -> [DetectedFace] {
    let width = max(1, Int((Double(photo.width) * scale).rounded()))
    let height = max(1, Int((Double(photo.height) * scale).rounded()))
    var picture = photo
    if width != photo.width || height != photo.height {
      small.resize(width: width, height: height)
      resampler.resample(
        photo.pixels, width: photo.width, height: photo.height,
        x: SamplingAxis(scale: Double(photo.width) / Double(width)),
        y: SamplingAxis(scale: Double(photo.height) / Double(height)), outWidth: width,
        outHeight: height, into: small.pixels)
      picture = small
    }
    let found = try detect(on: picture)
    let (x, y) = (
      Double(width) / Double(photo.width), Double(height) / Double(photo.height)
    )
    return found.map { $0.onPhoto(x: x, y: y) }
  }

  /// What the detector finds on the picture as it is.
  private func detect(on picture: PixelBuffer) throws -> [DetectedFace] {
    let grid = FaceDetector.grid
    let runner = try runner(
      height: (picture.height + grid - 1) / grid * grid,
      width: (picture.width + grid - 1) / grid * grid)
    Self.fill(runner.image, width: runner.width, height: runner.height, with: picture)
    runner.run()
    return FaceDetector.strides.flatMap { stride in
      FaceDetector.decode(
        classes: runner.output("cls_\(stride)"), objects: runner.output("obj_\(stride)"),
        boxes: runner.output("bbox_\(stride)"), points: runner.output("kps_\(stride)"),
        columns: runner.width / stride, stride: stride, score: least)
    }
  }

  private func runner(height: Int, width: Int) throws -> GraphRunner {
    if let place = runners.firstIndex(where: { $0.height == height && $0.width == width }) {
      let runner = runners.remove(at: place)
      runners.append(runner)
      return runner
    }
    // The memory of the oldest goes first.
    if runners.count == Self.keptRunners { runners.removeFirst() }
    let runner = try detector.runner(height: height, width: width, mostBytes: Self.runnerBytes)
    runners.append(runner)
    return runner
  }

  /// Blue, green and red as numbers of 0 to 255, black to the right and below.
  private static func fill(
    _ image: UnsafeMutablePointer<Float>, width: Int, height: Int, with picture: PixelBuffer
  ) {
    image.update(repeating: 0, count: width * height * 3)
    for y in 0..<picture.height {
      var source = UnsafePointer(picture.pixels) + y * picture.width * 3
      var target = image + y * width * 3
      for _ in 0..<picture.width {
        target[0] = Float(source[2])
        target[1] = Float(source[1])
        target[2] = Float(source[0])
        source += 3
        target += 3
      }
    }
  }
}
