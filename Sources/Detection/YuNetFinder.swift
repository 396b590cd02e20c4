internal import Datasets
internal import Inference

/// YuNet at work on photos of any size.
///
/// A photo is looked at with its longer side at most 640 pixels long, and once more at half of that
/// for faces that are larger than those which the detector knows; it is never enlarged. What both
/// find is merged.
final class YuNetFinder: PhotoSearch {
  /// The longer side of the first look, in pixels.
  static let longestSide = 640
  /// YuNet knows faces of 10 to 300 pixels.
  static let largestFace = 300
  /// Boxes that overlap more are of one face.
  static let mostOverlap = 0.3
  /// Runners that are kept for the sizes of photos to come.
  private static let keptRunners = 4
  /// Bytes that a runner may take, so that a finder takes 2 GiB at most.
  static let runnerBytes = (1 << 31) / keptRunners

  private let detector: YuNet
  private let least: Double
  private let shrinker = PhotoShrinker()
  private var runners = RunnerShelf(count: YuNetFinder.keptRunners)

  /// Finds the faces that `detector` is at least `score` sure of.
  init(_ detector: YuNet, score: Double) {
    self.detector = detector
    least = score
  }

  func faces(on photo: PixelBuffer) throws -> [DetectedFace] {
    let longer = max(photo.width, photo.height)
    let first = min(1, Double(Self.longestSide) / Double(longer))
    var faces = try look(at: photo, scale: first)
    if Double(longer) * first > Double(Self.largestFace) {
      faces += try look(at: photo, scale: first / 2)
    }
    return DetectedFace.suppressed(faces, above: Self.mostOverlap)
  }

  private func look(at photo: PixelBuffer, scale: Double) throws -> [DetectedFace] {
    let picture = shrinker.picture(of: photo, scale: scale)
    let found = try detect(on: picture)
    let (x, y) = PhotoShrinker.scales(of: picture, to: photo)
    return found.map { $0.onPhoto(x: x, y: y) }
  }

  /// What the detector finds on the picture as it is.
  private func detect(on picture: PixelBuffer) throws -> [DetectedFace] {
    let grid = YuNet.grid
    let runner = try runner(
      height: (picture.height + grid - 1) / grid * grid,
      width: (picture.width + grid - 1) / grid * grid)
    let pass = YuNetPass(runner)
    pass.prepare(picture)
    pass.compute()
    return pass.faces(score: least)
  }

  private func runner(height: Int, width: Int) throws -> GraphRunner {
    try runners.runner(height: height, width: width) {
      try detector.runner(height: height, width: width, mostBytes: Self.runnerBytes)
    }
  }
}
