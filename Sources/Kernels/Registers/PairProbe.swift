private import CProcessor
private import KernelsBF16
private import KernelsPairs

/// Looks whether the instructions of AVX512_BF16 give the bits that two multiply-adds give.
enum PairProbe {
  /// Rows, panels and pairs of a small product, with a remainder of rows and of panels.
  private static let (rows, panels, depth) = (19, 3, 24)

  /// What the numbers of a product are.
  private enum Numbers: CaseIterable {
    /// Near 1, where sums round.
    case ordinary
    /// Of any bits: zeros, subnormal, infinite and undefined ones among them.
    case any
    /// Near 2^-63, whose products and sums lie on either side of the least normal number.
    case small
  }

  /// Whether packing and products have the same bits either way, over numbers of every size, and
  /// over products, sums and results that are subnormal.
  static func agrees() -> Bool {
    Numbers.allCases.allSatisfy { kind in
      let a = numbers(kind, rows * 2 * depth, seed: 1)
      let b = numbers(kind, panels * 2 * depth * 16, seed: 2)
      return products(SixteenPairLanes.self, a, b) == products(EightPairLanes.self, a, b)
    }
  }

  /// The bits of A, B and C = A B, of C + A B, of the same with A transposed, and of subnormal
  /// numbers to which products of zeros are added.
  private static func products<Lanes: PairRegisters>(
    _: Lanes.Type, _ a: [Float], _ b: [Float]
  ) -> [UInt32] {
    var packedA = [Float](repeating: 0, count: rows * depth)
    var packedB = [Float](repeating: 0, count: panels * depth * 16)
    let count = rows * panels * 16
    var c = [Float](repeating: 0, count: 2 * count)
    c += (0..<count).map { Float(bitPattern: UInt32($0) << 13 | 1) }
    let zeros = [Float](repeating: 0, count: rows * depth)
    Lanes.Packing.packRows(
      a, rows: rows, count: 2 * depth, stride: 2 * depth, into: &packedA, factorStride: depth)
    Lanes.Packing.packAlongRows(
      b, rows: panels * 2 * depth, count: 16, stride: 16, into: &packedB, factorStride: 16)
    c.withUnsafeMutableBufferPointer { c in
      let (first, second) = (c.baseAddress!, c.baseAddress! + count)
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
      Lanes.multiplyPanels(
        rows: rows, panelCount: panels, depth: depth, a: zeros, aStride: depth, panels: packedB,
        panelStride: depth * 16, into: second + count, cStride: panels * 16, cPanelStride: 16,
        adding: true)
    }
    return (packedA + packedB).map(\.bitPattern)
      + c.map { $0.isNaN ? Float.nan.bitPattern : $0.bitPattern }
  }

  private static func numbers(_ kind: Numbers, _ count: Int, seed: UInt64) -> [Float] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let bits = UInt32(truncatingIfNeeded: state >> 32)
      return switch kind {
      case .ordinary:
        Float(bitPattern: bits & 0x807F_FFFF | 0x3F00_0000 | (bits >> 3 & 0x0080_0000))
      case .any: Float(bitPattern: bits)
      // Exponents of -66 to -63.
      case .small: Float(bitPattern: bits & 0x807F_FFFF | (61 + (bits >> 23 & 3)) << 23)
      }
    }
  }
}
