import Kernels
import Testing
import TestSupport

@Suite struct LinearKernelTests {
  /// a [m,k] b [k,n], after transposing, in Double.
  static func product(
    _ a: [Float], _ transposeA: Bool, _ b: [Float], _ transposeB: Bool, _ m: Int, _ n: Int, _ k: Int
  ) -> [Double] {
    (0..<m * n).map { index in
      let (i, j) = (index / n, index % n)
      return (0..<k).reduce(0) { sum, l in
        sum + Double(transposeA ? a[l * m + i] : a[i * k + l])
          * Double(transposeB ? b[j * k + l] : b[l * n + j])
      }
    }
  }

  @Test(arguments: [(1, 1, 1), (2, 5, 3), (16, 512, 128), (7, 100, 33), (600, 20, 9)])
  func layerMatchesTheFormula(rows: Int, inputs: Int, outputs: Int) {
    let x = FencedFloats(TestNumbers.normal(rows * inputs, seed: 1))
    let w = FencedFloats(TestNumbers.normal(outputs * inputs, seed: 2))
    let b = FencedFloats(TestNumbers.normal(outputs, seed: 3))
    let y = FencedFloats(unwritten: rows * outputs)
    let plain = Self.product(x.values, false, w.values, true, rows, outputs, inputs)
    LinearKernel.forward(
      x.constant, weights: w.constant, bias: b.constant, rows: rows, inputs: inputs,
      outputs: outputs, into: y.pointer)
    #expect(
      worstError(y.values, plain.enumerated().map { $1 + Double(b.values[$0 % outputs]) }) < 2e-6)
    y.pointer.update(repeating: .nan, count: y.count)
    LinearKernel.forward(
      x.constant, weights: w.constant, bias: nil, rows: rows, inputs: inputs, outputs: outputs,
      into: y.pointer)
    #expect(worstError(y.values, plain) < 2e-6)

    let dy = FencedFloats(TestNumbers.normal(rows * outputs, seed: 4))
    let dx = FencedFloats(unwritten: rows * inputs)
    let expected = Self.product(dy.values, false, w.values, false, rows, inputs, outputs)
    LinearKernel.backwardInput(
      dy.constant, weights: w.constant, rows: rows, inputs: inputs, outputs: outputs,
      into: dx.pointer)
    #expect(worstError(dx.values, expected) < 2e-6)
    LinearKernel.backwardInput(
      dy.constant, weights: w.constant, rows: rows, inputs: inputs, outputs: outputs,
      into: dx.pointer, addingToInput: true)
    #expect(worstError(dx.values, expected.map { 2 * $0 }) < 2e-6)

    let dw = FencedFloats(unwritten: outputs * inputs)
    let db = FencedFloats(unwritten: outputs)
    LinearKernel.backwardWeights(
      dy.constant, input: x.constant, rows: rows, inputs: inputs, outputs: outputs,
      into: dw.pointer, biasGradient: db.pointer)
    let weights = Self.product(dy.values, true, x.values, false, outputs, inputs, rows)
    #expect(worstError(dw.values, weights) < 2e-6)
    let bias = (0..<outputs).map { o in
      (0..<rows).reduce(0) { $0 + Double(dy.values[$1 * outputs + o]) }
    }
    #expect(worstError(db.values, bias) < 2e-6)
    #expect([y, dx, dw, db].allSatisfy { $0.fencesStand })
  }

  @Test(arguments: [false, true], [false, true])
  func productsTransposeScaleAndStride(transposeA: Bool, transposeB: Bool) {
    let (m, n, k) = (3, 5, 4)
    let a = TestNumbers.normal(m * k, seed: 1)
    let b = TestNumbers.normal(k * n, seed: 2)
    let result = FencedFloats(Array(repeating: 1, count: m * 7))
    DenseProduct.multiply(
      a, transposeA: transposeA, b, transposeB: transposeB, rows: m, columns: n, inner: k,
      alpha: 2, beta: 3, strideResult: 7, into: result.pointer)
    let product = Self.product(a, transposeA, b, transposeB, m, n, k)
    let expected = (0..<m * 7).map { $0 % 7 < n ? 2 * product[$0 / 7 * n + $0 % 7] + 3 : 1 }
    #expect(worstError(result.values, expected) < 1e-6)
  }

  @Test func theRuntimeReadsBack() {
    BLASRuntime.configureSingleThread()
    #expect(BLASRuntime.threadCount == 1)
    #expect(!BLASRuntime.coreName.isEmpty)
    #expect(BLASRuntime.buildConfiguration.contains("OpenBLAS"))
  }
}
