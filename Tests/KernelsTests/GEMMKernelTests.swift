import Determinism
import Kernels
import Testing
import TestSupport

@Suite struct GEMMKernelTests {
  struct Size: Sendable, CustomStringConvertible {
    var rows, columns, depth: Int
    var description: String { "\(rows)x\(columns)x\(depth)" }
  }

  static let sizes: [Size] = [
    .init(rows: 1, columns: 1, depth: 1), .init(rows: 2, columns: 16, depth: 3),
    .init(rows: 3, columns: 17, depth: 4), .init(rows: 4, columns: 31, depth: 255),
    .init(rows: 5, columns: 32, depth: 256), .init(rows: 6, columns: 33, depth: 257),
    .init(rows: 12, columns: 48, depth: 600), .init(rows: 23, columns: 7, depth: 9),
    .init(rows: 39, columns: 80, depth: 513), .init(rows: 27, columns: 100, depth: 64),
  ]

  @Test(arguments: sizes, [false, true])
  func agreesWithDouble(_ size: Size, adding: Bool) {
    let stream = CounterRandom(seed: 1, purpose: .testing, size.rows, size.depth)
    let (m, n, k) = (size.rows, size.columns, size.depth)
    let a = (0..<m * k).map { Float(stream.normal($0)) }
    let b = (0..<k * n).map { Float(stream.normal(m * k + $0)) }
    var transposed = [Float](repeating: 0, count: m * k)
    for i in 0..<m { for d in 0..<k { transposed[d * m + i] = a[i * k + d] } }
    var panels = [Float](repeating: .nan, count: (n + 15) / 16 * k * 16)
    for d in 0..<k { for j in 0..<n { panels[(j / 16 * k + d) * 16 + j % 16] = b[d * n + j] } }
    let first = (0..<m * n).map { Float($0 % 7) }
    var expected = [Double](repeating: 0, count: m * n)
    for i in 0..<m {
      for j in 0..<n {
        var sum = adding ? Double(first[i * n + j]) : 0
        for d in 0..<k { sum += Double(a[i * k + d]) * Double(b[d * n + j]) }
        expected[i * n + j] = sum
      }
    }
    let edge = FencedFloats(unwritten: GEMMKernel.edgeCount)
    var results: [FencedFloats] = []
    for registers in RegisterWidth.available {
      let (plain, viaTransposed) = (FencedFloats(first), FencedFloats(first))
      registers.multiply(
        rows: m, columns: n, depth: k, a: a, aStride: k, panels: panels, panelStride: k * 16,
        into: plain.pointer, cStride: n, adding: adding, edge: edge.pointer)
      registers.multiply(
        transposed: true, rows: m, columns: n, depth: k, a: transposed, aStride: m, panels: panels,
        panelStride: k * 16, into: viaTransposed.pointer, cStride: n, adding: adding,
        edge: edge.pointer)
      results += [plain, viaTransposed]
    }
    for result in results {
      let scale = Double(k).squareRoot() + 7
      for (value, reference) in zip(result.values, expected) {
        #expect(abs(Double(value) - reference) <= 2e-6 * scale)
      }
      #expect(result.fencesStand)
    }
    #expect(results.allSatisfy { $0.values == results[0].values }, "the same bits in all ways")
    #expect(edge.fencesStand)
  }

  /// Without `-march` every lane of addingProduct becomes a call: 2 GF/s instead of 50 to 130, of
  /// this thread's own time in the best of many runs.
  @Test func theInstructionSetHasFusedMultiplyAdd() {
    let (rows, columns, depth) = (48, 64, 256)
    let a = [Float](repeating: 0.5, count: rows * depth)
    let panels = [Float](repeating: 0.25, count: columns * depth)
    let c = FencedFloats(unwritten: rows * columns)
    let edge = FencedFloats(unwritten: GEMMKernel.edgeCount)
    var bestSeconds = Double.infinity
    for _ in 0..<50 {
      let seconds = ProcessorTime.measure {
        RegisterWidth.chosen.multiply(
          rows: rows, columns: columns, depth: depth, a: a, aStride: depth, panels: panels,
          panelStride: depth * 16, into: c.pointer, cStride: columns, adding: false,
          edge: edge.pointer)
      }
      bestSeconds = min(bestSeconds, seconds)
    }
    let rate = 2e-9 * Double(rows * columns * depth) / bestSeconds
    print("micro kernel: \(Float(rate)) GF/s")
    #expect(rate > 10, "Kernels were compiled without FMA: check -march in Package.swift")
    #expect(c.pointer[0] == 32)
  }
}
