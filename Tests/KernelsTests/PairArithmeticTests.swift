import Foundation
import Kernels
import KernelsBF16
import KernelsPairs
import Testing
import TestSupport

/// Rounding, packing and adding of pairs of bfloat16, by the instructions for them and without,
/// against what they are defined as.
@Suite struct PairArithmeticTests {
  /// Whether the processor, as the operating system lists it, has AVX512_BF16.
  private static let processorHasInstruction: Bool = {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").contains {
      $0.hasPrefix("flags") && $0.split(separator: " ").contains("avx512_bf16")
    }
  }()

  /// Or every test of pairs would compare the way without the instruction with itself.
  @Test func theInstructionIsUsedWhereTheProcessorHasIt() {
    let environment = ProcessInfo.processInfo.environment
    let isRefused = ["DDP_TRAIN_BF16", "DDP_TRAIN_AVX512"].contains { environment[$0] == "0" }
    #expect(Precision.hasInstruction == (Self.processorHasInstruction && !isRefused))
  }

  // MARK: Packing

  private typealias Pack = (
    _ source: UnsafePointer<Float>, _ rows: Int, _ count: Int, _ stride: Int,
    _ factors: UnsafeMutablePointer<Float>, _ factorStride: Int
  ) -> Void

  private static var ways: [(name: String, rows: Pack, alongRows: Pack)] {
    let plain: (String, Pack, Pack) = (
      "KernelsPairs",
      {
        KernelsPairs.FactorPacking.packRows(
          $0, rows: $1, count: $2, stride: $3, into: $4, factorStride: $5)
      },
      {
        KernelsPairs.FactorPacking.packAlongRows(
          $0, rows: $1, count: $2, stride: $3, into: $4, factorStride: $5)
      }
    )
    guard processorHasInstruction else { return [plain] }
    return [
      plain,
      (
        "KernelsBF16",
        {
          KernelsBF16.FactorPacking.packRows(
            $0, rows: $1, count: $2, stride: $3, into: $4, factorStride: $5)
        },
        {
          KernelsBF16.FactorPacking.packAlongRows(
            $0, rows: $1, count: $2, stride: $3, into: $4, factorStride: $5)
        }
      ),
    ]
  }

  /// As VCVTNEPS2BF16 is defined: to the nearest, to even where two are as near, subnormal numbers
  /// to zero, NaN to a quiet one.
  private static func bfloat16(_ value: Float) -> UInt32 {
    let bits = value.bitPattern
    if value.isNaN { return bits >> 16 | 0x40 }
    if value.isSubnormal { return bits >> 16 & 0x8000 }
    let (lower, upper) = (bits >> 16, bits >> 16 + 1)
    let rest = bits & 0xFFFF
    if rest == 0x8000 { return lower % 2 == 0 ? lower : upper }
    return rest > 0x8000 ? upper : lower
  }

  /// Ties over even and odd numbers, the largest, the least, no numbers, and numbers of any bits.
  private static func numbers(_ count: Int) -> [Float] {
    let edges: [UInt32] = [
      0, 1, 0x007F_8000, 0x007F_FFFF, 0x0080_0000, 0x0080_8000, 0x0081_8000, 0x3F80_7FFF,
      0x3F80_8000, 0x3F80_8001, 0x3F81_7FFF, 0x3F81_8000, 0x3F81_8001, 0x3FFF_8000, 0x7F7F_0000,
      0x7F7F_7FFF, 0x7F7F_8000, 0x7F7F_FFFF, 0x7F80_0000, 0x7F80_0001, 0x7F80_FFFF, 0x7FBF_FFFF,
      0x7FC0_0000, 0x7FFF_FFFF,
    ]
    var state: UInt64 = 5
    return (0..<count).map { i in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let random = UInt32(truncatingIfNeeded: state >> 32)
      let sign: UInt32 = i / edges.count % 2 == 0 ? 0 : 0x8000_0000
      return Float(bitPattern: i < 2 * edges.count ? edges[i % edges.count] | sign : random)
    }
  }

  /// A row of an odd count, whose last factor has no odd value.
  @Test func rowsArePackedAsTheInstructionRounds() {
    let (rows, count, stride, factorStride) = (5, 53, 55, 37)
    let source = Self.numbers(rows * stride)
    for way in Self.ways {
      let from = FencedFloats(source)
      let to = FencedFloats(unwritten: rows * factorStride)
      way.rows(from.constant, rows, count, stride, to.pointer, factorStride)
      for row in 0..<rows {
        for factor in 0..<(count + 1) / 2 {
          let even = Self.bfloat16(source[row * stride + 2 * factor])
          let hasOdd = 2 * factor + 1 < count
          let odd = hasOdd ? Self.bfloat16(source[row * stride + 2 * factor + 1]) : 0
          let found = to.values[row * factorStride + factor].bitPattern
          #expect(found == odd << 16 | even, "\(way.name): factor \(factor) of row \(row)")
        }
      }
      #expect(from.fencesStand && to.fencesStand)
    }
  }

  /// Rows of an odd number, the last of which has none to be a pair with.
  @Test func pairsOfRowsArePackedAsTheInstructionRounds() {
    let (rows, count, stride, factorStride) = (7, 37, 41, 50)
    let source = Self.numbers(rows * stride)
    for way in Self.ways {
      let from = FencedFloats(source)
      let to = FencedFloats(unwritten: (rows + 1) / 2 * factorStride)
      way.alongRows(from.constant, rows, count, stride, to.pointer, factorStride)
      for row in Swift.stride(from: 0, to: rows, by: 2) {
        for i in 0..<count {
          let even = Self.bfloat16(source[row * stride + i])
          let odd = row + 1 < rows ? Self.bfloat16(source[(row + 1) * stride + i]) : 0
          let found = to.values[row / 2 * factorStride + i].bitPattern
          #expect(found == odd << 16 | even, "\(way.name): \(i) of row \(row)")
        }
      }
      #expect(from.fencesStand && to.fencesStand)
    }
  }

  // MARK: Adding

  /// C += A B takes a subnormal C, a subnormal product and a subnormal sum for zero, in whole
  /// panels and in the edge, in registers of any width.
  @Test func whatIsAddedToIsTakenForZeroWhereItIsSubnormal() {
    func zeroed(_ value: Float) -> Float { value.isSubnormal ? 0 * value : value }
    let products: [Float] = [0, 0x1p-126, -0x1.8p-126, 1]
    let sums: [Float] = [1e-40, -1e-40, 0x1.4p-126, -0x1.4p-126, 3]
    // A [rows x 1] of pairs (value, 0), B of pairs (1, 0).
    let one = Float(bitPattern: Float(1).bitPattern >> 16)
    let edge = FencedFloats(unwritten: GEMMKernel.edgeCount)
    for registers in RegisterWidth.available {
      for rows in [1, 5, 12, 17] {
        for (columns, transposed) in [(17, false), (17, true), (39, false), (39, true)] {
          let panels = [Float](repeating: one, count: (columns + 15) / 16 * 16)
          for sum in sums {
            let a = (0..<rows).map {
              Float(bitPattern: products[$0 % products.count].bitPattern >> 16)
            }
            let c = FencedFloats([Float](repeating: sum, count: rows * columns))
            registers.multiply(
              .bfloat16, transposed: transposed, rows: rows, columns: columns, depth: 1, a: a,
              aStride: transposed ? rows : 1, panels: panels, panelStride: 16, into: c.pointer,
              cStride: columns, adding: true, edge: edge.pointer)
            for (i, value) in c.values.enumerated() {
              let expected = zeroed(zeroed(sum) + products[i / columns % products.count])
              #expect(
                value.bitPattern == expected.bitPattern,
                "\(registers): row \(i / columns), column \(i % columns), \(sum)")
            }
            #expect(c.fencesStand)
          }
        }
      }
    }
  }
}
