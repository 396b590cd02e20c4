private import Kernels

/// What one core of this machine can do, measured: the yardsticks of all other figures.
package struct MachineRates: Sendable, Equatable {
  /// Floating-point operations a second of fused multiply-adds on registers (two each).
  package var multiplyAddRate: Double
  /// Floating-point operations a second of OpenBLAS, a large square product.
  package var productRate: Double
  /// Bytes a second, read from memory and written to it.
  package var readRate, writeRate: Double

  package init(
    multiplyAddRate: Double, productRate: Double, readRate: Double, writeRate: Double
  ) {
    self.multiplyAddRate = multiplyAddRate
    self.productRate = productRate
    self.readRate = readRate
    self.writeRate = writeRate
  }

  /// The rates by name with unit, as reports have them.
  package var figures: [String: Double] {
    [
      "fma_gflops": multiplyAddRate / 1e9, "sgemm_gflops": productRate / 1e9,
      "read_gbytes_per_second": readRate / 1e9, "write_gbytes_per_second": writeRate / 1e9,
    ]
  }

  /// Measures, for about `budgetSeconds` each.
  package static func measure(budgetSeconds: Double) -> MachineRates {
    BLASRuntime.configureSingleThread()
    let side = 1536
    let a = AlignedMemory(count: side * side, fill: 1)
    let b = AlignedMemory(count: side * side, fill: 1)
    let c = AlignedMemory(count: side * side, fill: 0)
    let product = Timing.best(budgetSeconds: budgetSeconds) {
      DenseProduct.multiply(
        a.pointer, b.pointer, rows: side, columns: side, inner: side, into: c.pointer)
    }
    // Larger than any cache that one core can call its own.
    let count = 64 << 20
    let memory = AlignedMemory(count: count, fill: 1)
    var sink = Float(0)
    let read = Timing.best(budgetSeconds: budgetSeconds) {
      sink += sumOfStreams(memory.pointer, count: count)
    }
    let write = Timing.best(budgetSeconds: budgetSeconds) {
      fillStreams(memory.pointer, count: count, with: sink == 0 ? 1 : 2)
    }
    let rounds = 200_000
    let registers = Timing.best(budgetSeconds: budgetSeconds) {
      memory.pointer[0] = RegisterWidth.chosen.multiplyAdds(rounds: rounds, seed: memory.pointer[1])
    }
    return MachineRates(
      multiplyAddRate: Double(rounds * RegisterWidth.chosen.multiplyAddOperations)
        / registers.bestSeconds,
      productRate: 2 * Double(side * side * side) / product.bestSeconds,
      readRate: Double(4 * count) / read.bestSeconds,
      writeRate: Double(4 * count) / write.bestSeconds)
  }

  /// The sum of `values` [count], a multiple of 64, read as four streams: one alone does not fill
  /// the memory's pipeline.
  @inline(never)
  private static func sumOfStreams(_ values: UnsafePointer<Float>, count: Int) -> Float {
    var (a, b, c, d) = (SIMD16<Float>(), SIMD16<Float>(), SIMD16<Float>(), SIMD16<Float>())
    let quarter = count  // Bytes of a quarter of 4 x count.
    let raw = UnsafeRawPointer(values)
    var at = 0
    while at < quarter {
      a += raw.load(fromByteOffset: at, as: SIMD16<Float>.self)
      b += raw.load(fromByteOffset: at + quarter, as: SIMD16<Float>.self)
      c += raw.load(fromByteOffset: at + 2 * quarter, as: SIMD16<Float>.self)
      d += raw.load(fromByteOffset: at + 3 * quarter, as: SIMD16<Float>.self)
      at += 64
    }
    return (a + b + c + d).sum()
  }

  /// Overwrites `values` [count], a multiple of 64, as four streams.
  @inline(never)
  private static func fillStreams(
    _ values: UnsafeMutablePointer<Float>, count: Int, with value: Float
  ) {
    let lanes = SIMD16<Float>(repeating: value)
    let quarter = count  // Bytes of a quarter of 4 x count.
    let raw = UnsafeMutableRawPointer(values)
    var at = 0
    while at < quarter {
      for stream in 0..<4 {
        raw.storeBytes(of: lanes, toByteOffset: at + stream * quarter, as: SIMD16<Float>.self)
      }
      at += 64
    }
  }
}
