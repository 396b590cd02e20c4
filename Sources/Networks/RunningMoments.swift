/// The running moments of batch norm, pooled over all microbatches of a step: exact sums of each
/// microbatch's share of the mean, and of its variance about the old running mean, so that the
/// variance between microbatches is counted (design, law 2).
package enum RunningMoments {
  /// PyTorch's default: running = 0.9 running + 0.1 new.
  package static let momentum = 0.1

  /// Writes one microbatch's addends [statisticsCount]: weight x mean, and
  /// weight x (variance + (mean - running mean)^2); `weight` is its share of the global batch.
  package static func addends(
    of moments: UnsafePointer<Float>, running: UnsafePointer<Float>,
    statistics: [StatisticsDescription], weight: Double,
    into addends: UnsafeMutablePointer<Double>
  ) {
    for entry in statistics {
      for c in 0..<entry.channels {
        let mean = entry.offset + c
        let variance = mean + entry.channels
        let shift = Double(moments[mean]) - Double(running[mean])
        addends[mean] = weight * Double(moments[mean])
        addends[variance] = weight * (Double(moments[variance]) + shift * shift)
      }
    }
  }

  /// Moves the running moments towards the moments of the global batch, whose variance is taken
  /// unbiased: times n / (n - 1) for n positions.
  package static func update(
    _ running: UnsafeMutablePointer<Float>, statistics: [StatisticsDescription],
    sums: UnsafePointer<Double>, sampleCount: Int
  ) {
    for entry in statistics {
      let positions = Double(sampleCount * entry.pixels)
      for c in 0..<entry.channels {
        let mean = entry.offset + c
        let variance = mean + entry.channels
        let old = Double(running[mean])
        let shift = sums[mean] - old
        let biased = max(0, sums[variance] - shift * shift)
        let unbiased = positions > 1 ? biased * positions / (positions - 1) : biased
        running[mean] = Float(old + momentum * shift)
        running[variance] = Float(
          (1 - momentum) * Double(running[variance]) + momentum * unbiased)
      }
    }
  }
}
