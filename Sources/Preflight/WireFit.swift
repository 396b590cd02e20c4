package import Scaling

/// What sums of different lengths say about the wire.
package enum WireFit {
  /// A bucket's time is its bytes over the rate and something fixed: of sums of one bucket or less
  /// and of several, the rate follows from how they differ, the rest is messages.
  package static func fit(_ sums: [DoctorReport.Sum], latencySeconds: Double, ranks: Int) -> Wire {
    guard let short = sums.first, let long = sums.last, sums.count > 1, ranks > 1 else {
      return Wire(
        bytesPerSecond: .infinity, messageSeconds: 0, latencySeconds: latencySeconds)
    }
    let peers = Double(ranks - 1)
    let agreement = latencySeconds * ScalingModel.ways(ofAgreementOf: ranks)
    // The shortest sum is two messages to each peer, there and back, and next to no bytes.
    let ways = ScalingModel.ways(ofPart: 0, back: 0)
    let messages = max(0, short.seconds - agreement - ways * latencySeconds) / (2 * peers)
    let buckets = max(
      1, (Double(long.values) / ScalingModel.bucketValues(ranks: ranks)).rounded(.down))
    let part = Double(long.values) / buckets / Double(ranks)
    let fixed =
      buckets
      * (agreement + 2 * peers * messages + latencySeconds
        * ScalingModel.ways(ofPart: 6 * part, back: 4 * part))
    return Wire(
      bytesPerSecond: long.bytesPerSecond * long.seconds
        / max(long.seconds - fixed, 0.1 * long.seconds),
      messageSeconds: messages, latencySeconds: latencySeconds)
  }
}
