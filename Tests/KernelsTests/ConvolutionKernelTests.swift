import Kernels
import Testing
import TestSupport

@Suite struct ConvolutionKernelTests {
  static let cases: [ConvolutionCase] = [
    // 3x3, stride 1: Winograd, with partial tiles, blocks and chunks of every kind.
    .init((8, 8), (64, 64), (3, 3), padding: (1, 1), rows: 2),
    .init((14, 14), (64, 144), (3, 3), padding: (1, 1), rows: 3),
    .init((28, 28), (16, 32), (3, 3), padding: (1, 1), rows: 16),
    .init((7, 7), (160, 64), (3, 3), padding: (1, 1), rows: 16),
    .init((7, 7), (144, 160), (3, 3), padding: (1, 1), rows: 33),
    .init((15, 13), (24, 48), (3, 3), padding: (1, 1), rows: 2),
    .init((4, 4), (8, 16), (3, 3), padding: (1, 1), rows: 1),
    .init((3, 4), (40, 80), (3, 3), padding: (1, 1), rows: 3),
    .init((9, 18), (72, 176), (3, 3), padding: (1, 1), rows: 13),
    // 3x3, stride 1, too small or with other channels or padding: im2col.
    .init((1, 1), (64, 64), (3, 3), padding: (1, 1), rows: 16),
    .init((5, 7), (20, 24), (3, 3), padding: (1, 1), rows: 3),
    .init((2, 9), (5, 7), (3, 3), padding: (1, 1), rows: 2),
    .init((11, 6), (64, 16), (3, 3), padding: (0, 0), rows: 2),
    .init((6, 6), (16, 16), (3, 3), padding: (2, 0), rows: 1),
    .init((20, 20), (3, 64), (3, 3), padding: (1, 1), rows: 16),
    // Stride 2: by phases where there are enough pixels, otherwise im2col.
    .init((8, 8), (64, 64), (3, 3), stride: 2, padding: (1, 1), rows: 2),
    .init((28, 28), (64, 128), (3, 3), stride: 2, padding: (1, 1), rows: 5),
    .init((27, 15), (24, 160), (3, 3), stride: 2, padding: (1, 1), rows: 3),
    .init((56, 56), (16, 16), (3, 3), stride: 2, padding: (1, 1), rows: 2),
    .init((7, 8), (8, 176), (3, 3), stride: 2, padding: (1, 1), rows: 17),
    .init((14, 14), (256, 256), (3, 3), stride: 2, padding: (1, 1), rows: 2),
    .init((14, 14), (64, 64), (3, 3), stride: 2, padding: (1, 1), rows: 3),
    .init((14, 14), (264, 80), (3, 3), stride: 2, padding: (1, 1), rows: 21),
    .init((9, 11), (40, 272), (3, 3), stride: 2, padding: (1, 1), rows: 2),
    .init((13, 9), (20, 24), (3, 3), stride: 2, padding: (1, 1), rows: 2),
    .init((7, 7), (512, 16), (3, 3), stride: 2, padding: (1, 1), rows: 2),
    .init((1, 1), (3, 7), (3, 3), stride: 2, padding: (1, 1), rows: 1),
    // 1x1.
    .init((7, 7), (64, 144), (1, 1), padding: (0, 0), rows: 3),
    .init((5, 3), (5, 7), (1, 1), padding: (0, 0), rows: 2),
    .init((1, 1), (20, 64), (1, 1), padding: (0, 0), rows: 16),
    .init((14, 14), (64, 128), (1, 1), stride: 2, padding: (0, 0), rows: 2),
    .init((9, 5), (3, 24), (1, 1), stride: 2, padding: (0, 0), rows: 3),
    .init((4, 4), (16, 16), (1, 1), padding: (1, 1), rows: 1),
    // 7x7, stride 1, few channels: along the rows, with partial tiles and blocks.
    .init((28, 28), (3, 64), (7, 7), padding: (3, 3), rows: 2),
    .init((60, 9), (3, 48), (7, 7), padding: (3, 3), rows: 3),
    .init((5, 13), (1, 16), (7, 7), padding: (3, 3), rows: 1),
    .init((1, 6), (4, 16), (7, 7), padding: (3, 3), rows: 2),
    .init((9, 3), (3, 16), (7, 7), padding: (3, 3), rows: 2),
    // Large and rectangular kernels.
    .init((20, 20), (3, 64), (7, 7), stride: 2, padding: (3, 3), rows: 2),
    .init((1, 1), (5, 16), (7, 7), padding: (3, 3), rows: 3),
    .init((9, 9), (24, 20), (5, 5), padding: (2, 2), rows: 2),
    .init((8, 8), (16, 32), (5, 5), stride: 2, padding: (2, 1), rows: 1),
    .init((12, 12), (20, 24), (1, 7), padding: (0, 3), rows: 2),
    .init((12, 12), (64, 16), (7, 1), padding: (3, 0), rows: 2),
    .init((5, 5), (8, 16), (1, 3), stride: 2, padding: (3, 3), rows: 2),
    .init((8, 8), (6, 10), (2, 2), stride: 2, padding: (0, 0), rows: 3),
    .init((7, 7), (8, 7), (3, 3), stride: 3, padding: (0, 1), rows: 2),
  ]

  /// Bounds of the largest error over the root mean square of the result.
  static func bound(_ plan: ConvolutionPlan) -> Double {
    plan.algorithm.name == "im2col" ? 1e-5 : 5e-5
  }

  @Test(arguments: cases)
  func agreesWithTheReference(_ it: ConvolutionCase) {
    let (plan, reference) = (it.plan, it.reference)
    let (x, dy, w) = (it.input, it.outputGradient, it.weights)
    let (x64, dy64, w64) = (x.map(Double.init), dy.map(Double.init), w.map(Double.init))
    let scratch = FencedFloats(unwritten: plan.scratchCount, offset: 0)
    let (xAt, dyAt) = (FencedFloats(x), FencedFloats(dy))
    let weightsAt = FencedFloats(it.packedWeights)
    var errors: [Double] = []

    let y = FencedFloats(unwritten: reference.outputCount)
    ConvolutionKernel.forward(
      xAt.pointer, rows: reference.rows, weights: weightsAt.pointer, plan: plan, into: y.pointer,
      statistics: nil, scratch: scratch.pointer)
    errors.append(worstRelativeToRMS(y.values, reference.forward(x64, weights: w64)))

    let dxReference = reference.backwardInput(dy64, weights: w64)
    let dx = FencedFloats(unwritten: reference.inputCount)
    scratch.fill(.nan)
    ConvolutionKernel.backwardInput(
      dyAt.pointer, rows: reference.rows, weights: weightsAt.pointer, plan: plan,
      into: dx.pointer, adding: false, scratch: scratch.pointer)
    errors.append(worstRelativeToRMS(dx.values, dxReference))

    let sum = FencedFloats(x)
    scratch.fill(.nan)
    ConvolutionKernel.backwardInput(
      dyAt.pointer, rows: reference.rows, weights: weightsAt.pointer, plan: plan,
      into: sum.pointer, adding: true, scratch: scratch.pointer)
    errors.append(worstRelativeToRMS(sum.values, zip(x64, dxReference).map { $0 + $1 }))

    let dw = FencedFloats(unwritten: reference.weightCount)
    let logical = FencedFloats(unwritten: reference.weightCount)
    scratch.fill(.nan)
    ConvolutionKernel.backwardWeights(
      dyAt.pointer, input: xAt.pointer, rows: reference.rows, plan: plan, into: dw.pointer,
      scratch: scratch.pointer)
    ConvolutionWeights.unpack(dw.pointer, shape: plan.shape, into: logical.pointer)
    errors.append(worstRelativeToRMS(logical.values, reference.backwardWeights(dy64, input: x64)))

    print("convolution \(it): worst error of y, dx, x + dx, dw:", errors.map { Float($0) })
    for error in errors { #expect(error <= Self.bound(plan)) }
    for buffer in [scratch, xAt, dyAt, weightsAt, y, dx, sum, dw] { #expect(buffer.fencesStand) }
    #expect(xAt.values == x && dyAt.values == dy && weightsAt.values == it.packedWeights)
  }

  @Test(arguments: cases, Precision.allCases)
  func statisticsAreThoseOfTheOutput(_ it: ConvolutionCase, precision: Precision) {
    let (plan, channels) = (it.plan(precision), it.reference.outputChannels)
    let scratch = FencedFloats(unwritten: plan.scratchCount, offset: 0)
    let (x, w) = (FencedFloats(it.input), FencedFloats(it.packedWeights))
    let plain = FencedFloats(unwritten: it.reference.outputCount)
    let y = FencedFloats(unwritten: it.reference.outputCount)
    var statistics = [Double](repeating: .nan, count: 2 * channels + 1)
    ConvolutionKernel.forward(
      x.pointer, rows: it.reference.rows, weights: w.pointer, plan: plan, into: plain.pointer,
      statistics: nil, scratch: scratch.pointer)
    scratch.fill(.nan)
    statistics.withUnsafeMutableBufferPointer {
      ConvolutionKernel.forward(
        x.pointer, rows: it.reference.rows, weights: w.pointer, plan: plan, into: y.pointer,
        statistics: $0.baseAddress!, scratch: scratch.pointer)
    }
    let values = y.values
    #expect(values == plain.values)
    #expect(statistics[2 * channels].isNaN)
    #expect(scratch.fencesStand)
    let n = Double(values.count / channels)
    for k in 0..<channels {
      var (sum, squares) = (0.0, 0.0)
      for i in stride(from: k, to: values.count, by: channels) {
        sum += Double(values[i])
        squares += Double(values[i]) * Double(values[i])
      }
      let variance = squares / n - sum / n * sum / n
      let (mean, square) = (statistics[k] / n, statistics[channels + k] / n)
      #expect(abs(mean - sum / n) <= 1e-6 * (squares / n).squareRoot())
      #expect(abs(square - squares / n) <= 1e-6 * squares / n)
      #expect(abs(square - mean * mean - variance) <= 1e-6 * squares / n)
    }
  }

  /// The bits depend neither on addresses, nor on what scratch held, nor on the plan's maximum.
  @Test(arguments: cases, Precision.allCases)
  func resultsDependOnShapeAndRowsAlone(_ it: ConvolutionCase, precision: Precision) {
    let (input, weights, gradient) = (it.input, it.packedWeights, it.outputGradient)
    func run(offset: Int, fill: Float, maximumRows: Int) -> [[UInt32]] {
      let plan = ConvolutionPlan(it.shape, maximumRows: maximumRows, precision: precision)
      let scratch = FencedFloats(unwritten: plan.scratchCount, offset: 0)
      scratch.fill(fill)
      let (x, w) = (
        FencedFloats(input, offset: offset), FencedFloats(weights, offset: offset)
      )
      let dy = FencedFloats(gradient, offset: offset)
      let y = FencedFloats(unwritten: it.reference.outputCount, offset: offset)
      let dx = FencedFloats(unwritten: it.reference.inputCount, offset: offset)
      let dw = FencedFloats(unwritten: it.reference.weightCount, offset: offset)
      let rows = it.reference.rows
      ConvolutionKernel.forward(
        x.pointer, rows: rows, weights: w.pointer, plan: plan, into: y.pointer, statistics: nil,
        scratch: scratch.pointer)
      ConvolutionKernel.backwardInput(
        dy.pointer, rows: rows, weights: w.pointer, plan: plan, into: dx.pointer, adding: false,
        scratch: scratch.pointer)
      ConvolutionKernel.backwardWeights(
        dy.pointer, input: x.pointer, rows: rows, plan: plan, into: dw.pointer,
        scratch: scratch.pointer)
      return [y, dx, dw].map { $0.values.map(\.bitPattern) }
    }
    let first = run(offset: 0, fill: .nan, maximumRows: it.reference.rows)
    #expect(first == run(offset: 1, fill: 1e30, maximumRows: it.reference.rows))
    #expect(first == run(offset: 8, fill: -.infinity, maximumRows: it.reference.rows + 29))
  }

  /// AVX2 and AVX-512 give the same bits, whatever the algorithm, and so do pairs of bfloat16 with
  /// and without the instruction for them; one of them alone has no twin.
  @Test(arguments: cases, Precision.allCases)
  func registersOfAnyWidthGiveTheSameBits(_ it: ConvolutionCase, precision: Precision) {
    let (x, w) = (FencedFloats(it.input), FencedFloats(it.packedWeights))
    let (dy, rows) = (FencedFloats(it.outputGradient), it.reference.rows)
    func run(_ registers: RegisterWidth) -> [[UInt32]] {
      let plan = ConvolutionPlan(
        it.shape, maximumRows: rows, precision: precision, registers: registers)
      let scratch = FencedFloats(unwritten: plan.scratchCount, offset: 0)
      let ready = FencedFloats(unwritten: plan.preparedCount)
      let (y, served) = (FencedFloats(dy.values), FencedFloats(dy.values))
      let (dx, sum) = (FencedFloats(it.input), FencedFloats(it.input))
      let dw = FencedFloats(unwritten: it.reference.weightCount)
      var statistics = [Double](repeating: .nan, count: 2 * it.reference.outputChannels)
      ConvolutionKernel.forward(
        x.constant, rows: rows, weights: w.constant, plan: plan, into: y.pointer,
        statistics: &statistics, scratch: scratch.pointer)
      ConvolutionKernel.prepare(w.constant, plan: plan, into: ready.pointer)
      ConvolutionKernel.forward(
        x.constant, rows: rows, weights: w.constant, prepared: ready.constant, plan: plan,
        into: served.pointer, statistics: nil, scratch: scratch.pointer)
      for (target, adding) in [(dx, false), (sum, true)] {
        ConvolutionKernel.backwardInput(
          dy.constant, rows: rows, weights: w.constant, plan: plan, into: target.pointer,
          adding: adding, scratch: scratch.pointer)
      }
      ConvolutionKernel.backwardWeights(
        dy.constant, input: x.constant, rows: rows, plan: plan, into: dw.pointer,
        scratch: scratch.pointer)
      return [y, served, dx, sum, dw].map { $0.values.map(\.bitPattern) }
        + [
          statistics.flatMap { [UInt32($0.bitPattern >> 32), UInt32($0.bitPattern & 0xFFFF_FFFF)] }
        ]
    }
    let results = RegisterWidth.available.map(run)
    #expect(results.allSatisfy { $0 == results[0] })
  }

  /// Weights prepared in advance: the same bits, or where few images are better served by patches
  /// the same convolution.
  @Test(arguments: cases, Precision.allCases)
  func preparedWeightsServeForward(_ it: ConvolutionCase, precision: Precision) {
    let (plan, reference) = (it.plan(precision), it.reference)
    let scratch = FencedFloats(unwritten: plan.scratchCount, offset: 0)
    let (x, w) = (FencedFloats(it.input), FencedFloats(it.packedWeights))
    let prepared = FencedFloats(unwritten: plan.preparedCount)
    ConvolutionKernel.prepare(w.pointer, plan: plan, into: prepared.pointer)
    func forward(_ prepared: FencedFloats?) -> [Float] {
      let y = FencedFloats(unwritten: reference.outputCount)
      scratch.fill(.nan)
      ConvolutionKernel.forward(
        x.pointer, rows: reference.rows, weights: w.pointer,
        prepared: prepared.map { UnsafePointer($0.pointer) }, plan: plan, into: y.pointer,
        statistics: nil, scratch: scratch.pointer)
      #expect(y.fencesStand && scratch.fencesStand && prepared?.fencesStand != false)
      return y.values
    }
    let values = forward(prepared)
    if plan.preparedAlgorithm.name == plan.algorithm.name {
      #expect(values == forward(nil))
    } else {
      #expect(
        plan.preparedAlgorithm.name
          == (precision == .float32 ? "im2col" : "im2col pairs"))
      let exact = reference.forward(
        it.input.map(Double.init), weights: it.weights.map(Double.init))
      #expect(worstRelativeToRMS(values, exact) <= (precision == .float32 ? 1e-5 : 3e-2))
    }
  }

  /// Which of the networks' layers read their weights as they are for one image, and for sixteen.
  @Test func fewImagesAreServedByPatches() {
    func algorithm(_ size: Int, _ channels: Int, stride: Int, rows: Int) -> String {
      ConvolutionCase(
        (size, size), (channels, channels), (3, 3), stride: stride, padding: (1, 1), rows: rows
      ).plan.preparedAlgorithm.name
    }
    #expect(algorithm(7, 512, stride: 1, rows: 1) == "im2col")
    #expect(algorithm(14, 512, stride: 2, rows: 1) == "im2col")
    #expect(algorithm(14, 256, stride: 1, rows: 1) == "winograd")
    #expect(algorithm(56, 64, stride: 1, rows: 1) == "winograd")
    #expect(algorithm(7, 512, stride: 1, rows: 16) == "winograd")
    #expect(algorithm(14, 512, stride: 2, rows: 16) == "winograd/2")
  }

  /// Every entry of the list of each width is the choice of several cases, also by the preparation.
  @Test func theTableReachesEveryAlgorithm() {
    for (registers, precision) in RegisterWidth.allCases.flatMap({ width in
      Precision.allCases.map { (width, $0) }
    }) {
      let plans = Self.cases.map {
        ConvolutionPlan(
          $0.shape, maximumRows: $0.reference.rows, precision: precision, registers: registers)
      }
      let names = registers.algorithms(for: Self.cases[0].shape, precision: precision).map(\.name)
      #expect(Set(names).count == names.count && names.count >= 4)
      for name in names {
        #expect(plans.count { $0.algorithm.name == name } >= 4, "\(name)")
        #expect(plans.count { $0.preparedAlgorithm.name == name } >= 4, "\(name)")
      }
      #expect(plans.count { $0.preparedAlgorithm.name != $0.algorithm.name } >= 3)
    }
  }

  /// Moving a weight between orders is a bijection, and the bulk copies agree with `index`.
  @Test(arguments: cases)
  func weightsPackAndUnpack(_ it: ConvolutionCase) {
    let logical = FencedFloats(it.weights)
    let packed = FencedFloats(unwritten: it.reference.weightCount)
    let back = FencedFloats(unwritten: it.reference.weightCount)
    ConvolutionWeights.pack(logical.pointer, shape: it.shape, into: packed.pointer)
    ConvolutionWeights.unpack(packed.pointer, shape: it.shape, into: back.pointer)
    #expect(packed.values == it.packedWeights)
    #expect(back.values == it.weights)
    #expect(it.shape.weightCount == it.reference.weightCount)
    #expect(packed.fencesStand && back.fencesStand)
  }
}
