private import Datasets
private import Detection
private import Interchange
private import Threads

/// YuNet by itself on one thread: what a look at a photo costs without reading and making it
/// smaller, and what the network puts out.
package struct DetectorBenchmark {
  private let detector: YuNet
  private let path: String

  /// Reads the detector's ONNX file; throws `InterchangeError`.
  package init(detector path: String) throws {
    detector = try YuNet(path: path)
    self.path = path
  }

  /// Times the three parts, and the whole of them, in turns for about `budgetSeconds` and five
  /// times at least, on a picture of `width` times `height` pixels; throws `InterchangeError` where
  /// the detector cannot compute that size.
  package func run(width: Int, height: Int, budgetSeconds: Double) throws -> BenchmarkReport {
    let grid = YuNetPass.grid
    let pass = try YuNetPass(
      detector, height: (height + grid - 1) / grid * grid, width: (width + grid - 1) / grid * grid)
    let picture = Self.picture(width: width, height: height)
    let parts: [(name: String, run: () -> Void)] = [
      ("preparation", { pass.prepare(picture) }),
      ("network", { pass.compute() }),
      ("decoding", { _ = pass.faces(score: Self.leastScore) }),
    ]
    for part in parts { part.run() }
    var samples = [[Double]](repeating: [], count: parts.count + 1)
    let begin = Clock.seconds
    while samples[0].count < 5 || Clock.seconds - begin < budgetSeconds {
      var whole = 0.0
      for (i, part) in parts.enumerated() {
        let start = Clock.seconds
        part.run()
        let seconds = Clock.seconds - start
        samples[i].append(seconds)
        whole += seconds
      }
      samples[parts.count].append(whole)
    }
    let rows = zip(parts.map(\.name) + ["all"], samples).map { name, samples in
      let timing = Timing(samples)
      return BenchmarkRow(
        name: "detect \(width)x\(height) \(name)", bestSeconds: timing.bestSeconds,
        medianSeconds: timing.medianSeconds)
    }
    return BenchmarkReport(kind: "detect", settings: ["detector": path], rows: rows)
  }

  /// Computes the outputs of the images [N, height, width, 3] in the NumPy file `images`, blue,
  /// green and red as numbers of 0 to 255, and writes each as [N, cells, numbers of a cell] to the
  /// safetensors file `outputs`; throws `InterchangeError`, and `BenchmarkFailure.input` where they
  /// are no such images.
  package func writeOutputs(of images: String, to outputs: String) throws {
    let file = try NumPyFile.read(images)
    let (shape, grid) = (file.shape, YuNetPass.grid)
    guard shape.count == 4, shape[0] > 0, shape[1] > 0, shape[2] > 0, shape[3] == 3,
      shape[1] % grid == 0, shape[2] % grid == 0
    else {
      throw BenchmarkFailure.input(
        "\(images) is \(shape), wanted [N, height, width, 3] with sides that are multiples of "
          + "\(grid)")
    }
    let pass = try YuNetPass(detector, height: shape[1], width: shape[2])
    var values: [String: [Float]] = [:]
    let size = pass.image.count
    for image in 0..<shape[0] {
      file.values.withUnsafeBufferPointer {
        _ = pass.image.update(fromContentsOf: $0[image * size..<(image + 1) * size])
      }
      pass.compute()
      for (name, _) in YuNetPass.outputs { values[name, default: []] += pass.output(name) }
    }
    let tensors = YuNetPass.outputs.map { name, width in
      let floats = values[name]!
      return SafetensorsTensor(
        name: name, shape: [shape[0], floats.count / shape[0] / width, width], floats: floats)
    }
    try SafetensorsFile.write(tensors: tensors, to: outputs)
  }

  /// What OpenCV's FaceDetectorYN and `align` ask of a face.
  private static let leastScore = 0.6

  /// A picture that is not flat, drawn as scripts/golden/detector.py does.
  private static func picture(width: Int, height: Int) -> PixelBuffer {
    var bytes: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        for c in [100, 50, 0] {
          let part = x * y % 29 * 5
          bytes.append(UInt8(truncatingIfNeeded: x * 7 + y * 13 + c + part))
        }
      }
    }
    return PixelBuffer(width: width, height: height, bytes: bytes)
  }
}
