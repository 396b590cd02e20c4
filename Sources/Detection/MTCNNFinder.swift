internal import Datasets
internal import Determinism
internal import Inference

/// MTCNN at work on photos of any size, step by step as facenet-pytorch's `detect_face` does it
/// with its usual settings: faces of 20 pixels and more.
///
/// A photo is looked at with its longer side at most 1280 pixels long; it is never enlarged.
final class MTCNNFinder: PhotoSearch {
  /// The longer side of what is looked at, in pixels.
  static let longestSide = 1280
  /// The smallest face, in pixels of what is looked at.
  static let smallestFace = 20.0
  /// P-Net's windows are of this many pixels.
  static let window = 12
  /// Between two sizes at which P-Net looks.
  static let factor = 0.709
  /// The least scores of P-Net and R-Net.
  static let (proposalScore, refinementScore) = (0.6, 0.7)
  /// Boxes that are kept of one look, the surest; crowds have some hundreds.
  static let mostBoxes = 4096
  /// More than the 13 sizes at which P-Net looks at the largest photo.
  private static let keptRunners = 16
  /// Bytes that a runner of P-Net may take, on the largest photo too.
  private static let runnerBytes = 1 << 28

  private let detector: MTCNN
  private let least: Double
  private let shrinker = PhotoShrinker()
  private let sums = AreaSums()
  private var proposers = RunnerShelf(count: MTCNNFinder.keptRunners)
  private var (refiner, output): (GraphRunner?, GraphRunner?)

  /// Finds the faces that `detector` is at least `score` sure of.
  init(_ detector: MTCNN, score: Double) {
    self.detector = detector
    least = score
  }

  func faces(on photo: PixelBuffer) throws -> [DetectedFace] {
    let longer = Double(max(photo.width, photo.height))
    let picture = shrinker.picture(of: photo, scale: min(1, Double(Self.longestSide) / longer))
    sums.set(picture)
    let found = try finished(refined(proposals()))
    guard picture !== photo else { return found }
    let (x, y) = PhotoShrinker.scales(of: picture, to: photo)
    return found.map { $0.onPhoto(x: x, y: y) }
  }

  // MARK: P-Net

  /// The scales at which P-Net looks at a photo whose shorter side has so many pixels.
  static func scales(shorter: Int) -> [Double] {
    var scale = Double(window) / smallestFace
    var side = Double(shorter) * scale
    var scales: [Double] = []
    while side >= Double(window) {
      scales.append(scale)
      scale *= factor
      side *= factor
    }
    return scales
  }

  /// Squares that may be faces.
  private func proposals() throws -> [MTCNNBox] {
    var boxes: [MTCNNBox] = []
    var shares: [[Float]] = []
    for scale in Self.scales(shorter: min(sums.width, sums.height)) {
      let found = try proposals(scale: scale)
      for index in Self.kept(of: found.boxes, above: 0.5) {
        boxes.append(found.boxes[index])
        shares.append(found.shares[index])
      }
    }
    return Self.kept(of: boxes, above: 0.7).map { index in
      boxes[index].moved(by: shares[index], more: 0).squared
    }
  }

  /// The windows that P-Net takes for faces, and by what it would move their sides.
  private func proposals(scale: Double) throws -> (boxes: [MTCNNBox], shares: [[Float]]) {
    let height = Int(Double(sums.height) * scale + 1)
    let width = Int(Double(sums.width) * scale + 1)
    let runner = try proposers.runner(height: height, width: width) {
      try GraphRunner(
        detector.proposal, height: height, width: width, mostBytes: Self.runnerBytes)
    }
    sums.resample(
      rows: 0..<sums.height, columns: 0..<sums.width, height: height, width: width,
      into: runner.image)
    runner.run()
    let (scores, sides) = (runner.output("score"), runner.output("box"))
    let columns = runner.shape(of: "score")[3]
    // In floats, as torch divides: halves of pixels are rounded down.
    let step = Float(scale)
    func place(_ pixel: Int) -> Double { Double((Float(pixel) / step).rounded(.down)) }
    var (boxes, shares): ([MTCNNBox], [[Float]]) = ([], [])
    for cell in 0..<scores.count / 2 {
      let score = Self.score(scores, cell)
      guard score >= Self.proposalScore else { continue }
      let (x, y) = (2 * (cell % columns), 2 * (cell / columns))
      boxes.append(
        MTCNNBox(
          left: place(x + 1), top: place(y + 1), right: place(x + Self.window),
          bottom: place(y + Self.window), score: score))
      shares.append(Array(sides[4 * cell..<4 * cell + 4]))
    }
    return (boxes, shares)
  }

  // MARK: R-Net and O-Net

  /// The squares that R-Net takes for faces, moved.
  private func refined(_ boxes: [MTCNNBox]) throws -> [MTCNNBox] {
    let runner = try refiner ?? GraphRunner(detector.refinement, height: 24, width: 24)
    refiner = runner
    var (found, shares): ([MTCNNBox], [[Float]]) = ([], [])
    for box in boxes {
      guard let score = look(at: box, runner), score > Self.refinementScore else { continue }
      found.append(box)
      found[found.count - 1].score = score
      shares.append(Array(runner.output("box")))
    }
    return Self.kept(of: found, above: 0.7).map { index in
      found[index].moved(by: shares[index], more: 1).squared
    }
  }

  /// The faces that O-Net finds in `boxes`.
  private func finished(_ boxes: [MTCNNBox]) throws -> [DetectedFace] {
    let runner = try output ?? GraphRunner(detector.output, height: 48, width: 48)
    output = runner
    var (found, points): ([MTCNNBox], [[Double]]) = ([], [])
    for box in boxes {
      guard let score = look(at: box, runner), score > least else { continue }
      let shares = runner.output("points")
      points.append(
        (0..<10).map { i in
          let share = Double(shares[i % 2 * 5 + i / 2])
          return i % 2 == 0
            ? (box.right - box.left + 1) * share + box.left - 1
            : (box.bottom - box.top + 1) * share + box.top - 1
        })
      found.append(box.moved(by: Array(runner.output("box")), more: 1))
      found[found.count - 1].score = score
    }
    let finite = found.indices.filter { index in
      (points[index] + [
        found[index].left, found[index].top, found[index].right, found[index].bottom,
      ])
      .allSatisfy { $0.magnitude < MTCNNBox.farthest }
    }
    (found, points) = (finite.map { found[$0] }, finite.map { points[$0] })
    return Self.kept(of: found, above: 0.7, .smaller).map { index in
      let box = found[index]
      return DetectedFace(
        left: box.left, top: box.top, width: box.right - box.left, height: box.bottom - box.top,
        points: points[index], score: box.score)
    }
  }

  /// How sure a network is that `box` is a face; nil where it is not on the photo.
  private func look(at box: MTCNNBox, _ runner: GraphRunner) -> Double? {
    guard let (rows, columns) = box.pixels(width: sums.width, height: sums.height) else {
      return nil
    }
    sums.resample(
      rows: rows, columns: columns, height: runner.height, width: runner.width,
      into: runner.image)
    runner.run()
    return Self.score(runner.output("score"), 0)
  }

  /// The softmax of the second of two numbers.
  private static func score(_ scores: UnsafeBufferPointer<Float>, _ cell: Int) -> Double {
    1 / (1 + Elementary.exp(Double(scores[2 * cell]) - Double(scores[2 * cell + 1])))
  }

  /// `MTCNNBox.kept` of the surest `mostBoxes`: weights that are none of MTCNN's may call every
  /// window a face.
  private static func kept(
    of boxes: [MTCNNBox], above limit: Double, _ kind: MTCNNBox.Overlap = .union
  ) -> [Int] {
    guard boxes.count > mostBoxes else { return MTCNNBox.kept(of: boxes, above: limit, kind) }
    let surest = boxes.indices.sorted {
      boxes[$0].score != boxes[$1].score ? boxes[$0].score > boxes[$1].score : $0 < $1
    }.prefix(mostBoxes)
    return MTCNNBox.kept(of: surest.map { boxes[$0] }, above: limit, kind).map { surest[$0] }
  }
}
