import Kernels
import Testing
import TestSupport

/// Products of dense layers have the bits of the sums written down here, one multiply-add after the
/// other: in registers of any width, whatever stands around an element.
@Suite struct DenseBitsTests {
  struct Shape: Sendable, CustomStringConvertible {
    var rows, inputs, outputs: Int
    var description: String { "[\(rows),\(inputs)] to \(outputs)" }
  }

  static let shapes: [Shape] = [
    .init(rows: 1, inputs: 1, outputs: 1), .init(rows: 1, inputs: 1537, outputs: 29),
    .init(rows: 2, inputs: 33, outputs: 2), .init(rows: 3, inputs: 512, outputs: 40),
    .init(rows: 4, inputs: 31, outputs: 3), .init(rows: 5, inputs: 600, outputs: 301),
    .init(rows: 7, inputs: 100, outputs: 16), .init(rows: 12, inputs: 1024, outputs: 33),
    .init(rows: 16, inputs: 512, outputs: 128), .init(rows: 19, inputs: 1040, outputs: 7),
    .init(rows: 27, inputs: 1100, outputs: 259), .init(rows: 300, inputs: 48, outputs: 11),
  ]

  private struct Operands {
    let shape: Shape
    let x, w, dy: [Float]

    init(_ shape: Shape) {
      self.shape = shape
      x = TestNumbers.normal(shape.rows * shape.inputs, seed: 1)
      w = TestNumbers.normal(shape.outputs * shape.inputs, seed: 2)
      dy = TestNumbers.normal(shape.rows * shape.outputs, seed: 3)
    }
  }

  /// Sixteen sums over 512 depths at a time, added in pairs that halve their number: lane and lane
  /// + 8, + 4, then neighbours.
  static func dot(_ depth: Int, _ a: (Int) -> Float, _ b: (Int) -> Float, from: Float? = nil)
    -> Float
  {
    var result = from
    for start in stride(from: 0, to: depth, by: 512) {
      var lanes = [Float](repeating: 0, count: 16)
      for i in start..<min(start + 512, depth) {
        lanes[i % 16] = lanes[i % 16].addingProduct(a(i), b(i))
      }
      let eight = (0..<8).map { lanes[$0] + lanes[$0 + 8] }
      let four = (0..<4).map { eight[$0] + eight[$0 + 4] }
      let sum = (four[0] + four[1]) + (four[2] + four[3])
      result = result.map { $0 + sum } ?? sum
    }
    return result!
  }

  /// One sum over 256 depths at a time.
  static func chain(_ depth: Int, _ a: (Int) -> Float, _ b: (Int) -> Float, from: Float? = nil)
    -> Float
  {
    var result = from
    for start in stride(from: 0, to: depth, by: 256) {
      var sum: Float = 0
      for i in start..<min(start + 256, depth) { sum = sum.addingProduct(a(i), b(i)) }
      result = result.map { $0 + sum } ?? sum
    }
    return result!
  }

  /// How many of `actual` have other bits than `expected`.
  private static func different(_ actual: [Float], _ expected: [Float]) -> Int {
    zip(actual, expected).count { $0.bitPattern != $1.bitPattern }
  }

  @Test(arguments: shapes)
  func forwardIsTheSumThatIsWrittenDown(_ shape: Shape) {
    let (o, stride) = (Operands(shape), shape.outputs + 3)
    let bias = TestNumbers.normal(shape.outputs, seed: 4)
    for bias in [nil, bias] {
      // Between the rows of the result are three floats of somebody else's.
      var expected = [Float](repeating: 7, count: shape.rows * stride)
      for place in expected.indices where place % stride < shape.outputs {
        let (row, output) = (place / stride, place % stride)
        expected[place] = Self.dot(
          shape.inputs, { o.x[row * shape.inputs + $0] }, { o.w[output * shape.inputs + $0] },
          from: bias?[output])
      }
      for registers in RegisterWidth.available {
        let y = FencedFloats([Float](repeating: 7, count: expected.count))
        LinearKernel.forward(
          o.x, weights: o.w, bias: bias, rows: shape.rows, inputs: shape.inputs,
          outputs: shape.outputs, into: y.pointer, outputStride: stride, in: registers)
        #expect(Self.different(y.values, expected) == 0, "\(registers)")
        #expect(y.fencesStand)
      }
    }
  }

  @Test(arguments: shapes)
  func inputGradientIsTheSumThatIsWrittenDown(_ shape: Shape) {
    let o = Operands(shape)
    let first = TestNumbers.normal(shape.rows * shape.inputs, seed: 5)
    for adding in [false, true] {
      let expected = first.indices.map { place in
        let (row, input) = (place / shape.inputs, place % shape.inputs)
        return Self.chain(
          shape.outputs, { o.dy[row * shape.outputs + $0] }, { o.w[$0 * shape.inputs + input] },
          from: adding ? first[place] : nil)
      }
      for registers in RegisterWidth.available {
        let dx = adding ? FencedFloats(first) : FencedFloats(unwritten: first.count)
        LinearKernel.backwardInput(
          o.dy, weights: o.w, rows: shape.rows, inputs: shape.inputs, outputs: shape.outputs,
          into: dx.pointer, addingToInput: adding, in: registers)
        #expect(Self.different(dx.values, expected) == 0, "\(registers)")
        #expect(dx.fencesStand)
      }
    }
  }

  @Test(arguments: shapes)
  func weightGradientIsTheSumThatIsWrittenDown(_ shape: Shape) {
    let o = Operands(shape)
    let expected = (0..<shape.outputs * shape.inputs).map { place in
      let (output, input) = (place / shape.inputs, place % shape.inputs)
      return Self.chain(
        shape.rows, { o.dy[$0 * shape.outputs + output] }, { o.x[$0 * shape.inputs + input] })
    }
    for registers in RegisterWidth.available {
      let dw = FencedFloats(unwritten: expected.count)
      LinearKernel.backwardWeights(
        o.dy, input: o.x, rows: shape.rows, inputs: shape.inputs, outputs: shape.outputs,
        into: dw.pointer, biasGradient: nil, in: registers)
      #expect(Self.different(dw.values, expected) == 0, "\(registers)")
      #expect(dw.fencesStand)
    }
  }

  /// Gradients that are too large for the caches are stored past them.
  @Test(arguments: RegisterWidth.available)
  func aLargeWeightGradientHasTheBitsOfItsParts(registers: RegisterWidth) {
    let (rows, inputs, outputs) = (5, 25_088, 259)
    let x = FencedFloats(TestNumbers.normal(rows * inputs, seed: 1))
    let dy = FencedFloats(TestNumbers.normal(rows * outputs, seed: 2))
    let whole = AlignedMemory(count: outputs * inputs, fill: .nan)
    let part = 37
    LinearKernel.backwardWeights(
      dy.constant, input: x.constant, rows: rows, inputs: inputs, outputs: outputs,
      into: whole.pointer, biasGradient: nil, in: registers)
    var wrong = 0
    for first in stride(from: 0, to: outputs, by: part) {
      let block = FencedFloats(unwritten: part * inputs)
      LinearKernel.backwardWeights(
        dy.constant + first, outputStride: outputs, input: x.constant, rows: rows, inputs: inputs,
        outputs: part, into: block.pointer, biasGradient: nil, in: registers)
      for i in 0..<part * inputs
      where block.pointer[i].bitPattern != whole.pointer[first * inputs + i].bitPattern {
        wrong += 1
      }
    }
    #expect(wrong == 0)
  }

  /// One image, or a class, does not see how many stand beside it.
  @Test(arguments: RegisterWidth.available)
  func rowsAndOutputsDoNotSeeEachOther(registers: RegisterWidth) {
    let shape = Shape(rows: 21, inputs: 1100, outputs: 45)
    let o = Operands(shape)
    let y = FencedFloats(unwritten: shape.rows * shape.outputs)
    LinearKernel.forward(
      o.x, weights: o.w, bias: nil, rows: shape.rows, inputs: shape.inputs,
      outputs: shape.outputs, into: y.pointer, in: registers)
    let (x, w) = (FencedFloats(o.x), FencedFloats(o.w))
    for rows in 1...20 {
      let part = FencedFloats(unwritten: rows * 22)
      LinearKernel.forward(
        x.constant + shape.inputs, weights: w.constant + 23 * shape.inputs, bias: nil, rows: rows,
        inputs: shape.inputs, outputs: 22, into: part.pointer, in: registers)
      let whole = (0..<rows * 22).map { y.pointer[(1 + $0 / 22) * shape.outputs + 23 + $0 % 22] }
      #expect(Self.different(part.values, whole) == 0, "\(rows) rows")
    }
  }
}
