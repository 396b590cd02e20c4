private import Determinism

/// Floats for a kernel under test at a chosen distance from a boundary of 64 bytes, with fences
/// that show stray writes.
package final class FencedFloats {
  private static let fence: Float = -12345.678
  private static let margin = 16
  private let base: UnsafeMutablePointer<Float>
  private let offset: Int
  package let count: Int

  /// Copies `values` to `offset` floats behind a boundary: unaligned on purpose unless told.
  package init(_ values: [Float], offset: Int = 1) {
    count = values.count
    self.offset = offset
    let whole = count + offset + 2 * Self.margin
    base = UnsafeMutableRawPointer.allocate(byteCount: 4 * whole, alignment: 64)
      .bindMemory(to: Float.self, capacity: whole)
    base.initialize(repeating: Self.fence, count: whole)
    pointer.update(from: values, count: count)
  }

  /// `count` floats that are NaN until written.
  package convenience init(unwritten count: Int, offset: Int = 1) {
    self.init(Array(repeating: .nan, count: count), offset: offset)
  }

  deinit { base.deallocate() }

  package var pointer: UnsafeMutablePointer<Float> { base + Self.margin + offset }
  package var constant: UnsafePointer<Float> { UnsafePointer(pointer) }
  package var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  package func fill(_ value: Float) { pointer.update(repeating: value, count: count) }

  /// Whether nothing was written before or after the floats.
  package var fencesStand: Bool {
    let end = Self.margin + offset + count
    return (0..<Self.margin + offset).allSatisfy { base[$0] == Self.fence }
      && (0..<Self.margin).allSatisfy { base[end + $0] == Self.fence }
  }
}

/// Numbers for tests: normal, reproducible, exactly representable as Float.
package enum TestNumbers {
  package static func normal(_ count: Int, seed: Int, mean: Double = 0, deviation: Double = 1)
    -> [Float]
  {
    let stream = CounterRandom(seed: 20, purpose: .testing, seed)
    return (0..<count).map { Float(mean + deviation * stream.normal($0)) }
  }
}

/// max |actual - expected| / max |expected|; infinite when a number is missing or not finite.
package func worstError(_ actual: [Float], _ expected: [Double]) -> Double {
  guard actual.count == expected.count else { return .infinity }
  var worst = 0.0
  var largest = 1e-30
  for (a, e) in zip(actual, expected) {
    guard a.isFinite else { return .infinity }
    worst = max(worst, abs(Double(a) - e))
    largest = max(largest, abs(e))
  }
  return worst / largest
}

package func doubles(_ values: [Float]) -> [Double] { values.map(Double.init) }

/// The central difference of `function` at each element of `point`.
package func centralDifferences(
  at point: [Double], step: Double = 1e-5, of function: ([Double]) -> Double
) -> [Double] {
  point.indices.map { i in
    var above = point
    var below = point
    above[i] += step
    below[i] -= step
    return (function(above) - function(below)) / (2 * step)
  }
}

package func dotProduct(_ a: [Double], _ b: [Double]) -> Double {
  zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
}

/// max |a - b| / max(1, max |b|).
package func worstDifference(_ a: [Double], _ b: [Double]) -> Double {
  guard a.count == b.count else { return .infinity }
  let scale = max(1, b.map(abs).max() ?? 0)
  return zip(a, b).map { abs($0 - $1) }.max().map { $0 / scale } ?? 0
}
