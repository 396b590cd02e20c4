import Determinism
import Kernels
import Testing

@Suite struct WireKernelTests {
  private static let grid = SummationGrid(exponent: -36)

  /// Multiples of the spacing over the whole range of 48 bits, its ends and zeros among them.
  private static func sums(_ count: Int) -> [Double] {
    let random = CounterRandom(seed: 9, purpose: .testing, count)
    var sums = (0..<count).map { i in
      let bits = random.integer(2 * i, below: 47)
      let magnitude = Double(random.integer(2 * i + 1, below: 1 << (bits + 1))) * 0x1p-36
      return i % 2 == 0 ? magnitude : -magnitude
    }
    let ends = [0, -0.0, 0x1p11 - 0x1p-36, -0x1p11 + 0x1p-36, 0x1p-36, -0x1p-36]
    for (i, end) in ends.enumerated() where i < count { sums[i] = end }
    return sums
  }

  @Test(arguments: [0, 1, 7, 8, 16, 17, 1000])
  func fortyEightBitsKeepEverySum(count: Int) {
    let sums = Self.sums(count)
    #expect(WireKernel.fits48(WireKernel.largest(of: sums, count: count), grid: Self.grid))
    var bytes = [UInt8](repeating: 0xEE, count: 6 * count + 2)
    WireKernel.pack48(sums, count: count, grid: Self.grid, into: &bytes)
    #expect(bytes.suffix(2) == [0xEE, 0xEE])
    var target = (0..<count).map { Double($0) * 0.25 }
    WireKernel.add48(bytes, count: count, grid: Self.grid, addingTo: &target)
    for i in 0..<count { #expect(target[i] == Double(i) * 0.25 + sums[i]) }
  }

  @Test func whatDoesNotFitIsFound() {
    var sums = Self.sums(100)
    for (value, fits) in [
      (0x1p11, false), (-0x1p11, false), (Double.nan, false), (-.infinity, false), (2047.9, true),
    ] {
      sums[77] = value
      #expect(
        WireKernel.fits48(WireKernel.largest(of: sums, count: 100), grid: Self.grid) == fits)
    }
  }

  @Test func bfloat16RoundsToNearestEvenAndKeepsTheRest() {
    // 8 bits of significand: 1 + 1/256 lies between 1 and 1 + 1/128, and 1 is even.
    let cases: [(Double, Float)] = [
      (1 + 1.0 / 256, 1), (1 + 3.0 / 256, 1 + 2.0 / 128), (1 + 1.01 / 256, 1 + 1.0 / 128),
      (-3.14159, -3.140625),
      (0, 0), (1e-3, 0.00099945068359375),
    ]
    let sums = cases.map { $0.0 * 4 }
    var residual = [Float](repeating: 0, count: sums.count)
    var packed = [UInt16](repeating: 0, count: sums.count)
    WireKernel.packBFloat16(
      sums, count: sums.count, scale: 0.25, residual: &residual, into: &packed)
    var floats = [Float](repeating: 0, count: sums.count)
    WireKernel.unpackBFloat16(packed, count: sums.count, into: &floats)
    #expect(floats == cases.map(\.1))
    for (i, value) in cases.enumerated() { #expect(residual[i] == Float(value.0) - floats[i]) }
    var values: [Double] = [.nan, .infinity, 1]
    var rest: [Float] = [0.5, 0.5, 0.001]
    WireKernel.packBFloat16(&values, count: 3, scale: 1, residual: &rest, into: &packed)
    #expect(rest[0] == 0 && rest[1] == 0 && rest[2] == Float(1) + 0.001 - 1)
  }

  @Test func whatRoundingTakesComesWithLaterSteps() {
    // A value that one bfloat16 cannot hold: the sum of what is sent stays within one rounding of
    // it.
    let value = [1.0 + 1.0 / 300]
    var residual: [Float] = [0]
    var packed: [UInt16] = [0]
    var sent = 0.0
    var target = [0.0]
    for _ in 0..<1000 {
      WireKernel.packBFloat16(value, count: 1, scale: 1, residual: &residual, into: &packed)
      target = [0]
      WireKernel.add(bfloat16: packed, count: 1, scale: 1, addingTo: &target)
      sent += target[0]
    }
    #expect((sent - 1000 * value[0]).magnitude < 0.01)
    // Without feedback the error would be a thousand roundings.
    #expect((1000 * (target[0] - value[0])).magnitude > 0.5)
  }
}
