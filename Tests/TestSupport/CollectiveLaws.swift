package import Collectives

/// What holds for the collectives of any communicator, at any number of ranks.
///
/// Every rank calls `failures`, which makes the same collectives on each and says what did not hold
/// on this one.
package struct CollectiveLaw: Sendable {
  package let name: String
  package let failures: @Sendable (any Communicator) throws -> [String]

  private init(
    _ name: String, _ failures: @escaping @Sendable (any Communicator) throws -> [String]
  ) {
    self.name = name
    self.failures = failures
  }

  /// Messages so short that everything longer than a few numbers is cut.
  package static let shortMessages = MessageLimits(
    transferBytes: 200, roundBytes: 56, pieceBytes: 24)

  package static let all: [CollectiveLaw] = [
    CollectiveLaw("a broadcast in place gives the root's values", broadcastInPlace),
    CollectiveLaw("a broadcast leaves what is not kept as it was", broadcastOfRanges),
    CollectiveLaw("an all-gather in place brings every part to its place", allGatherInPlace),
    CollectiveLaw("an all-gather of arrays keeps order and lengths", allGatherOfArrays),
    CollectiveLaw("a gather brings all to the root alone", gather),
    CollectiveLaw("an all-to-all brings every byte to its peer", allToAll),
    CollectiveLaw("a rank that only sends needs no other memory", sendingOnly),
    CollectiveLaw("values arrive bit for bit", values),
    CollectiveLaw("ranks at different operations all throw, and go on", disagreements),
  ]

  private static let counts = [0, 1, 3, 50]

  private static func pattern(_ rank: Int, _ count: Int) -> [Int32] {
    (0..<count).map { Int32($0 * 31 + rank * 1009 + 1) }
  }

  private static func broadcastInPlace(_ communicator: any Communicator) throws -> [String] {
    var failures: [String] = []
    for root in 0..<communicator.size {
      for count in counts {
        var own = pattern(communicator.rank, count)
        try own.withUnsafeMutableBufferPointer { try communicator.broadcast($0, from: root) }
        if own != pattern(root, count) { failures.append("\(count) values from \(root): \(own)") }
        let received = try communicator.broadcast(
          communicator.rank == root ? pattern(root, count) : [7], from: root)
        if received != pattern(root, count) { failures.append("an array of \(count) from \(root)") }
      }
    }
    return failures
  }

  private static func broadcastOfRanges(_ communicator: any Communicator) throws -> [String] {
    var failures: [String] = []
    let (rank, size, count) = (communicator.rank, communicator.size, 61)
    for root in 0..<size {
      // Ranges that begin and end amid a piece, one that is empty, and pieces within one.
      let ranges = [rank..<rank + 2, 11..<11, 12 + rank..<40, 50..<61]
      var own = [Int32](repeating: -7, count: count)
      if rank == root { own = pattern(root, count) }
      try own.withUnsafeMutableBufferPointer {
        try communicator.broadcast($0, keeping: ranges, from: root)
      }
      for (i, value) in pattern(root, count).enumerated() {
        let isKept = rank == root || ranges.contains { $0.contains(i) }
        if own[i] != (isKept ? value : -7) { failures.append("value \(i) from \(root)") }
      }
    }
    return failures
  }

  private static func allGatherInPlace(_ communicator: any Communicator) throws -> [String] {
    var failures: [String] = []
    for unit in counts {
      // Rank 0 has nothing; the parts lie in the other order, with gaps.
      var end = 0
      let parts = Array(
        (0..<communicator.size).reversed().map { peer in
          defer { end += peer * unit + 2 }
          return end..<end + peer * unit
        }.reversed())
      var expected = [Int32](repeating: -7, count: end)
      for (peer, part) in parts.enumerated() {
        expected.replaceSubrange(part, with: pattern(peer, part.count))
      }
      var all = [Int32](repeating: -7, count: end)
      let own = parts[communicator.rank]
      all.replaceSubrange(own, with: pattern(communicator.rank, own.count))
      try all.withUnsafeMutableBufferPointer { try communicator.allGather($0, parts: parts) }
      if all != expected { failures.append("parts of \(unit) a rank: \(all)") }
    }
    return failures
  }

  private static func allGatherOfArrays(_ communicator: any Communicator) throws -> [String] {
    var failures: [String] = []
    for unit in counts {
      let expected = (0..<communicator.size).map { pattern($0, $0 * unit) }
      let own = pattern(communicator.rank, communicator.rank * unit)
      let gathered = try communicator.allGather(own)
      if gathered != expected { failures.append("\(gathered.map(\.count)) at \(unit) a rank") }
      let (all, parts) = try communicator.allGather(joining: own)
      if all != Array(expected.joined()) || parts.map(\.count) != expected.map(\.count) {
        failures.append("joined, \(unit) a rank")
      }
    }
    return failures
  }

  private static func gather(_ communicator: any Communicator) throws -> [String] {
    var failures: [String] = []
    let (rank, size) = (communicator.rank, communicator.size)
    for root in 0..<size {
      for unit in counts {
        let expected = (0..<size).map { pattern($0, $0 * unit) }
        let own = pattern(rank, rank * unit)
        let arrays = try communicator.gather(own, at: root)
        if arrays != (rank == root ? expected : nil) {
          failures.append("arrays of \(unit) a rank at \(root)")
        }
        var all = [Int32](repeating: -7, count: expected.joined().count)
        try own.withUnsafeBufferPointer { own in
          try all.withUnsafeMutableBufferPointer {
            try communicator.gather(
              own, counts: expected.map(\.count), into: rank == root ? $0 : nil, at: root)
          }
        }
        let isRight = rank == root ? all == Array(expected.joined()) : all.allSatisfy { $0 == -7 }
        if !isRight { failures.append("\(unit) a rank at \(root)") }
      }
    }
    return failures
  }

  /// Rank r sends (r + peer) x `unit` values to each peer.
  private static func allToAll(_ communicator: any Communicator) throws -> [String] {
    var failures: [String] = []
    let (rank, size) = (communicator.rank, communicator.size)
    for unit in counts {
      let parts = [Range<Int>].consecutive(
        (0..<size).map { $0 == rank ? 0 : 4 * (rank + $0) * unit })
      let sent = (0..<size).flatMap { peer in
        pattern(100 * rank + peer, peer == rank ? 0 : (rank + peer) * unit)
      }
      let expected = (0..<size).flatMap { peer in
        pattern(100 * peer + rank, peer == rank ? 0 : (rank + peer) * unit)
      }
      var received = [Int32](repeating: -7, count: expected.count + 1)
      try sent.withUnsafeBytes { sent in
        try received.withUnsafeMutableBytes { received in
          try communicator.exchange(
            count: unit, word: 0, rounds: { _ in 1 },
            allToAll: { _ in
              AllToAllMessages(
                outgoing: sent.baseAddress ?? UnsafeRawPointer(received.baseAddress!),
                outgoingParts: parts, incoming: received.baseAddress!, incomingParts: parts,
                longestPart: 4 * max(0, 2 * size - 3) * unit)
            }, allGather: { _ in nil })
        }
      }
      if received != expected + [-7] { failures.append("\(unit) a rank: \(received)") }
    }
    return failures
  }

  /// Every rank but one names what it sends as the place for what comes, since nothing does.
  private static func sendingOnly(_ communicator: any Communicator) throws -> [String] {
    let (rank, size) = (communicator.rank, communicator.size)
    let nothing = Array(repeating: 0..<0, count: size)
    var failures: [String] = []
    for root in 0..<size {
      var memory = pattern(rank, 2)
      var received = [Int32](repeating: -7, count: 2 * size)
      try memory.withUnsafeMutableBytes { own in
        try received.withUnsafeMutableBytes { received in
          var (outgoing, incoming) = (nothing, nothing)
          if rank == root {
            incoming = .consecutive((0..<size).map { $0 == root ? 0 : 8 })
          } else {
            outgoing[root] = 0..<8
          }
          let place = rank == root ? received.baseAddress! : own.baseAddress!
          try communicator.exchange(
            count: 2, word: 0, rounds: { _ in 1 },
            allToAll: { _ in
              AllToAllMessages(
                outgoing: own.baseAddress!, outgoingParts: outgoing, incoming: place,
                incomingParts: incoming, longestPart: 8)
            }, allGather: { _ in nil })
        }
      }
      let sent = (0..<size).filter { $0 != root }.flatMap { pattern($0, 2) }
      let expected: [Int32] = sent + [-7, -7]
      if rank == root, received != expected { failures.append("at \(root): \(received)") }
    }
    return failures
  }

  private struct Finding: Message, Equatable {
    var name: String
    var bits: [UInt64]
    var threshold: Double?
    var isLast: Bool

    init(rank: Int) {
      name = String(repeating: "Rang \(rank) über ∞ ", count: rank)
      bits = (0..<rank).map { 1 << UInt64($0) }
      threshold = rank % 2 == 0 ? nil : Double(rank) / 3
      isLast = rank == 2
    }

    func write(to writer: inout MessageWriter) {
      writer.write(name)
      writer.write(bits)
      writer.write(threshold)
      writer.write(isLast)
    }

    init(from reader: inout MessageReader) throws {
      name = try reader.read()
      bits = try reader.read()
      threshold = try reader.read()
      isLast = try reader.read()
    }
  }

  private static func values(_ communicator: any Communicator) throws -> [String] {
    var failures: [String] = []
    let (rank, size) = (communicator.rank, communicator.size)
    if try communicator.allGather(value: Finding(rank: rank)) != (0..<size).map(Finding.init) {
      failures.append("findings of all ranks")
    }
    for root in 0..<size {
      let finding = try communicator.share(Finding(rank: rank), from: root)
      if finding != Finding(rank: root) { failures.append("the finding of \(root): \(finding)") }
      // A NaN with a payload, a negative zero, the smallest number.
      for bits in [0x7FF8_0000_0000_1234 + UInt64(root), 1 << 63, 1] {
        let own = rank == root ? Double(bitPattern: bits) : 1
        let value = try communicator.share(own, from: root)
        if value.bitPattern != bits { failures.append("\(bits) from \(root): \(value)") }
      }
    }
    return failures
  }

  private static func disagreements(_ communicator: any Communicator) throws -> [String] {
    guard communicator.size > 1 else { return [] }
    let (rank, size) = (communicator.rank, communicator.size)
    var failures: [String] = []
    func expect(_ operations: [CollectiveOperation], _ body: () throws -> Void) throws {
      do {
        try body()
        failures.append("no disagreement of \(operations)")
      } catch let error as CollectiveError {
        if error != .disagreement(operations) { failures.append("\(error)") }
      }
      // Nothing of the operation that failed is left behind.
      let words = try communicator.allGather(value: rank)
      if words != Array(0..<size) { failures.append("\(words) after \(operations)") }
    }
    func but(_ last: CollectiveOperation, _ others: CollectiveOperation) -> [CollectiveOperation] {
      Array(repeating: others, count: size - 1) + [last]
    }
    let isLast = rank == size - 1
    var values = [Double](repeating: 1, count: isLast ? 3 : 2)
    try values.withUnsafeMutableBufferPointer { values in
      try expect(but(.broadcast(root: 0, bytes: 24), .broadcast(root: 0, bytes: 16))) {
        try communicator.broadcast(values, from: 0)
      }
      try expect(but(.broadcast(root: 1, bytes: 24), .broadcast(root: 0, bytes: 16))) {
        try communicator.broadcast(values, from: isLast ? 1 : 0)
      }
      try expect(but(.sum(count: 3), .sum(count: 2))) { try communicator.allReduceSum(values) }
    }
    try expect(but(.allGatherOfAnyLength, .broadcastOfAnyLength(root: 0))) {
      if isLast {
        _ = try communicator.allGather(value: 1)
      } else {
        _ = try communicator.share(1, from: 0)
      }
    }
    try expect(but(.gatherOfAnyLength(root: 1), .gatherOfAnyLength(root: 0))) {
      _ = try communicator.gather([1], at: isLast ? 1 : 0)
    }
    try expect(but(.agreement, .barrier)) {
      if isLast {
        _ = try communicator.agreeOnMaximum(1)
      } else {
        try communicator.barrier()
      }
    }
    return failures
  }
}
