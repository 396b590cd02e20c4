import Kernels
import Testing
import TestSupport

/// Convolutions whose products are pairs of bfloat16, against Double.
@Suite struct PairConvolutionTests {
  /// Patches of numbers that bfloat16 holds lose nothing but the rounding of sums; a Winograd
  /// transform rounds its results.
  @Test(arguments: ConvolutionKernelTests.cases)
  func agreesWithTheReference(_ it: ConvolutionCase) {
    let (plan, reference) = (it.plan(.bfloat16), it.reference)
    let rows = reference.rows
    let (x, dy) = (roundedToBFloat16(it.input), roundedToBFloat16(it.outputGradient))
    let (w, packed) = (roundedToBFloat16(it.weights), roundedToBFloat16(it.packedWeights))
    let (x64, dy64, w64) = (x.map(Double.init), dy.map(Double.init), w.map(Double.init))
    let scratch = FencedFloats(unwritten: plan.scratchCount, offset: 0)
    let (xAt, dyAt, weightsAt) = (FencedFloats(x), FencedFloats(dy), FencedFloats(packed))
    let y = FencedFloats(unwritten: reference.outputCount)
    let (dx, sum) = (FencedFloats(unwritten: reference.inputCount), FencedFloats(x))
    let dw = FencedFloats(unwritten: reference.weightCount)
    let logical = FencedFloats(unwritten: reference.weightCount)
    ConvolutionKernel.forward(
      xAt.pointer, rows: rows, weights: weightsAt.pointer, plan: plan, into: y.pointer,
      statistics: nil, scratch: scratch.pointer)
    for (target, adding) in [(dx, false), (sum, true)] {
      scratch.fill(.nan)
      ConvolutionKernel.backwardInput(
        dyAt.pointer, rows: rows, weights: weightsAt.pointer, plan: plan, into: target.pointer,
        adding: adding, scratch: scratch.pointer)
    }
    scratch.fill(.nan)
    ConvolutionKernel.backwardWeights(
      dyAt.pointer, input: xAt.pointer, rows: rows, plan: plan, into: dw.pointer,
      scratch: scratch.pointer)
    ConvolutionWeights.unpack(dw.pointer, shape: plan.shape, into: logical.pointer)

    let dxReference = reference.backwardInput(dy64, weights: w64)
    let results = [
      (y.values, reference.forward(x64, weights: w64)), (dx.values, dxReference),
      (sum.values, zip(x64, dxReference).map { $0 + $1 }),
      (logical.values, reference.backwardWeights(dy64, input: x64)),
    ]
    let isExact = ["im2col", "im2col pairs", "winograd row"].contains(plan.algorithm.name)
    for (values, expected) in results {
      if isExact {
        #expect(worstRelativeToRMS(values, expected) <= 5e-5)
      } else {
        #expect(rmsRelativeToRMS(values, expected) <= 1.5e-2)
        #expect(rmsRelativeToRMS(values, expected) >= 1e-5, "products are of bfloat16")
      }
    }
    for buffer in [scratch, xAt, dyAt, weightsAt, y, dx, sum, dw] { #expect(buffer.fencesStand) }
  }

  /// One product of pairs as VDPBF16PS has it, step by step, subnormal numbers included.
  @Test func aProductAddsTheOddValueFirstAndTakesSubnormalNumbersForZero() {
    // [rows x depth] of one row and pairs; B has 16 columns of them.
    let a: [(even: Float, odd: Float)] = [(1, 0x1p24), (3, -1), (0x1p-100, 1), (0x1p-130, 2)]
    let b: [(even: Float, odd: Float)] = [(1, 1), (0x1p-8, 1), (0x1p-30, 0x1p-127), (0x1p127, 1)]
    func bits(_ pair: (even: Float, odd: Float)) -> Float {
      Float(bitPattern: pair.even.bitPattern >> 16 | pair.odd.bitPattern)
    }
    func zeroed(_ value: Float) -> Float { value.isSubnormal ? 0 : value }
    var expected: Float = 0
    for (x, y) in zip(a, b) {
      expected = zeroed(expected.addingProduct(zeroed(x.odd), zeroed(y.odd)))
      expected = zeroed(expected.addingProduct(zeroed(x.even), zeroed(y.even)))
    }
    let panels = b.flatMap { Array(repeating: bits($0), count: 16) }
    let edge = FencedFloats(unwritten: GEMMKernel.edgeCount)
    for registers in RegisterWidth.available {
      for columns in [16, 7] {
        let c = FencedFloats(unwritten: columns)
        registers.multiply(
          .bfloat16, rows: 1, columns: columns, depth: a.count, a: a.map(bits), aStride: a.count,
          panels: panels, panelStride: 16 * a.count, into: c.pointer, cStride: columns,
          adding: false, edge: edge.pointer)
        #expect(c.values.allSatisfy { $0.bitPattern == expected.bitPattern })
        #expect(c.fencesStand)
        let small = FencedFloats([1e-40, 2e-40])
        let sum = small.pointer[0] + small.pointer[1]
        #expect(sum.bitPattern != 0, "the thread's own arithmetic is as it was")
      }
    }
  }
}
