/// Data of any length between ranks that have met: cut where it is longer than one transfer may be.
extension Communicator {
  /// Makes `memory` that of rank `root`, piece by piece; with `ranges`, in ascending order, what
  /// lies in them alone.
  func move(
    _ memory: UnsafeMutableRawBufferPointer, keeping ranges: [Range<Int>]?, from root: Int,
    in operation: CollectiveOperation
  ) throws {
    var scratch: UnsafeMutableRawBufferPointer?
    defer { scratch?.deallocate() }
    for start in stride(from: 0, to: memory.count, by: limits.pieceBytes) {
      let piece = start..<min(start + limits.pieceBytes, memory.count)
      let target = UnsafeMutableRawBufferPointer(rebasing: memory[piece])
      guard let ranges, !ranges.contains(where: { $0.clamped(to: piece) == piece }) else {
        try transfer(.broadcast(target, root: root), in: operation)
        continue
      }
      let whole =
        scratch ?? .allocate(byteCount: min(limits.pieceBytes, memory.count), alignment: 64)
      scratch = whole
      let received = UnsafeMutableRawBufferPointer(rebasing: whole[..<piece.count])
      try transfer(.broadcast(received, root: root), in: operation)
      for range in ranges.map({ $0.clamped(to: piece) }) where !range.isEmpty {
        UnsafeMutableRawBufferPointer(rebasing: memory[range]).copyMemory(
          from: UnsafeRawBufferPointer(
            rebasing: received[range.lowerBound - start..<range.upperBound - start]))
      }
    }
  }

  /// Puts parts together, in one transfer where they all lie within `limits.transferBytes`.
  func move(_ messages: AllGatherMessages, in operation: CollectiveOperation) throws {
    let parts = messages.parts
    let end = parts.map(\.upperBound).max() ?? 0
    guard end > limits.transferBytes else {
      return try transfer(.allGather(messages), in: operation)
    }
    let own = messages.own ?? UnsafeRawPointer(messages.all + parts[rank].lowerBound)
    let piece = max(1, limits.roundBytes / size)
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: piece * size, alignment: 64)
    defer { scratch.deallocate() }
    for start in stride(from: 0, to: parts.map(\.count).max() ?? 0, by: piece) {
      let round = [Range<Int>].consecutive(parts.map { max(0, min(piece, $0.count - start)) })
      try transfer(
        .allGather(
          AllGatherMessages(
            own: own + min(start, parts[rank].count), all: scratch, parts: round)),
        in: operation)
      for (peer, place) in round.enumerated()
      where !place.isEmpty && !(peer == rank && messages.own == nil) {
        (messages.all + parts[peer].lowerBound + start).copyMemory(
          from: scratch + place.lowerBound, byteCount: place.count)
      }
    }
  }

  /// Sends parts to peers, in one transfer where they cannot be longer than `limits.transferBytes`
  /// on any rank.
  func move(_ messages: AllToAllMessages, in operation: CollectiveOperation) throws {
    guard messages.longestPart * size > limits.transferBytes else {
      return try transfer(.allToAll(messages), in: operation)
    }
    let piece = max(1, limits.roundBytes / size)
    let sent = UnsafeMutableRawPointer.allocate(byteCount: piece * size, alignment: 64)
    let received = UnsafeMutableRawPointer.allocate(byteCount: piece * size, alignment: 64)
    defer {
      sent.deallocate()
      received.deallocate()
    }
    func round(_ parts: [Range<Int>], at start: Int) -> [Range<Int>] {
      .consecutive(parts.map { max(0, min(piece, $0.count - start)) })
    }
    for start in stride(from: 0, to: messages.longestPart, by: piece) {
      let outgoing = round(messages.outgoingParts, at: start)
      let incoming = round(messages.incomingParts, at: start)
      for (part, place) in zip(messages.outgoingParts, outgoing) where !place.isEmpty {
        (sent + place.lowerBound).copyMemory(
          from: messages.outgoing + part.lowerBound + start, byteCount: place.count)
      }
      try transfer(
        .allToAll(
          AllToAllMessages(
            outgoing: sent, outgoingParts: outgoing, incoming: received, incomingParts: incoming,
            longestPart: piece)), in: operation)
      for (part, place) in zip(messages.incomingParts, incoming) where !place.isEmpty {
        (messages.incoming + part.lowerBound + start).copyMemory(
          from: received + place.lowerBound, byteCount: place.count)
      }
    }
  }

  /// Brings `own` of every rank to its part of `all` on rank `root`; the other ranks pass nil.
  func gather(
    _ own: UnsafeRawBufferPointer, parts: [Range<Int>], into all: UnsafeMutableRawPointer?,
    at root: Int, in operation: CollectiveOperation
  ) throws {
    let nothing = Array(repeating: 0..<0, count: size)
    var (outgoing, incoming) = (nothing, nothing)
    if rank == root {
      incoming = parts
      incoming[root] = 0..<0
    } else {
      outgoing[root] = 0..<own.count
    }
    try withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { empty in
      let spare = empty.baseAddress!
      try move(
        AllToAllMessages(
          outgoing: own.baseAddress ?? UnsafeRawPointer(spare), outgoingParts: outgoing,
          incoming: all ?? spare, incomingParts: incoming,
          longestPart: parts.map(\.count).max() ?? 0), in: operation)
    }
    guard rank == root, let all, let base = own.baseAddress, !own.isEmpty else { return }
    (all + parts[root].lowerBound).copyMemory(from: base, byteCount: own.count)
  }

  /// A word of each rank, by rank, between ranks that have met: for collectives alone.
  package func gatherWords(_ own: Int, in operation: CollectiveOperation) throws -> [Int] {
    var words = [Int](repeating: 0, count: size)
    words[rank] = own
    try words.withUnsafeMutableBufferPointer {
      try transfer(
        .allGather(
          AllGatherMessages(
            own: nil, all: $0.baseAddress!,
            parts: [Range<Int>].consecutive(repeatElement(1, count: size)).scaled(by: 8))),
        in: operation)
    }
    return words
  }
}
