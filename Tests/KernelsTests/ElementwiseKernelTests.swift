import Kernels
import Testing
import TestSupport

@Suite struct ElementwiseKernelTests {
  /// What of act(factor (x + bias) + residual) there is.
  struct Form: Sendable, CustomTestStringConvertible {
    let hasBias, hasResidual: Bool
    let factor: Float
    let activation: ActivationFunction

    var testDescription: String {
      "\(hasBias ? "bias, " : "")\(factor) x\(hasResidual ? " + r" : ""), \(activation)"
    }

    var reference: ReferenceActivation {
      switch activation {
      case .identity: .identity
      case .relu: .relu
      case .prelu: .prelu
      }
    }
  }

  static let forms = [false, true].flatMap { hasBias in
    [false, true].flatMap { hasResidual in
      [ActivationFunction.identity, .relu, .prelu].map {
        Form(
          hasBias: hasBias, hasResidual: hasResidual, factor: hasBias ? 0.4 : 1, activation: $0)
      }
    }
  }

  /// Pixels, channels, floats between the output's pixels.
  static let shapes = [[1, 1, 0], [3, 7, 0], [5, 8, 3], [40, 19, 1], [700, 33, 8]]

  /// Operands of one shape, and in Double what comes of them.
  private struct Case {
    let form: Form
    let pixels, channels, stride: Int
    let x, r, dy, bias, slopes: FencedFloats

    init(_ form: Form, _ numbers: [Int]) {
      self.form = form
      (pixels, channels, stride) = (numbers[0], numbers[1], numbers[1] + numbers[2])
      let count = pixels * channels
      x = FencedFloats(TestNumbers.normal(count, seed: 1))
      r = FencedFloats(TestNumbers.normal(count, seed: 2))
      dy = FencedFloats(TestNumbers.normal(count, seed: 3))
      bias = FencedFloats(TestNumbers.normal(channels, seed: 4))
      slopes = FencedFloats(TestNumbers.normal(channels, seed: 5, mean: 0.25, deviation: 0.1))
    }

    var coefficients: ElementwiseCoefficients {
      ElementwiseCoefficients(
        bias: form.hasBias ? bias.constant : nil, factor: form.factor,
        activation: form.activation, slopes: form.activation == .prelu ? slopes.constant : nil)
    }

    /// The arguments of the activation.
    var u: [Double] {
      (0..<x.count).map { i in
        let moved = Double(x.values[i]) + (form.hasBias ? Double(bias.values[i % channels]) : 0)
        return Double(form.factor) * moved + (form.hasResidual ? Double(r.values[i]) : 0)
      }
    }

    func slope(_ i: Int) -> Double { Double(slopes.values[i % channels]) }

    func sums(_ values: [Double]) -> [Double] {
      var sums = [Double](repeating: 0, count: channels)
      for (i, value) in values.enumerated() { sums[i % channels] += value }
      return sums
    }

    func forward(into output: UnsafeMutablePointer<Float>, stride: Int) {
      ElementwiseKernel.forward(
        x.constant, residual: form.hasResidual ? r.constant : nil, pixels: pixels,
        channels: channels, coefficients: coefficients, into: output, outputStride: stride)
    }
  }

  @Test(arguments: forms, shapes)
  func matchesTheFormula(form: Form, numbers: [Int]) {
    let own = Case(form, numbers)
    let (u, channels) = (own.u, own.channels)
    let output = StridedMap(pixels: own.pixels, channels: channels, stride: own.stride)
    own.forward(into: output.pointer, stride: own.stride)
    let y = u.enumerated().map { form.reference.value($1, slope: own.slope($0)) }
    #expect(worstError(output.values, y) < 1e-6)

    let dy = StridedMap(pixels: own.pixels, channels: channels, stride: own.stride)
    dy.fill(own.dy.values)
    let du = u.enumerated().map {
      Double(own.dy.values[$0]) * form.reference.derivative($1, slope: own.slope($0))
    }
    let exact = du.map { Double(form.factor) * $0 }
    let slopeSums = own.sums(u.enumerated().map { Double(own.dy.values[$0]) * min($1, 0) })
    let (dx, dr) = (FencedFloats(unwritten: u.count), FencedFloats(unwritten: u.count))
    let (dBias, dSlopes) = (FencedFloats(unwritten: channels), FencedFloats(unwritten: channels))
    var scratch = [Double](
      repeating: .nan, count: ElementwiseKernel.backwardScratchCount(channels: channels))
    let isPReLU = form.activation == .prelu
    for adding in [false, true] {
      ElementwiseKernel.backward(
        dy.pointer, output: form.activation == .relu ? output.pointer : nil,
        outputStride: own.stride, input: isPReLU ? own.x.constant : nil,
        residual: isPReLU && form.hasResidual ? own.r.constant : nil, pixels: own.pixels,
        channels: channels, coefficients: own.coefficients, into: dx.pointer,
        addingToInput: adding, residualGradient: form.hasResidual ? dr.pointer : nil,
        addingToResidual: adding, biasGradient: form.hasBias ? dBias.pointer : nil,
        slopeGradient: isPReLU ? dSlopes.pointer : nil, scratch: &scratch)
      let times: Double = adding ? 2 : 1
      #expect(worstError(dx.values, exact.map { times * $0 }) < 1e-6)
      if form.hasResidual { #expect(worstError(dr.values, du.map { times * $0 }) < 1e-6) }
      if form.hasBias { #expect(worstError(dBias.values, own.sums(exact)) < 1e-5) }
      if isPReLU { #expect(worstError(dSlopes.values, slopeSums) < 1e-5) }
    }
    #expect(output.gapsStand && dy.gapsStand && dx.fencesStand && dr.fencesStand)
    #expect(dBias.fencesStand && dSlopes.fencesStand)
  }

  /// The formula's gradients, against the differences of the formula.
  @Test(arguments: forms)
  func gradientsAreTheDifferences(form: Form) {
    let own = Case(form, [3, 5, 0])
    func loss(_ x: [Double]) -> Double {
      let moved = own.u.indices.map { i in
        own.u[i] + Double(form.factor) * (x[i] - Double(own.x.values[i]))
      }
      return moved.enumerated().reduce(0) { sum, item in
        sum + Double(own.dy.values[item.offset])
          * form.reference.value(item.element, slope: own.slope(item.offset))
      }
    }
    let differences = centralDifferences(at: doubles(own.x.values), of: loss)
    let dx = FencedFloats(unwritten: own.x.count)
    let output = FencedFloats(unwritten: own.x.count)
    own.forward(into: output.pointer, stride: 5)
    var scratch = [Double](
      repeating: .nan, count: ElementwiseKernel.backwardScratchCount(channels: 5))
    ElementwiseKernel.backward(
      own.dy.constant, output: output.constant, outputStride: 5, input: own.x.constant,
      residual: form.hasResidual ? own.r.constant : nil, pixels: 3, channels: 5,
      coefficients: own.coefficients, into: dx.pointer, scratch: &scratch)
    #expect(worstError(dx.values, differences) < 1e-5)
  }

  /// Both gradients of x + x, of which one overwrites and the other adds, in the place of the
  /// output's.
  @Test func bothInputsMayBeOne() {
    let dy = FencedFloats([1, -2, 3])
    var scratch = [Double](
      repeating: .nan, count: ElementwiseKernel.backwardScratchCount(channels: 3))
    ElementwiseKernel.backward(
      dy.constant, outputStride: 3, pixels: 1, channels: 3,
      coefficients: ElementwiseCoefficients(), into: dy.pointer, addingToInput: true,
      residualGradient: dy.pointer, scratch: &scratch)
    #expect(dy.values == [2, -4, 6])
  }

  /// The image wants no gradient.
  @Test func gradientsMayBeLeftOut() {
    let dy = FencedFloats([1, -2, 3])
    let biasGradient = FencedFloats(unwritten: 3)
    var scratch = [Double](
      repeating: .nan, count: ElementwiseKernel.backwardScratchCount(channels: 3))
    let bias: [Float] = [0, 0, 0]
    bias.withUnsafeBufferPointer {
      ElementwiseKernel.backward(
        dy.constant, outputStride: 3, pixels: 1, channels: 3,
        coefficients: ElementwiseCoefficients(bias: $0.baseAddress, factor: 2), into: nil,
        biasGradient: biasGradient.pointer, scratch: &scratch)
    }
    #expect(dy.values == [1, -2, 3] && biasGradient.values == [2, -4, 6])
  }

  /// A broken activation must reach the gradient check.
  @Test func nanStaysOne() {
    let map = FencedFloats([.nan, -1])
    ElementwiseKernel.forward(
      map.constant, pixels: 1, channels: 2,
      coefficients: ElementwiseCoefficients(activation: .relu), into: map.pointer,
      outputStride: 2)
    #expect(map.values[0].isNaN && map.values[1] == 0)
  }
}
