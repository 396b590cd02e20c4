import Kernels
import Testing
import TestSupport

struct NormCase: CustomTestStringConvertible, Sendable {
  var pixels, channels: Int
  var activation: ReferenceActivation
  var hasResidual: Bool
  var hasScale = true
  var testDescription: String {
    let extras = (hasResidual ? " residual" : "") + (hasScale ? "" : " fixed scale")
    return "\(pixels)x\(channels) \(activation)\(extras)"
  }

  static let shapes = [
    (1, 3), (2, 1), (7, 5), (33, 8), (50, 20), (1001, 64), (300, 100), (1500, 16), (40, 1100),
  ]

  static let all: [NormCase] =
    shapes.flatMap { pixels, channels in
      ReferenceActivation.allCases.flatMap { activation in
        [false, true].map {
          NormCase(
            pixels: pixels, channels: channels, activation: activation, hasResidual: $0)
        }
      }
    } + [
      NormCase(
        pixels: 9, channels: 37, activation: .identity, hasResidual: false, hasScale: false)
    ]

  static let tiny = ReferenceActivation.allCases.flatMap { activation in
    [false, true].map {
      NormCase(pixels: 6, channels: 3, activation: activation, hasResidual: $0)
    }
  }

  var kernelActivation: ActivationFunction {
    switch activation {
    case .identity: .identity
    case .relu: .relu
    case .prelu: .prelu
    }
  }
}

/// Doubles for a batch norm of `channels`, all NaN.
func normScratch(_ channels: Int) -> [Double] {
  Array(repeating: .nan, count: BatchNormKernel.scratchCount(channels: channels))
}

/// One batch norm set up twice: for the kernel and for the reference.
final class NormFixture {
  let norm: NormCase
  let count: Int
  let input, scale, offset, slopes, mean, variance, inverse: FencedFloats
  let residual: FencedFloats?
  var reference: BatchNormReference
  let epsilon = 1e-5

  init(_ norm: NormCase) {
    self.norm = norm
    let channels = norm.channels
    count = norm.pixels * channels
    input = FencedFloats(TestNumbers.normal(count, seed: 1, mean: 0.7, deviation: 1.5))
    scale = FencedFloats(
      norm.hasScale
        ? TestNumbers.normal(channels, seed: 2, mean: 1, deviation: 0.3)
        : Array(repeating: 1, count: channels))
    offset = FencedFloats(TestNumbers.normal(channels, seed: 3))
    slopes = FencedFloats(TestNumbers.normal(channels, seed: 4, mean: 0.25, deviation: 0.3))
    residual = norm.hasResidual ? FencedFloats(TestNumbers.normal(count, seed: 5)) : nil
    mean = FencedFloats(unwritten: channels)
    variance = FencedFloats(unwritten: channels)
    inverse = FencedFloats(unwritten: channels)
    reference = BatchNormReference(
      channels: channels, input: doubles(input.values), scale: doubles(scale.values),
      offset: doubles(offset.values), slopes: doubles(slopes.values),
      residual: residual.map { doubles($0.values) }, activation: norm.activation,
      epsilon: epsilon)
    var sums = Array(repeating: Double.nan, count: 2 * channels)
    var scratch = normScratch(channels)
    BatchNormKernel.statistics(
      of: input.constant, pixels: norm.pixels, channels: channels, into: &sums,
      scratch: &scratch)
    BatchNormKernel.moments(
      from: sums, pixels: norm.pixels, channels: channels, epsilon: epsilon, mean: mean.pointer,
      variance: variance.pointer, inverseDeviation: inverse.pointer)
  }

  var coefficients: BatchNormCoefficients {
    BatchNormCoefficients(
      mean: mean.constant, inverseDeviation: inverse.constant,
      scale: norm.hasScale ? scale.constant : nil, offset: offset.constant,
      activation: norm.kernelActivation,
      slopes: norm.activation == .prelu ? slopes.constant : nil)
  }

  /// A gradient that is zero where Float and Double might disagree on the sign of u.
  var outputGradient: [Float] {
    zip(TestNumbers.normal(count, seed: 6), reference.preactivation).map {
      abs($1) < 1e-4 ? 0 : $0
    }
  }
}

@Suite struct BatchNormKernelTests {
  @Test(arguments: NormCase.tiny)
  func referenceGradientsAreFiniteDifferences(norm: NormCase) {
    let fixture = NormFixture(norm)
    let reference = fixture.reference
    let dy = doubles(fixture.outputGradient)
    let exact = reference.gradients(dy)
    func loss(_ change: (inout BatchNormReference) -> Void) -> Double {
      var changed = reference
      change(&changed)
      return dotProduct(changed.output, dy)
    }
    func check(_ gradient: [Double], _ path: WritableKeyPath<BatchNormReference, [Double]>) {
      let numeric = centralDifferences(at: reference[keyPath: path]) { point in
        loss { $0[keyPath: path] = point }
      }
      #expect(worstDifference(gradient, numeric) < 1e-7)
    }
    check(exact.input, \.input)
    check(exact.scale, \.scale)
    check(exact.offset, \.offset)
    check(exact.slopes, \.slopes)
    if let residual = reference.residual {
      let numeric = centralDifferences(at: residual) { point in loss { $0.residual = point } }
      #expect(worstDifference(exact.residual, numeric) < 1e-7)
    }
  }

  @Test(arguments: NormCase.shapes)
  func momentsMatchTheReference(pixels: Int, channels: Int) {
    let fixture = NormFixture(
      NormCase(
        pixels: pixels, channels: channels, activation: .identity, hasResidual: false))
    #expect(worstError(fixture.mean.values, fixture.reference.mean) < 1e-6)
    if pixels > 1 {
      #expect(worstError(fixture.variance.values, fixture.reference.variance) < 2e-6)
      let expected = fixture.reference.variance.map { 1 / ($0 + fixture.epsilon).squareRoot() }
      #expect(worstError(fixture.inverse.values, expected) < 2e-6)
    } else {
      #expect(fixture.variance.values.allSatisfy { $0 >= 0 && $0 < 1e-5 })
    }
    let again = FencedFloats(unwritten: channels)
    BatchNormKernel.inverseDeviation(
      of: fixture.variance.constant, channels: channels, epsilon: fixture.epsilon,
      into: again.pointer)
    #expect(worstError(again.values, doubles(fixture.inverse.values)) < 1e-6 || pixels == 1)
    #expect(fixture.mean.fencesStand && fixture.variance.fencesStand && again.fencesStand)
  }

  @Test func aNaNReachesTheMoments() {
    var sums = [Double.nan, .nan]
    let results = FencedFloats([0, 0, 0])
    BatchNormKernel.moments(
      from: &sums, pixels: 4, channels: 1, epsilon: 1e-5, mean: results.pointer,
      variance: results.pointer + 1, inverseDeviation: results.pointer + 2)
    #expect(results.values.allSatisfy { $0.isNaN })
  }

  @Test(arguments: NormCase.all)
  func forwardMatchesTheReference(norm: NormCase) {
    let fixture = NormFixture(norm)
    let output = FencedFloats(unwritten: fixture.count)
    var sums = Array(repeating: Double.nan, count: 2 * norm.channels)
    var scratch = normScratch(norm.channels)
    BatchNormKernel.forward(
      fixture.input.constant, pixels: norm.pixels, channels: norm.channels,
      coefficients: fixture.coefficients, residual: fixture.residual?.constant,
      into: output.pointer, outputSums: &sums, scratch: &scratch)
    #expect(worstError(output.values, fixture.reference.output) < (norm.pixels == 1 ? 1e-4 : 2e-6))
    let expected = referenceSums(doubles(output.values), channels: norm.channels)
    #expect(worstError(sums.map { Float($0) }, expected) < 2e-6)
    #expect(output.fencesStand)

    BatchNormKernel.forward(
      fixture.input.constant, pixels: norm.pixels, channels: norm.channels,
      coefficients: fixture.coefficients, residual: fixture.residual?.constant,
      into: fixture.input.pointer, scratch: &scratch)
    #expect(fixture.input.values == output.values, "in place")
  }

  @Test(arguments: NormCase.all)
  func backwardMatchesTheReference(norm: NormCase) {
    let fixture = NormFixture(norm)
    let channels = norm.channels
    let expected = fixture.reference.gradients(doubles(fixture.outputGradient))
    let dy = FencedFloats(fixture.outputGradient)
    let dx = FencedFloats(unwritten: fixture.count)
    let dResidual = FencedFloats(unwritten: fixture.count)
    let coefficients = (0..<3).map { _ in FencedFloats(unwritten: channels) }
    var scratch = normScratch(channels)
    BatchNormKernel.backward(
      dy.constant, input: fixture.input.constant, residual: fixture.residual?.constant,
      pixels: norm.pixels, channels: channels, coefficients: fixture.coefficients,
      into: dx.pointer, residualGradient: norm.hasResidual ? dResidual.pointer : nil,
      scaleGradient: coefficients[0].pointer, offsetGradient: coefficients[1].pointer,
      slopeGradient: coefficients[2].pointer, scratch: &scratch)
    let tolerance = 1e-5
    // Few pixels cancel almost wholly (one pixel wholly): errors count against the terms.
    var largestTerm = 0.0
    var worst = 0.0
    let gains = zip(fixture.inverse.values, fixture.scale.values).map { Double($0 * $1) }
    let written = dx.values
    for i in 0..<fixture.count {
      largestTerm = max(largestTerm, abs(gains[i % channels] * expected.residual[i]))
      worst = max(worst, abs(Double(written[i]) - expected.input[i]))
    }
    #expect(worst <= tolerance * largestTerm)
    #expect(dx.values.allSatisfy { $0.isFinite })
    if norm.pixels > 1 {
      #expect(worstError(coefficients[0].values, expected.scale) < tolerance)
    }
    #expect(worstError(coefficients[1].values, expected.offset) < tolerance)
    #expect(worstError(coefficients[2].values, expected.slopes) < tolerance * 10)
    if norm.hasResidual { #expect(worstError(dResidual.values, expected.residual) < tolerance) }
    #expect(dx.fencesStand && dResidual.fencesStand)
    #expect(coefficients.allSatisfy { $0.fencesStand })
    #expect(dy.values == fixture.outputGradient)
  }

  /// Pixels of the output apart, with others' channels between: the same numbers, nothing else.
  @Test(arguments: NormCase.all.filter { $0.pixels < 100 })
  func outputsInAWiderMap(norm: NormCase) {
    let fixture = NormFixture(norm)
    let (pixels, channels) = (norm.pixels, norm.channels)
    var scratch = normScratch(channels)
    let small = (0..<3).map { _ in FencedFloats(unwritten: channels) }
    func run(stride: Int) -> [[Float]] {
      let output = StridedMap(pixels: pixels, channels: channels, stride: stride)
      let dy = StridedMap(pixels: pixels, channels: channels, stride: stride)
      dy.fill(fixture.outputGradient)
      let dx = FencedFloats(unwritten: fixture.count)
      BatchNormKernel.forward(
        fixture.input.constant, pixels: pixels, channels: channels,
        coefficients: fixture.coefficients, residual: fixture.residual?.constant,
        into: output.pointer, outputStride: stride, scratch: &scratch)
      BatchNormKernel.backward(
        dy.pointer, input: fixture.input.constant,
        output: norm.activation == .relu ? UnsafePointer(output.pointer) : nil,
        outputStride: stride, residual: fixture.residual?.constant, pixels: pixels,
        channels: channels, coefficients: fixture.coefficients, into: dx.pointer,
        scaleGradient: small[0].pointer, offsetGradient: small[1].pointer,
        slopeGradient: small[2].pointer, scratch: &scratch)
      #expect(output.gapsStand && dy.gapsStand && dx.fencesStand)
      return [output.values, dx.values] + small.map(\.values)
    }
    #expect(run(stride: channels + 3) == run(stride: channels))
  }

  @Test(arguments: NormCase.all.filter { $0.pixels < 100 })
  func backwardInPlaceAddingAndFromTheOutputAgree(norm: NormCase) {
    let fixture = NormFixture(norm)
    let (pixels, channels) = (norm.pixels, norm.channels)
    var scratch = normScratch(channels)
    let small = (0..<3).map { _ in FencedFloats(unwritten: channels) }
    func backward(
      _ dy: FencedFloats, into dx: FencedFloats, adding: Bool, dResidual: FencedFloats?,
      output: FencedFloats?
    ) {
      BatchNormKernel.backward(
        dy.constant, input: fixture.input.constant, output: output?.constant,
        residual: output == nil ? fixture.residual?.constant : nil, pixels: pixels,
        channels: channels, coefficients: fixture.coefficients, into: dx.pointer,
        addingToInput: adding, residualGradient: dResidual?.pointer, addingToResidual: adding,
        scaleGradient: small[0].pointer, offsetGradient: small[1].pointer,
        slopeGradient: small[2].pointer, scratch: &scratch)
    }
    let plain = FencedFloats(unwritten: fixture.count)
    let plainResidual = norm.hasResidual ? FencedFloats(unwritten: fixture.count) : nil
    let dy = FencedFloats(fixture.outputGradient)
    backward(dy, into: plain, adding: false, dResidual: plainResidual, output: nil)

    let inPlace = FencedFloats(fixture.outputGradient)
    let other = FencedFloats(unwritten: fixture.count)
    backward(
      inPlace, into: inPlace, adding: false, dResidual: norm.hasResidual ? other : nil,
      output: nil)
    #expect(inPlace.values == plain.values)
    if let plainResidual {
      #expect(other.values == plainResidual.values)
      let residualInPlace = FencedFloats(fixture.outputGradient)
      backward(residualInPlace, into: other, adding: false, dResidual: residualInPlace, output: nil)
      #expect(residualInPlace.values == plainResidual.values && other.values == plain.values)
    }

    let base = TestNumbers.normal(fixture.count, seed: 8)
    let added = FencedFloats(base)
    let addedResidual = norm.hasResidual ? FencedFloats(base) : nil
    backward(dy, into: added, adding: true, dResidual: addedResidual, output: nil)
    #expect(
      worstError(added.values, zip(base, plain.values).map { Double($0) + Double($1) }) < 1e-6)
    if let addedResidual, let plainResidual {
      #expect(addedResidual.values == zip(base, plainResidual.values).map { $0 + $1 })
    }

    if norm.activation == .relu {
      let output = FencedFloats(unwritten: fixture.count)
      BatchNormKernel.forward(
        fixture.input.constant, pixels: pixels, channels: channels,
        coefficients: fixture.coefficients, residual: fixture.residual?.constant,
        into: output.pointer, scratch: &scratch)
      backward(dy, into: other, adding: false, dResidual: nil, output: output)
      #expect(other.values == plain.values)
    }
  }

  /// Maps beyond the caches are written past them, except in place: the same values.
  @Test func mapsBeyondTheCachesAgreeWithThoseInPlace() {
    let (pixels, channels) = (100_003, 64)
    let small = NormFixture(
      NormCase(pixels: 50, channels: channels, activation: .prelu, hasResidual: false))
    let x = AlignedMemory(count: pixels * channels, fill: 0)
    for i in 0..<x.count { x.pointer[i] = Float(i &* 7919 % 1009) / 500 - 1 }
    let y = AlignedMemory(count: x.count, fill: .nan)
    let inPlace = AlignedMemory(count: x.count, fill: 0)
    inPlace.pointer.update(from: x.pointer, count: x.count)
    var scratch = normScratch(channels)
    for target in [y.pointer, inPlace.pointer] {
      BatchNormKernel.forward(
        target == inPlace.pointer ? inPlace.pointer : x.pointer, pixels: pixels,
        channels: channels, coefficients: small.coefficients, into: target, scratch: &scratch)
    }
    #expect((0..<x.count).allSatisfy { y.pointer[$0] == inPlace.pointer[$0] })

    let gradients = (0..<3).map { _ in FencedFloats(unwritten: channels) }
    let dx = AlignedMemory(count: x.count, fill: .nan)
    for target in [dx.pointer, inPlace.pointer] {
      BatchNormKernel.backward(
        inPlace.pointer, input: x.pointer, pixels: pixels, channels: channels,
        coefficients: small.coefficients, into: target, scaleGradient: gradients[0].pointer,
        offsetGradient: gradients[1].pointer, slopeGradient: gradients[2].pointer,
        scratch: &scratch)
    }
    #expect((0..<x.count).allSatisfy { dx.pointer[$0] == inPlace.pointer[$0] })
  }
}
