private import CProcessor
private import KernelsBF16
private import KernelsPairs

/// Looks whether the instructions of AVX512_BF16 give the bits that two multiply-adds give.
enum PairProbe {
  /// Rows, panels and pairs of a small product, with a remainder of rows and of panels.
  private static let (rows, panels, depth) = (19, 3, 24)

  /// Whether packing and products have the same bits either way, over numbers of every size, zeros,
  /// subnormal, infinite and undefined ones among them.
  static func agrees() -> Bool {
    let (a, b) = (numbers(rows * 2 * depth, seed: 1), numbers(panels * 2 * depth * 16, seed: 2))
    let own = products(SixteenPairLanes.self, a, b)
    return own == products(EightPairLanes.self, a, b)
  }

  /// The bits of A, B and C = A B, of C + A B, and of the same with A transposed.
  private static func products<Lanes: PairRegisters>(
    _: Lanes.Type, _ a: [Float], _ b: [Float]
  ) -> [UInt32] {
    var packedA = [Float](repeating: 0, count: rows * depth)
    var packedB = [Float](repeating: 0, count: panels * depth * 16)
    var c = [Float](repeating: 0, count: 2 * rows * panels * 16)
    Lanes.Packing.packRows(
      a, rows: rows, count: 2 * depth, stride: 2 * depth, into: &packedA, factorStride: depth)
    Lanes.Packing.packAlongRows(
      b, rows: panels * 2 * depth, count: 16, stride: 16, into: &packedB, factorStride: 16)
    c.withUnsafeMutableBufferPointer { c in
      let (first, second) = (c.baseAddress!, c.baseAddress! + rows * panels * 16)
      for adding in [false, true] {
        Lanes.multiplyPanels(
          rows: rows, panelCount: panels, depth: depth, a: packedA, aStride: depth,
          panels: packedB, panelStride: depth * 16, into: first, cStride: panels * 16,
          cPanelStride: 16, adding: adding)
        Lanes.multiplyPanelsTransposed(
          rows: rows, panelCount: panels, depth: depth, a: packedA, aStride: rows,
          panels: packedB, panelStride: depth * 16, into: second, cStride: panels * 16,
          cPanelStride: 16, adding: adding)
      }
    }
    return (packedA + packedB).map(\.bitPattern)
      + c.map { $0.isNaN ? Float.nan.bitPattern : $0.bitPattern }
  }

  /// Numbers near 1, where sums round, and behind them numbers of any bits.
  private static func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed
    return (0..<count).map { i in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let bits = UInt32(truncatingIfNeeded: state >> 32)
      return i < count / 2
        ? Float(bitPattern: bits & 0x807F_FFFF | 0x3F00_0000 | (bits >> 3 & 0x0080_0000))
        : Float(bitPattern: bits)
    }
  }
}
