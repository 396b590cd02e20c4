private import Preconditions

/// The collectives of plain memory. Lengths are given on every rank, and are the same where nothing
/// else is said; there is no limit to them.
extension Communicator {
  /// Agrees on the largest of the ranks' words; sleeps while peers are still computing.
  package func agreeOnMaximum(_ word: Int) throws -> Int {
    try meet(at: .agreement, word: word)
  }

  /// Returns when every rank has called it.
  package func barrier() throws {
    _ = try meet(at: .barrier, word: 0)
  }

  /// Replaces `values` [n, the same on every rank] by their sums over the ranks, in no promised
  /// order.
  package func allReduceSum(_ values: UnsafeMutableBufferPointer<Double>) throws {
    let operation = CollectiveOperation.sum(count: values.count)
    _ = try meet(at: operation, word: 0)
    let piece = limits.pieceBytes / MemoryLayout<Double>.stride
    for start in stride(from: 0, to: values.count, by: piece) {
      let range = start..<min(start + piece, values.count)
      try transfer(.sum(UnsafeMutableBufferPointer(rebasing: values[range])), in: operation)
    }
  }

  /// Sends every peer its own bytes, then gathers what the ranks have made of theirs: the two
  /// halves of a sum (reduce-scatter and all-gather), or one of them alone.
  ///
  /// The ranks agree on `count`, which is the same on all, and on the largest `word`. The closures
  /// are called in this order: `rounds` once, when all ranks are there, with the largest word; it
  /// returns how many rounds follow, as many on each rank. Then in each round `allToAll`, which
  /// says what goes where; those messages; `allGather`, when the peers' bytes have come, which says
  /// what to put together; those messages. The memory that `allToAll` names is free again when
  /// `allGather` is called, that of `allGather` in the next round. Either returns nil, on all
  /// ranks, for nothing.
  package func exchange(
    count: Int, word: Int, rounds: (_ agreedWord: Int) -> Int,
    allToAll: (_ round: Int) -> AllToAllMessages?, allGather: (_ round: Int) -> AllGatherMessages?
  ) throws {
    let operation = CollectiveOperation.exchange(count: count)
    for round in 0..<rounds(try meet(at: operation, word: word)) {
      if let messages = allToAll(round) { try move(messages, in: operation) }
      if let messages = allGather(round) { try move(messages, in: operation) }
    }
  }

  /// Makes `values` [n, the same on every rank] those of rank `root`, in place and without a copy.
  ///
  /// With `ranges`, in ascending order, a rank other than the root keeps what lies in them and does
  /// not touch the rest of its memory; ranks may keep different ranges.
  package func broadcast<Element: BitwiseCopyable>(
    _ values: UnsafeMutableBufferPointer<Element>, keeping ranges: [Range<Int>]? = nil,
    from root: Int
  ) throws {
    let memory = UnsafeMutableRawBufferPointer(values)
    let operation = CollectiveOperation.broadcast(root: root, bytes: memory.count)
    require(0..<size ~= root, "broadcast: root \(root) in a group of \(size) ranks")
    _ = try meet(at: operation, word: 0)
    let stride = MemoryLayout<Element>.stride
    try move(
      memory, keeping: rank == root ? nil : ranges?.scaled(by: stride), from: root, in: operation)
  }

  /// Puts the ranks' parts of `all` together on every rank, in place: before the call a rank has
  /// its own part, `all[parts[rank]]`, where it belongs. `parts` are the same on all ranks, of any
  /// lengths, and do not overlap.
  ///
  /// Nothing is copied on the way, unless the parts reach beyond `limits.transferBytes`: then they
  /// come in rounds, through a copy of one round.
  package func allGather<Element: BitwiseCopyable>(
    _ all: UnsafeMutableBufferPointer<Element>, parts: [Range<Int>]
  ) throws {
    require(
      parts.count == size && parts.allSatisfy { $0.upperBound <= all.count },
      "allGather: \(parts.count) parts of \(all.count) elements on \(size) ranks")
    let bytes = parts.scaled(by: MemoryLayout<Element>.stride)
    let operation = CollectiveOperation.allGather(bytes: bytes.reduce(0) { $0 + $1.count })
    _ = try meet(at: operation, word: 0)
    guard let base = all.baseAddress else { return }
    try move(AllGatherMessages(own: nil, all: base, parts: bytes), in: operation)
  }

  /// The elements of every rank, in rank order; each rank's length is its own.
  package func allGather<Element: BitwiseCopyable>(_ own: [Element]) throws -> [[Element]] {
    let (all, parts) = try allGather(joining: own)
    return parts.map { Array(all[$0]) }
  }

  /// The elements of every rank in one array, in rank order, and where those of each rank lie in
  /// it. Each rank's length is its own. What arrives is not copied again, within
  /// `limits.transferBytes`.
  package func allGather<Element: BitwiseCopyable>(
    joining own: [Element]
  ) throws -> (all: [Element], parts: [Range<Int>]) {
    let operation = CollectiveOperation.allGatherOfAnyLength
    _ = try meet(at: operation, word: 0)
    let parts = [Range<Int>].consecutive(try gatherWords(own.count, in: operation))
    let count = parts.last!.upperBound
    let all = try [Element](unsafeUninitializedCapacity: count) { all, initializedCount in
      try own.withUnsafeBytes { own in
        guard count > 0, let base = all.baseAddress else { return }
        // A rank without elements has no memory, and nothing in its place to keep.
        try move(
          AllGatherMessages(
            own: own.baseAddress, all: base,
            parts: parts.scaled(by: MemoryLayout<Element>.stride)), in: operation)
      }
      initializedCount = count
    }
    return (all, parts)
  }

  /// Brings the ranks' elements together on rank `root`, in rank order, in `all`
  /// [counts.reduce(0, +)], which the other ranks leave away; `counts` are the same on all ranks.
  package func gather<Element: BitwiseCopyable>(
    _ own: UnsafeBufferPointer<Element>, counts: [Int],
    into all: UnsafeMutableBufferPointer<Element>?, at root: Int
  ) throws {
    let parts = [Range<Int>].consecutive(counts)
    require(
      counts.count == size && own.count == counts[rank]
        && (rank != root || all?.count == parts.last!.upperBound),
      "gather: \(own.count) elements on rank \(rank) into \(all?.count ?? 0), counts \(counts)")
    let bytes = parts.scaled(by: MemoryLayout<Element>.stride)
    let operation = CollectiveOperation.gather(root: root, bytes: bytes.last!.upperBound)
    _ = try meet(at: operation, word: 0)
    try gather(
      UnsafeRawBufferPointer(own), parts: bytes, into: all?.baseAddress, at: root, in: operation)
  }

  /// The elements of every rank, in rank order, on rank `root`; nil on the others. Each rank's
  /// length is its own.
  package func gather<Element: BitwiseCopyable>(
    _ own: [Element], at root: Int
  ) throws -> [[Element]]? {
    let operation = CollectiveOperation.gatherOfAnyLength(root: root)
    _ = try meet(at: operation, word: 0)
    let parts = [Range<Int>].consecutive(try gatherWords(own.count, in: operation))
    let bytes = parts.scaled(by: MemoryLayout<Element>.stride)
    guard rank == root else {
      try own.withUnsafeBytes {
        try gather($0, parts: bytes, into: nil, at: root, in: operation)
      }
      return nil
    }
    let all = UnsafeMutableBufferPointer<Element>.allocate(capacity: parts.last!.upperBound)
    defer { all.deallocate() }
    try own.withUnsafeBytes {
      try gather($0, parts: bytes, into: all.baseAddress, at: root, in: operation)
    }
    return parts.map { Array(all[$0]) }
  }

  /// The elements of rank `root`; what other ranks pass is ignored.
  package func broadcast<Element: BitwiseCopyable>(
    _ own: [Element], from root: Int
  ) throws -> [Element] {
    require(0..<size ~= root, "broadcast: root \(root) in a group of \(size) ranks")
    let operation = CollectiveOperation.broadcastOfAnyLength(root: root)
    let count = try meet(at: operation, word: rank == root ? own.count : 0)
    return try [Element](unsafeUninitializedCapacity: count) { memory, initializedCount in
      if rank == root { _ = memory.initialize(fromContentsOf: own) }
      try move(
        UnsafeMutableRawBufferPointer(
          start: memory.baseAddress, count: count * MemoryLayout<Element>.stride),
        keeping: nil, from: root, in: operation)
      initializedCount = count
    }
  }
}
