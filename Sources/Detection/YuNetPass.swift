package import Datasets
internal import Inference

/// YuNet on images of one size, in its three parts: the picture made ready, the network, its
/// outputs decoded. Serves one thread at a time.
package struct YuNetPass {
  private let runner: GraphRunner

  /// Images are padded to a multiple of this.
  package static var grid: Int { YuNet.grid }

  /// The outputs that `output` knows, with the numbers that they have of a cell.
  package static var outputs: [(name: String, width: Int)] {
    YuNet.widths.flatMap { part in
      YuNet.strides.map { ("\(part.name)_\($0)", part.width) }
    }
  }

  /// Makes `detector` ready for images of `height` times `width` pixels, multiples of `grid`;
  /// throws `InterchangeError` where it cannot compute that size.
  package init(_ detector: YuNet, height: Int, width: Int) throws {
    runner = try detector.runner(
      height: height, width: width, mostBytes: YuNetFinder.runnerBytes)
  }

  /// The pass that `runner`, of `YuNet.runner`, makes.
  init(_ runner: GraphRunner) { self.runner = runner }

  /// The network's image, [height, width, 3]: blue, green and red as numbers of 0 to 255.
  package var image: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: runner.image, count: runner.height * runner.width * 3)
  }

  /// Puts `picture`, which is no larger, into the image, black to the right and below.
  package func prepare(_ picture: PixelBuffer) {
    let (image, width) = (runner.image, runner.width)
    image.update(repeating: 0, count: width * runner.height * 3)
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

  /// Computes the outputs of the image, whose memory may then hold other values.
  package func compute() { runner.run() }

  /// The numbers [cells, width] of an output, valid until the next `compute`.
  package func output(_ name: String) -> UnsafeBufferPointer<Float> { runner.output(name) }

  /// The faces of `score` and more that the outputs tell of, in pixels of the image, in the order
  /// of the cells; overlapping ones are all there.
  package func faces(score: Double) -> [DetectedFace] {
    YuNet.strides.flatMap { stride in
      YuNet.decode(
        classes: output("cls_\(stride)"), objects: output("obj_\(stride)"),
        boxes: output("bbox_\(stride)"), points: output("kps_\(stride)"),
        columns: runner.width / stride, stride: stride, score: score)
    }
  }
}
