private import Preconditions

/// What a rank is about to do with its peers; ranks compare these before data moves.
package enum CollectiveOperation: Equatable, Sendable, CustomStringConvertible {
  case agreement
  case sum(count: Int)
  case exchange(count: Int)
  /// An all-gather of so many bytes, cut as every rank knows.
  case allGather(bytes: Int)
  /// An all-gather of parts whose lengths only their owners know.
  case allGatherOfAnyLength
  case gather(root: Int, bytes: Int)
  case gatherOfAnyLength(root: Int)
  case broadcast(root: Int, bytes: Int)
  /// A broadcast whose length only the root knows.
  case broadcastOfAnyLength(root: Int)
  case barrier
  /// The rank has nothing more to do and wants to leave.
  case farewell

  /// Bits of a signature that tell operations of one kind apart, and of these the bits of the bytes
  /// where a root stands before them: 2^40 bytes, 2^19 ranks.
  private static let detailBits = 59
  private static let byteBits = 40

  private static func detail(root: Int, bytes: Int) -> Int {
    require(
      bytes >= 0 && bytes < 1 << byteBits && root >= 0 && root < 1 << (detailBits - byteBits),
      "collective operation: \(bytes) bytes, root \(root)")
    return root << byteBits | bytes
  }

  /// One word, at least 0, that is equal on two ranks where, and only where, the operation is.
  package var signature: Int {
    let (kind, detail) =
      switch self {
      case .agreement: (0, 0)
      case .sum(let count): (1, count)
      case .allGatherOfAnyLength: (2, 0)
      case .broadcastOfAnyLength(let root): (3, root)
      case .barrier: (4, 0)
      case .farewell: (5, 0)
      case .exchange(let count): (6, count)
      case .allGather(let bytes): (7, bytes)
      case .broadcast(let root, let bytes): (8, Self.detail(root: root, bytes: bytes))
      case .gather(let root, let bytes): (9, Self.detail(root: root, bytes: bytes))
      case .gatherOfAnyLength(let root): (10, root)
      }
    require(
      detail >= 0 && detail < 1 << Self.detailBits, "collective operation: detail \(detail)")
    return kind << Self.detailBits | detail
  }

  /// The operation with this signature, or nil where there is none.
  package init?(signature: Int) {
    let detail = signature & (1 << Self.detailBits - 1)
    let (root, bytes) = (detail >> Self.byteBits, detail & (1 << Self.byteBits - 1))
    switch (signature >> Self.detailBits, detail) {
    case (0, 0): self = .agreement
    case (1, _): self = .sum(count: detail)
    case (2, 0): self = .allGatherOfAnyLength
    case (3, _): self = .broadcastOfAnyLength(root: detail)
    case (4, 0): self = .barrier
    case (5, 0): self = .farewell
    case (6, _): self = .exchange(count: detail)
    case (7, _): self = .allGather(bytes: detail)
    case (8, _): self = .broadcast(root: root, bytes: bytes)
    case (9, _): self = .gather(root: root, bytes: bytes)
    case (10, _): self = .gatherOfAnyLength(root: detail)
    default: return nil
    }
  }

  package var description: String {
    switch self {
    case .agreement: "agreeOnMaximum"
    case .sum(let count): "allReduceSum of \(count) values"
    case .exchange(let count): "exchange of \(count) values"
    case .allGather(let bytes): "allGather of \(bytes) bytes"
    case .allGatherOfAnyLength: "allGather"
    case .gather(let root, let bytes): "gather of \(bytes) bytes at rank \(root)"
    case .gatherOfAnyLength(let root): "gather at rank \(root)"
    case .broadcast(let root, let bytes): "broadcast of \(bytes) bytes from rank \(root)"
    case .broadcastOfAnyLength(let root): "broadcast from rank \(root)"
    case .barrier: "barrier"
    case .farewell: "end of the run"
    }
  }
}
