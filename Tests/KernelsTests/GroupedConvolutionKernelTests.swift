import Kernels
import Testing
import TestSupport

/// Convolutions in groups against the dense reference in Double, whose weights between groups are
/// zero.
@Suite struct GroupedConvolutionKernelTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let shape: GroupedConvolutionShape
    let rows: Int

    init(
      _ size: (Int, Int), _ channels: Int, groupWidth: Int = 1, kernel: Int = 3, stride: Int = 1,
      padding: Int = 1, rows: Int = 2
    ) {
      shape = GroupedConvolutionShape(
        height: size.0, width: size.1, channels: channels, groupWidth: groupWidth, kernel: kernel,
        stride: stride, padding: padding)
      self.rows = rows
    }

    var testDescription: String {
      "\(rows)x\(shape.height)x\(shape.width)x\(shape.channels) groups of \(shape.groupWidth), "
        + "\(shape.kernel)x\(shape.kernel) / \(shape.stride) + \(shape.padding)"
    }

    var reference: ConvolutionReference {
      ConvolutionReference(
        rows: rows, height: shape.height, width: shape.width, inputChannels: shape.channels,
        outputChannels: shape.channels, kernelHeight: shape.kernel, kernelWidth: shape.kernel,
        stride: shape.stride, paddingHeight: shape.padding, paddingWidth: shape.padding)
    }

    /// Calls `body` with the place of each weight in memory and in the dense reference.
    func forEachWeight(_ body: (Int, Int) -> Void) {
      let taps = shape.kernel * shape.kernel
      for k in 0..<shape.channels {
        for c in 0..<shape.groupWidth {
          let input = k / shape.groupWidth * shape.groupWidth + c
          for tap in 0..<taps {
            body(
              GroupedWeights.index(
                outputChannel: k, inputChannel: c, tap: tap, channels: shape.channels,
                groupWidth: shape.groupWidth, taps: taps),
              (k * shape.channels + input) * taps + tap)
          }
        }
      }
    }

    func dense(_ weights: [Float]) -> [Double] {
      var dense = [Double](repeating: 0, count: reference.weightCount)
      forEachWeight { dense[$1] = Double(weights[$0]) }
      return dense
    }
  }

  static let cases = [
    Case((8, 8), 16), Case((5, 9), 24, rows: 3), Case((9, 5), 20), Case((3, 3), 8),
    Case((1, 1), 8), Case((2, 1), 11), Case((40, 37), 8, rows: 1), Case((6, 6), 8, padding: 0),
    Case((6, 7), 16, padding: 2), Case((8, 8), 16, stride: 2), Case((7, 9), 24, stride: 2),
    Case((12, 5), 9, stride: 3, padding: 0), Case((7, 7), 32, kernel: 7, padding: 0, rows: 5),
    Case((9, 8), 16, kernel: 5, padding: 2), Case((6, 6), 16, groupWidth: 2),
    Case((7, 5), 22, groupWidth: 2, stride: 2),
    Case((4, 4), 6, groupWidth: 2, kernel: 4, padding: 0),
  ]

  @Test(arguments: cases)
  func agreesWithTheReference(_ it: Case) {
    let (shape, reference) = (it.shape, it.reference)
    let x = TestNumbers.normal(it.rows * shape.inputCount, seed: 1, mean: 0.5)
    let dy = TestNumbers.normal(it.rows * shape.outputCount, seed: 2)
    let w = TestNumbers.normal(shape.weightCount, seed: 3)
    let (input, gradient, weights) = (FencedFloats(x), FencedFloats(dy), FencedFloats(w))
    let dense = it.dense(w)

    let y = FencedFloats(unwritten: dy.count)
    var statistics = [Double](repeating: .nan, count: 2 * shape.channels)
    GroupedConvolutionKernel.forward(
      input.constant, rows: it.rows, weights: weights.constant, shape: shape, into: y.pointer,
      statistics: &statistics)
    let expected = reference.forward(doubles(x), weights: dense)
    #expect(worstError(y.values, expected) < 2e-6)
    for k in 0..<shape.channels {
      let values = stride(from: k, to: expected.count, by: shape.channels).map { expected[$0] }
      let squares = values.reduce(0) { $0 + $1 * $1 }
      #expect(abs(statistics[k] - values.reduce(0, +)) < 1e-5 * (squares.squareRoot() + 1))
      #expect(abs(statistics[shape.channels + k] - squares) < 1e-5 * squares)
    }

    let dxExpected = reference.backwardInput(doubles(dy), weights: dense)
    for adding in [false, true] {
      let dx = adding ? FencedFloats(x) : FencedFloats(unwritten: x.count)
      GroupedConvolutionKernel.backwardInput(
        gradient.constant, rows: it.rows, weights: weights.constant, shape: shape,
        into: dx.pointer, adding: adding)
      let sum = adding ? zip(x, dxExpected).map { Double($0) + $1 } : dxExpected
      #expect(worstError(dx.values, sum) < 2e-6)
      #expect(dx.fencesStand)
    }

    let dw = FencedFloats(unwritten: w.count)
    var scratch = [Double](repeating: .nan, count: GroupedConvolutionKernel.scratchCount(shape))
    GroupedConvolutionKernel.backwardWeights(
      gradient.constant, input: input.constant, rows: it.rows, shape: shape, into: dw.pointer,
      scratch: &scratch)
    let dwReference = reference.backwardWeights(doubles(dy), input: doubles(x))
    var dwExpected = [Double](repeating: .nan, count: w.count)
    it.forEachWeight { dwExpected[$0] = dwReference[$1] }
    #expect(worstError(dw.values, dwExpected) < 3e-6)
    #expect(y.fencesStand && dw.fencesStand && input.fencesStand && weights.fencesStand)
  }

  /// The bits of an image do not depend on the images beside it.
  @Test func imagesAreComputedAlone() {
    let it = Case((9, 11), 24, rows: 3)
    let x = TestNumbers.normal(3 * it.shape.inputCount, seed: 4)
    let w = TestNumbers.normal(it.shape.weightCount, seed: 5)
    func forward(_ images: [Float], rows: Int) -> [Float] {
      let y = FencedFloats(unwritten: rows * it.shape.outputCount)
      GroupedConvolutionKernel.forward(
        images, rows: rows, weights: w, shape: it.shape, into: y.pointer)
      return y.values
    }
    let last = Array(x[(2 * it.shape.inputCount)...])
    #expect(Array(forward(x, rows: 3)[(2 * it.shape.outputCount)...]) == forward(last, rows: 1))
  }
}

@Suite struct ScaledResidualKernelTests {
  @Test(arguments: [[1, 1], [3, 7], [40, 19], [700, 33], [9, 64]], [false, true])
  func matchesTheFormula(numbers: [Int], rectifies: Bool) {
    let (pixels, channels) = (numbers[0], numbers[1])
    let count = pixels * channels
    let scale: Float = 0.17
    let (x, r) = (TestNumbers.normal(count, seed: 1), TestNumbers.normal(count, seed: 2))
    let (bias, dy) = (TestNumbers.normal(channels, seed: 3), TestNumbers.normal(count, seed: 4))
    let y = FencedFloats(unwritten: count)
    ScaledResidualKernel.forward(
      x, pixels: pixels, channels: channels, bias: bias, scale: scale, residual: r,
      rectifies: rectifies, into: y.pointer)
    let u = (0..<count).map {
      Double(scale) * (Double(x[$0]) + Double(bias[$0 % channels])) + Double(r[$0])
    }
    #expect(worstError(y.values, u.map { rectifies ? max($0, 0) : $0 }) < 1e-6)

    let du = (0..<count).map { rectifies && u[$0] <= 0 ? 0 : Double(dy[$0]) }
    var dBias = [Double](repeating: 0, count: channels)
    for i in 0..<count { dBias[i % channels] += Double(scale) * du[i] }
    let (dx, dr) = (FencedFloats(unwritten: count), FencedFloats(unwritten: count))
    let biasGradient = FencedFloats(unwritten: channels)
    var scratch = [Double](
      repeating: .nan, count: ScaledResidualKernel.backwardScratchCount(channels: channels))
    for adding in [false, true] {
      ScaledResidualKernel.backward(
        dy, output: y.constant, pixels: pixels, channels: channels, scale: scale,
        rectifies: rectifies, into: dx.pointer, addingToInput: adding,
        residualGradient: dr.pointer, addingToResidual: adding,
        biasGradient: biasGradient.pointer, scratch: &scratch)
      let times = adding ? 2.0 : 1
      #expect(worstError(dx.values, du.map { times * Double(scale) * $0 }) < 1e-6)
      #expect(worstError(dr.values, du.map { times * $0 }) < 1e-6)
      #expect(worstError(biasGradient.values, dBias) < 1e-5)
    }
    #expect(y.fencesStand && dx.fencesStand && dr.fencesStand && biasGradient.fencesStand)
  }
}
