extension Communicator {
  /// Replaces `values` [n, the same on every rank] by the greatest of each over the ranks; what is
  /// not a number counts for nothing where a peer has one.
  package func allReduceMaximum(_ values: UnsafeMutableBufferPointer<Float>) throws {
    guard size > 1, let base = values.baseAddress else { return }
    let parts = Self.shares(of: values.count, ranks: size)
    let own = parts[rank]
    let received = UnsafeMutableBufferPointer<Float>.allocate(capacity: size * own.count)
    defer { received.deallocate() }
    let spare = UnsafeMutableRawPointer(base)
    try exchange(
      count: values.count, word: 0, rounds: { _ in 1 },
      allToAll: { _ in
        AllToAllMessages(
          outgoing: base,
          outgoingParts: parts.enumerated().map { peer, part in
            peer == rank ? 0..<0 : 4 * part.lowerBound..<4 * part.upperBound
          },
          incoming: received.baseAddress.map { UnsafeMutableRawPointer($0) } ?? spare,
          incomingParts: (0..<size).map { peer in
            4 * peer * own.count..<4 * (peer * own.count + (peer == rank ? 0 : own.count))
          },
          longestPart: 4 * (parts.map(\.count).max() ?? 0))
      },
      allGather: { _ in
        for peer in 0..<size where peer != rank {
          for index in 0..<own.count {
            let value = received[peer * own.count + index]
            let place = own.lowerBound + index
            if value > values[place] || values[place].isNaN { values[place] = value }
          }
        }
        return AllGatherMessages(
          own: nil, all: UnsafeMutableRawPointer(base),
          parts: parts.map { 4 * $0.lowerBound..<4 * $0.upperBound })
      })
  }

  /// `count` elements in as many parts as ranks, which differ by one at most.
  private static func shares(of count: Int, ranks: Int) -> [Range<Int>] {
    [Range<Int>].consecutive(
      (0..<ranks).map { count / ranks + ($0 < count % ranks ? 1 : 0) })
  }
}
