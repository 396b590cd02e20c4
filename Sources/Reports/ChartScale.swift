private import Foundation

/// A place of a chart in the units of its data.
package struct ChartPoint: Equatable, Sendable {
  /// Along the lower axis.
  package let x: Double
  /// Along the upright axis.
  package let y: Double

  /// The place (`x`, `y`).
  package init(x: Double, y: Double) {
    self.x = x
    self.y = y
  }
}

/// An axis: what it spans, where its ticks are, and how a value lands in 0...1.
package struct ChartScale: Sendable {
  /// Whether equal factors are equally long.
  package let isLogarithmic: Bool
  /// The value at its beginning.
  package let low: Double
  /// The value at its end.
  package let high: Double
  /// Values with a mark and a number, ascending.
  package let ticks: [Double]

  /// A linear axis that holds `values` and ends on round ticks; `floor` and `ceiling` bound it.
  package static func linear(
    holding values: [Double], from zero: Bool = false, ceiling: Double = .infinity,
    tickCount: Int = 5
  ) -> ChartScale {
    var low = values.min() ?? 0
    var high = values.max() ?? 1
    if zero { low = min(low, 0) }
    if !(high - low > max(high.magnitude, low.magnitude) * 1e-9) {
      let room = high == 0 ? 1 : high.magnitude * 0.1
      low -= zero && low == 0 ? 0 : room
      high += room
    }
    let step = roundStep((high - low) / Double(tickCount))
    low = (low / step + 1e-9).rounded(.down) * step
    high = min((high / step - 1e-9).rounded(.up) * step, max(ceiling, low + step))
    return ChartScale(
      isLogarithmic: false, low: low, high: high, ticks: ticks(from: low, to: high, step: step))
  }

  /// A linear axis exactly as wide as `values`, with round ticks inside.
  package static func exact(holding values: [Double], tickCount: Int = 6) -> ChartScale {
    var low = values.min() ?? 0
    var high = values.max() ?? 1
    if low == high { (low, high) = (low - 1, high + 1) }
    let step = max(roundStep((high - low) / Double(tickCount)), low.rounded() == low ? 1 : 0)
    let first = (low / step - 1e-9).rounded(.up) * step
    return ChartScale(
      isLogarithmic: false, low: low, high: high, ticks: ticks(from: first, to: high, step: step))
  }

  /// A logarithmic axis over the positive `values`: ticks at powers of ten, and at twice and five
  /// times them where there are few.
  package static func logarithmic(holding values: [Double]) -> ChartScale {
    let positive = values.filter { $0 > 0 && $0.isFinite }
    let smallest = positive.min() ?? 0.1
    let largest = positive.max() ?? 1
    let first = Int((log10(smallest) + 1e-9).rounded(.down))
    let last = max(first + 1, Int((log10(largest) - 1e-9).rounded(.up)))
    let stride = max(1, (last - first + 5) / 6)
    var ticks: [Double] = []
    for power in first...last where (power - first) % stride == 0 {
      for factor in last - first <= 2 ? [1.0, 2, 5] : [1.0] {
        let tick = factor * decade(power)
        if power < last || factor == 1 { ticks.append(tick) }
      }
    }
    return ChartScale(isLogarithmic: true, low: decade(first), high: decade(last), ticks: ticks)
  }

  /// Logarithmic if positive `values` span more than a factor of `ratio`, else linear.
  package static func automatic(holding values: [Double], ratio: Double) -> ChartScale {
    guard let low = values.min(), let high = values.max(), low > 0, high / low > ratio else {
      return linear(holding: values)
    }
    return logarithmic(holding: values)
  }

  /// Where `value` lies between the ends, 0...1; values beyond them land on them.
  package func position(of value: Double) -> Double {
    let place =
      isLogarithmic
      ? (log10(max(value, low)) - log10(low)) / (log10(high) - log10(low))
      : (value - low) / (high - low)
    return min(1, max(0, place))
  }

  /// 1, 2 or 5 times a power of ten, at least `rough`.
  package static func roundStep(_ rough: Double) -> Double {
    guard rough > 0, rough.isFinite else { return 1 }
    let power = decade(Int(log10(rough).rounded(.down)))
    for factor in [1.0, 2, 5] where rough <= factor * power * (1 + 1e-9) { return factor * power }
    return 10 * power
  }

  /// Ten to `power`, exact as the decimal is (1e-3, not three times a tenth).
  private static func decade(_ power: Int) -> Double { Double("1e\(power)") ?? 1 }

  private static func ticks(from first: Double, to last: Double, step: Double) -> [Double] {
    let count = Int(((last - first) / step + 1e-6).rounded(.down))
    guard count >= 0 else { return [] }
    // Multiples of the step, freed of the dust that multiplication leaves.
    return (0...min(count, 50)).map { index in
      let value = first + Double(index) * step
      return value.magnitude < step * 1e-6 ? 0 : value
    }
  }
}

/// Curves of any length as at most a given number of points that look the same.
package enum Downsampling {
  /// At most `limit` (at least 4) of `points`, whose x ascends: the first, the last, and of every
  /// stretch of the axis the lowest and the highest, so that no spike is lost.
  package static func keepingExtremes(
    _ points: [ChartPoint], limit: Int, position: (Double) -> Double
  ) -> [ChartPoint] {
    guard points.count > limit, let first = points.first, let last = points.last else {
      return points
    }
    let bucketCount = (limit - 2) / 2
    let start = position(first.x)
    let width = max(position(last.x) - start, .leastNormalMagnitude)
    var kept: [ChartPoint] = [first]
    var bucket = -1
    var extremes: (low: ChartPoint, high: ChartPoint)?
    func close() {
      guard let (low, high) = extremes else { return }
      if low == high {
        kept.append(low)
      } else {
        kept += low.x <= high.x ? [low, high] : [high, low]
      }
    }
    for point in points.dropFirst().dropLast() {
      let index = min(
        bucketCount - 1, Int((position(point.x) - start) / width * Double(bucketCount)))
      if index != bucket {
        close()
        extremes = nil
        bucket = index
      }
      let (low, high) = extremes ?? (point, point)
      extremes = (point.y < low.y ? point : low, point.y > high.y ? point : high)
    }
    close()
    return kept + [last]
  }

  /// The mean of every point and its neighbours within `reach` places to either side.
  package static func smoothed(_ points: [ChartPoint], reach: Int) -> [ChartPoint] {
    var sums = [0.0]
    for point in points { sums.append(sums[sums.count - 1] + point.y) }
    return points.indices.map { i in
      // As far to one side as to the other, or the ends would bend towards the middle.
      let near = min(reach, i, points.count - 1 - i)
      let sum = sums[i + near + 1] - sums[i - near]
      return ChartPoint(x: points[i].x, y: sum / Double(2 * near + 1))
    }
  }
}
