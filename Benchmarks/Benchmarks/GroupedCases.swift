internal import Kernels
internal import TestSupport

/// The three operations of a convolution in groups at one shape.
struct GroupedCases {
  let shape: GroupedConvolutionShape
  let rows: Int

  /// Forward, weight gradient, input gradient.
  var cases: [KernelCase] {
    [
      makeCase("forward", reads: input + shape.weightCount, writes: output) { $0.forward() },
      makeCase("weight gradient", reads: input + output, writes: shape.weightCount) {
        $0.backwardWeights()
      },
      makeCase("input gradient", reads: output + shape.weightCount, writes: input) {
        $0.backwardInput()
      },
    ]
  }

  private var input: Int { rows * shape.inputCount }
  private var output: Int { rows * shape.outputCount }

  private func makeCase(
    _ operation: String, reads: Int, writes: Int,
    make: @escaping @Sendable (GroupedOperands) -> KernelTrial
  ) -> KernelCase {
    let (shape, rows) = (shape, rows)
    let stride = shape.stride == 1 ? "" : "/\(shape.stride)"
    let kind = shape.groupWidth == 1 ? "depthwise" : "pairwise"
    return KernelCase(
      "\(kind) \(shape.kernel)x\(shape.kernel)\(stride) \(shape.height)x\(shape.width) "
        + "\(shape.channels) \(operation)",
      multiplyAdds: Double(rows * shape.multiplyAdds), reads: reads, writes: writes,
      tolerance: 2e-5
    ) { make(GroupedOperands(shape, rows: rows)) }
  }
}

/// Operands of one grouped convolution whose images are one and the same, so that the reference, a
/// dense one for each group, needs but one of them.
private final class GroupedOperands: Sendable {
  private let shape: GroupedConvolutionShape
  private let rows: Int
  private let image, gradient, weights: [Float]

  init(_ shape: GroupedConvolutionShape, rows: Int) {
    self.shape = shape
    self.rows = rows
    image = Noise.floats(shape.inputCount, 1, mean: 0.25)
    gradient = Noise.floats(shape.outputCount, 2)
    weights = Noise.floats(shape.weightCount, 3, spread: 0.1)
  }

  func forward() -> KernelTrial {
    let (x, w) = (Floats(image, repeatedTo: rows * image.count), Floats(weights))
    let y = Floats(rows * shape.outputCount)
    let sums = Doubles(2 * shape.channels)
    let run = { [shape, rows] in
      GroupedConvolutionKernel.forward(
        x.constant, rows: rows, weights: w.constant, shape: shape, into: y.pointer,
        statistics: sums.pointer)
    }
    return KernelTrial(run: run) { [self] in
      run()
      return error(of: y, images: gradient.count) { reference, group in
        reference.forward(part(image, group), weights: denseWeights(group))
      }
    }
  }

  func backwardInput() -> KernelTrial {
    let (dy, w) = (Floats(gradient, repeatedTo: rows * gradient.count), Floats(weights))
    let dx = Floats(rows * shape.inputCount)
    let run = { [shape, rows] in
      GroupedConvolutionKernel.backwardInput(
        dy.constant, rows: rows, weights: w.constant, shape: shape, into: dx.pointer,
        adding: false)
    }
    return KernelTrial(run: run) { [self] in
      run()
      return error(of: dx, images: image.count) { reference, group in
        reference.backwardInput(part(gradient, group), weights: denseWeights(group))
      }
    }
  }

  func backwardWeights() -> KernelTrial {
    let x = Floats(image, repeatedTo: rows * image.count)
    let dy = Floats(gradient, repeatedTo: rows * gradient.count)
    let dw = Floats(shape.weightCount)
    let scratch = Doubles(GroupedConvolutionKernel.scratchCount(shape))
    let run = { [shape, rows] in
      GroupedConvolutionKernel.backwardWeights(
        dy.constant, input: x.constant, rows: rows, shape: shape, into: dw.pointer,
        scratch: scratch.pointer)
    }
    return KernelTrial(run: run) { [self] in
      run()
      var exact = [Double](repeating: 0, count: shape.weightCount)
      for group in 0..<shape.channels / shape.groupWidth {
        let own = reference.backwardWeights(part(gradient, group), input: part(image, group))
        forEachWeight(group) { exact[$0] = own[$1] * Double(rows) }
      }
      return worstError(dw.values, exact)
    }
  }

  private var reference: ConvolutionReference {
    ConvolutionReference(
      rows: 1, height: shape.height, width: shape.width, inputChannels: shape.groupWidth,
      outputChannels: shape.groupWidth, kernelHeight: shape.kernel, kernelWidth: shape.kernel,
      stride: shape.stride, paddingHeight: shape.padding, paddingWidth: shape.padding)
  }

  /// The channels of a group out of a map.
  private func part(_ map: [Float], _ group: Int) -> [Double] {
    let width = shape.groupWidth
    return (0..<map.count / shape.channels).flatMap { pixel in
      (0..<width).map { Double(map[pixel * shape.channels + group * width + $0]) }
    }
  }

  /// Calls `body` with the place of each weight of a group in memory and in its own reference.
  private func forEachWeight(_ group: Int, _ body: (Int, Int) -> Void) {
    let (width, taps) = (shape.groupWidth, shape.kernel * shape.kernel)
    for k in 0..<width {
      for c in 0..<width {
        for tap in 0..<taps {
          let place = GroupedWeights.index(
            outputChannel: group * width + k, inputChannel: c, tap: tap,
            channels: shape.channels, groupWidth: width, taps: taps)
          body(place, (k * width + c) * taps + tap)
        }
      }
    }
  }

  private func denseWeights(_ group: Int) -> [Double] {
    var dense = [Double](repeating: 0, count: reference.weightCount)
    forEachWeight(group) { dense[$1] = Double(weights[$0]) }
    return dense
  }

  /// The worst error of any image of `values` [rows][count] against what `exact` gives group by
  /// group.
  private func error(
    of values: Floats, images count: Int, exact: (ConvolutionReference, Int) -> [Double]
  ) -> Double {
    let width = shape.groupWidth
    var whole = [Double](repeating: 0, count: count)
    for group in 0..<shape.channels / width {
      for (i, value) in exact(reference, group).enumerated() {
        whole[i / width * shape.channels + group * width + i % width] = value
      }
    }
    return values.worstError(repeating: whole)
  }
}
