import Determinism
import Kernels
import Testing
import TestSupport

@Suite struct DropoutKernelTests {
  @Test(arguments: [1, 5, 8, 20, 1001], [0.0, 0.4, 0.9])
  func theMaskIsTheStreamOfTheRow(features: Int, rate: Double) {
    let rows = 5
    let streams = (0..<rows).map { CounterRandom(seed: 9, purpose: .dropout, $0, features) }
    let keys = streams.map(\.key)
    let input = FencedFloats(TestNumbers.normal(rows * features, seed: 1))
    let output = FencedFloats(unwritten: rows * features)
    DropoutKernel.forward(
      input.constant, rows: rows, features: features, keys: keys, rate: rate,
      into: output.pointer)
    let threshold = DropoutKernel.threshold(rate: rate)
    let mask = (0..<rows * features).map {
      streams[$0 / features].word($0 % features) >= threshold
    }
    let factor = Float(1 / (1 - rate))
    let expected = zip(mask, input.values).map { $0 ? $1 * factor : 0 }
    #expect(output.values == expected)

    DropoutKernel.backward(
      input.constant, rows: rows, features: features, keys: keys, rate: rate,
      into: output.pointer, addingToInput: true)
    #expect(output.values == expected.map { $0 + $0 })
    DropoutKernel.backward(
      input.constant, rows: rows, features: features, keys: keys, rate: rate,
      into: input.pointer)
    #expect(input.values == expected)
    #expect(output.fencesStand && input.fencesStand)
    if features > 1000 {
      let kept = Double(mask.filter { $0 }.count) / Double(mask.count)
      #expect(abs(kept - (1 - rate)) < 0.03)
    }
  }

  @Test func aDroppedNaNIsZero() {
    let key = CounterRandom(seed: 1, purpose: .dropout).key
    let output = FencedFloats(Array(repeating: .nan, count: 64))
    DropoutKernel.forward(
      output.constant, rows: 1, features: 64, keys: [key], rate: 0.5, into: output.pointer)
    #expect(output.values.contains { $0 == 0 } && output.values.contains { $0.isNaN })
  }
}
