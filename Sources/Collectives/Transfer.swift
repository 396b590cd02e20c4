private import Preconditions

/// The movement of data that follows once all ranks have met at an operation: one call of MPI.
package enum Transfer {
  /// Values [n, the same on every rank] become their sums over the ranks, in no promised order.
  case sum(UnsafeMutableBufferPointer<Double>)
  /// The memory [n bytes, the same on every rank] becomes that of rank `root`.
  case broadcast(UnsafeMutableRawBufferPointer, root: Int)
  /// Every rank's part goes to all.
  case allGather(AllGatherMessages)
  /// Every rank's parts go to one peer each.
  case allToAll(AllToAllMessages)
}

/// How long the messages of one transfer may be. MPI counts in 32 bits, libraries keep copies.
package struct MessageLimits: Sendable, Equatable {
  /// The most bytes of one transfer between all ranks, below 2^31; longer ones go in rounds.
  package var transferBytes: Int
  /// The bytes that go in a round of a longer one, of all ranks together: a copy of them is kept.
  package var roundBytes: Int
  /// The bytes of a sum or broadcast that go at once. Open MPI allocates a temporary as large as
  /// the message in every call, and freshly mapped memory is slow (decision 0004). The buckets of a
  /// gradient are not cut by it: their messages are copied nowhere.
  package var pieceBytes: Int

  package init(
    transferBytes: Int = 1 << 30, roundBytes: Int = 64 << 20, pieceBytes: Int = 8 << 20
  ) {
    require(
      (1...Int(Int32.max)).contains(transferBytes) && roundBytes > 0
        && roundBytes <= transferBytes && (8...Int(Int32.max)).contains(pieceBytes),
      "MessageLimits: \(transferBytes) bytes, \(roundBytes) a round, \(pieceBytes) a piece")
    self.transferBytes = transferBytes
    self.roundBytes = roundBytes
    self.pieceBytes = pieceBytes
  }
}

/// What a rank sends to each of its peers, and where what they send is put.
package struct AllToAllMessages: @unchecked Sendable {
  /// Bytes to send, and where those for each rank lie, by rank; nothing is sent to oneself. They do
  /// not overlap what comes, unless this rank sends nothing, or nothing comes.
  package let outgoing: UnsafeRawPointer
  /// Where the bytes for each rank lie in `outgoing`, by rank.
  package let outgoingParts: [Range<Int>]
  /// Where bytes of each rank go, by rank.
  package let incoming: UnsafeMutableRawPointer
  /// Where the bytes of each rank go in `incoming`, by rank.
  package let incomingParts: [Range<Int>]
  /// The bytes of the longest part between any two ranks, the same on all ranks; longer than it is
  /// does no harm.
  package let longestPart: Int

  package init(
    outgoing: UnsafeRawPointer, outgoingParts: [Range<Int>],
    incoming: UnsafeMutableRawPointer, incomingParts: [Range<Int>], longestPart: Int
  ) {
    require(
      outgoingParts.count == incomingParts.count,
      "AllToAllMessages: to \(outgoingParts.count) ranks, from \(incomingParts.count)")
    require(
      outgoingParts.allSatisfy { $0.count <= longestPart }
        && incomingParts.allSatisfy { $0.count <= longestPart },
      "AllToAllMessages: a part longer than the longest, of \(longestPart) bytes")
    self.outgoing = outgoing
    self.outgoingParts = outgoingParts
    self.incoming = incoming
    self.incomingParts = incomingParts
    self.longestPart = longestPart
  }
}

/// A rank's own part of a vector, and where the whole is put together on every rank.
package struct AllGatherMessages: @unchecked Sendable {
  /// The bytes of this rank's part, which do not overlap `all`; nil where they are in their place
  /// in `all` already.
  package let own: UnsafeRawPointer?
  /// Where the whole is put together.
  package let all: UnsafeMutableRawPointer
  /// Where the part of each rank lies in `all`, in bytes, by rank; the same on all ranks.
  package let parts: [Range<Int>]

  package init(
    own: UnsafeRawPointer?, all: UnsafeMutableRawPointer, parts: [Range<Int>]
  ) {
    self.own = own
    self.all = all
    self.parts = parts
  }
}

extension [Range<Int>] {
  /// Parts of these lengths, one behind the other from 0.
  package static func consecutive(_ counts: some Sequence<Int>) -> [Range<Int>] {
    var end = 0
    return counts.map { count in
      defer { end += count }
      return end..<end + count
    }
  }

  /// The same parts of elements of `stride` bytes, in bytes.
  func scaled(by stride: Int) -> [Range<Int>] {
    map { stride * $0.lowerBound..<stride * $0.upperBound }
  }
}
