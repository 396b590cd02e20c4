import Kernels
import TestSupport
import Testing

@Suite struct ActivationKernelTests {
  @Test(arguments: NormCase.all.filter { !$0.hasResidual })
  func biasAndActivationMatchTheFormula(shape: NormCase) {
    let (pixels, channels) = (shape.pixels, shape.channels)
    let count = pixels * channels
    let bias = FencedFloats(TestNumbers.normal(channels, seed: 2))
    let slopes = FencedFloats(TestNumbers.normal(channels, seed: 3, mean: 0.25))
    let input = FencedFloats(TestNumbers.normal(count, seed: 1))
    let (x, b) = (input.values, bias.values)
    let u = (0..<count).map { Double(x[$0] + b[$0 % channels]) }
    let s = doubles(slopes.values)
    let output = FencedFloats(unwritten: count)
    var sums = Array(repeating: Double.nan, count: 2 * channels)
    BiasActivationKernel.forward(
      input.constant, pixels: pixels, channels: channels, bias: bias.constant,
      activation: shape.kernelActivation, slopes: slopes.constant, into: output.pointer,
      outputSums: &sums)
    let y = u.enumerated().map { shape.activation.value($1, slope: s[$0 % channels]) }
    #expect(worstError(output.values, y) < 1e-7)
    #expect(worstError(sums.map { Float($0) }, referenceSums(y, channels: channels)) < 2e-6)

    let dy = FencedFloats(TestNumbers.normal(count, seed: 4))
    let outputGradient = doubles(dy.values)
    var du: [Double] = []
    var dBias = Array(repeating: 0.0, count: channels)
    var dSlopes = dBias
    for i in 0..<count {
      let c = i % channels
      let gradient = outputGradient[i]
      du.append(gradient * shape.activation.derivative(u[i], slope: s[c]))
      dBias[c] += du[i]
      if shape.activation == .prelu { dSlopes[c] += gradient * min(u[i], 0) }
    }
    let biasGradient = FencedFloats(unwritten: channels)
    let slopeGradient = FencedFloats(unwritten: channels)
    var scratch = Array(
      repeating: Double.nan, count: BiasActivationKernel.backwardScratchCount(channels: channels))
    func backward(into target: FencedFloats, from gradient: FencedFloats, adding: Bool) {
      BiasActivationKernel.backward(
        gradient.constant, input: input.constant, pixels: pixels, channels: channels,
        bias: bias.constant, activation: shape.kernelActivation, slopes: slopes.constant,
        into: target.pointer, addingToInput: adding, biasGradient: biasGradient.pointer,
        slopeGradient: slopeGradient.pointer, scratch: &scratch)
    }
    let added = FencedFloats(Array(repeating: 2, count: count))
    backward(into: added, from: dy, adding: true)
    #expect(worstError(added.values, du.map { $0 + 2 }) < 1e-6)
    backward(into: dy, from: dy, adding: false)
    #expect(worstError(dy.values, du) < 1e-7)
    #expect(worstError(biasGradient.values, dBias) < 1e-5)
    #expect(worstError(slopeGradient.values, dSlopes) < 1e-5)
    #expect(output.fencesStand && dy.fencesStand && biasGradient.fencesStand)
  }

  @Test func reluFromItsOwnOutputAndWithoutBias() {
    let input = FencedFloats([-1, 0, 2, -0.0, .nan, 3, -.infinity, 1, 5])
    let output = FencedFloats(unwritten: 9)
    BiasActivationKernel.forward(
      input.constant, pixels: 1, channels: 9, bias: nil, activation: .relu, into: output.pointer)
    #expect(output.values[4].isNaN)
    #expect(
      output.values.enumerated().filter { $0.offset != 4 }.map(\.element)
        == [0, 0, 2, 0, 3, 0, 1, 5])
    let dy = FencedFloats(Array(repeating: 1, count: 9))
    var scratch = Array(repeating: 0.0, count: 18)
    BiasActivationKernel.backward(
      dy.constant, input: output.constant, pixels: 1, channels: 9, bias: nil, activation: .relu,
      into: dy.pointer, biasGradient: nil, scratch: &scratch)
    #expect(dy.values == [0, 0, 1, 0, 1, 1, 0, 1, 1])
  }
}
