private import Preconditions

/// What a rank sends to each of its peers, and where what they send is put.
package struct ScatterMessages: @unchecked Sendable {
  /// Bytes to send, and where those for each rank lie, by rank; nothing is sent to oneself.
  package let outgoing: UnsafeRawPointer
  package let outgoingParts: [Range<Int>]
  /// Where bytes of each rank go, by rank.
  package let incoming: UnsafeMutableRawPointer
  package let incomingParts: [Range<Int>]

  package init(
    outgoing: UnsafeRawPointer, outgoingParts: [Range<Int>],
    incoming: UnsafeMutableRawPointer, incomingParts: [Range<Int>]
  ) {
    require(
      outgoingParts.count == incomingParts.count,
      "ScatterMessages: to \(outgoingParts.count) ranks, from \(incomingParts.count)")
    self.outgoing = outgoing
    self.outgoingParts = outgoingParts
    self.incoming = incoming
    self.incomingParts = incomingParts
  }
}

/// A rank's own part of a vector, and where the whole is put together on every rank.
package struct GatherMessages: @unchecked Sendable {
  /// The bytes of this rank's part; they do not overlap `all`.
  package let own: UnsafeRawPointer
  package let all: UnsafeMutableRawPointer
  /// Where the part of each rank lies in `all`, in bytes, by rank.
  package let parts: [Range<Int>]

  package init(
    own: UnsafeRawPointer, all: UnsafeMutableRawPointer, parts: [Range<Int>]
  ) {
    self.own = own
    self.all = all
    self.parts = parts
  }
}
