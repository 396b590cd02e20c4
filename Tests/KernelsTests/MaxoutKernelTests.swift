import Kernels
import Testing
import TestSupport

@Suite struct MaxoutKernelTests {
  @Test(arguments: [[1, 1, 1], [2, 2, 3], [3, 2, 8], [1, 4, 19], [5, 3, 64]])
  func theLargestPieceWins(numbers: [Int]) {
    let (rows, pieces, outputs) = (numbers[0], numbers[1], numbers[2])
    // Few distinct values: ties are common, and the first wins.
    let input = FencedFloats(
      TestNumbers.normal(rows * pieces * outputs, seed: 1).map { ($0 * 2).rounded() })
    let x = input.values
    let winners = (0..<rows * outputs).map { i in
      let places = (0..<pieces).map {
        (i / outputs * pieces + $0) * outputs + i % outputs
      }
      let best = places.map { x[$0] }.max()!
      return places.first { x[$0] == best }!
    }
    let output = FencedFloats(unwritten: rows * outputs)
    MaxoutKernel.forward(
      input.constant, rows: rows, pieces: pieces, outputs: outputs, into: output.pointer)
    #expect(output.values == winners.map { x[$0] })

    let dy = FencedFloats(TestNumbers.normal(rows * outputs, seed: 2))
    var expected = Array(repeating: Float(0), count: x.count)
    for (i, winner) in winners.enumerated() { expected[winner] = dy.values[i] }
    let dx = FencedFloats(unwritten: x.count)
    for adding in [false, true] {
      MaxoutKernel.backward(
        dy.constant, input: input.constant, rows: rows, pieces: pieces, outputs: outputs,
        into: dx.pointer, addingToInput: adding)
      #expect(dx.values == expected.map { adding ? 2 * $0 : $0 })
    }
    #expect(output.fencesStand && dx.fencesStand)
  }

  @Test func nanSpreads() {
    let output = FencedFloats(unwritten: 2)
    MaxoutKernel.forward([1, .nan, .nan, 2], rows: 1, pieces: 2, outputs: 2, into: output.pointer)
    #expect(output.values.allSatisfy { $0.isNaN })
  }
}
