internal import Determinism
internal import Inference
internal import Interchange
internal import Preconditions

/// YuNet (Wu, Peng and Yu, 2023), a detector of faces and their five points, from the ONNX file
/// that a user names (libfacedetection.train, of fixed or of any size).
///
/// Its outputs are `cls_S`, `obj_S`, `bbox_S` and `kps_S` of a grid of S pixels, S being 8, 16
/// and 32.
package final class YuNet: Sendable {
  /// The file that it is of.
  let path: String
  /// A hash of the file.
  let hash: UInt64
  let graph: InferenceGraph

  /// Images are padded to a multiple of this.
  static let grid = 32
  static let strides = [8, 16, 32]

  /// Reads the file at `path`; throws `InterchangeError`, also for the network of something else.
  package init(path: String) throws {
    self.path = path
    let file = try ONNXFile(path: path)
    let names = file.graph.outputs.map(\.name)
    let wanted = Self.strides.flatMap { stride in
      Self.widths.map { "\($0.name)_\(stride)" }
    }
    if let missing = wanted.first(where: { !names.contains($0) }) {
      throw InterchangeError.unsupported(
        path: path,
        reason: "no detector that is known: YuNet has an output '\(missing)', this network has "
          + names.prefix(4).map { "'\($0)'" }.joined(separator: ", ")
          + (names.count > 4 ? " and \(names.count - 4) more" : "")
          + "; docs/data.md says where YuNet is published")
    }
    hash = file.hash
    graph = try InferenceGraph(file)
    guard graph.inputChannels == 3 else {
      throw InterchangeError.unsupported(
        path: path, reason: "an image of \(graph.inputChannels) channels; YuNet takes 3")
    }
    // Shapes that contradict each other whatever the photo is show here, and not at the first one.
    _ = try runner(height: 2 * Self.grid, width: 3 * Self.grid, mostBytes: YuNetFinder.runnerBytes)
  }

  /// The graph made ready for images of a size, multiples of `grid`, in `mostBytes` of memory at
  /// most; throws `InterchangeError` where its outputs are not those of the cells of such an image:
  /// sizes may be fixed in a graph.
  func runner(height: Int, width: Int, mostBytes: Int) throws -> GraphRunner {
    let runner = try GraphRunner(graph, height: height, width: width, mostBytes: mostBytes)
    for stride in Self.strides {
      let cells = height / stride * (width / stride)
      for (name, count) in Self.widths {
        let shape = runner.shape(of: "\(name)_\(stride)")
        guard shape == [1, cells, count] else {
          throw InterchangeError.unsupported(
            path: path,
            reason: "its output '\(name)_\(stride)' is \(shape.prefix(8)) of an image of "
              + "\(width)x\(height), where YuNet's is [1, \(cells), \(count)]")
        }
      }
    }
    return runner
  }

  /// What is known of a cell, and in how many numbers.
  static let widths: [(name: String, width: Int)] = [
    ("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10),
  ]

  /// Faces of a grid of `columns` cells a row, `stride` pixels apart, in pixels of the image: those
  /// of `score` and more.
  ///
  /// The score is sqrt(cls obj), as OpenCV's FaceDetectorYN has it. A box's middle and its points
  /// are offsets from the cell's first pixel in strides, its sides exp of strides.
  package static func decode(
    classes: UnsafeBufferPointer<Float>, objects: UnsafeBufferPointer<Float>,
    boxes: UnsafeBufferPointer<Float>, points: UnsafeBufferPointer<Float>, columns: Int,
    stride: Int, score least: Double
  ) -> [DetectedFace] {
    let cells = classes.count
    require(
      columns > 0 && objects.count == cells && boxes.count == 4 * cells
        && points.count == 10 * cells,
      "YuNet.decode: \(cells) classes in rows of \(columns), \(objects.count) objects, "
        + "\(boxes.count) numbers of boxes, \(points.count) of points")
    var faces: [DetectedFace] = []
    let step = Double(stride)
    for cell in 0..<cells {
      let product = Double(min(max(classes[cell], 0), 1)) * Double(min(max(objects[cell], 0), 1))
      let score = product.squareRoot()
      guard score >= least else { continue }
      let (x, y) = (Double(cell % columns) * step, Double(cell / columns) * step)
      let middleX = Double(boxes[4 * cell]) * step + x
      let middleY = Double(boxes[4 * cell + 1]) * step + y
      let width = Elementary.exp(Double(boxes[4 * cell + 2])) * step
      let height = Elementary.exp(Double(boxes[4 * cell + 3])) * step
      let face = DetectedFace(
        left: middleX - width / 2, top: middleY - height / 2, width: width, height: height,
        points: (0..<10).map { i in
          Double(points[10 * cell + i]) * step + (i % 2 == 0 ? x : y)
        }, score: score)
      let numbers = [face.left, face.top, width, height] + face.points
      // Weights that are none of YuNet's may put a face anywhere.
      if numbers.allSatisfy({ $0.magnitude < farthest }) { faces.append(face) }
    }
    return faces
  }

  /// A face that is farther from the first pixel is on no photo.
  private static let farthest = 1e5
}
