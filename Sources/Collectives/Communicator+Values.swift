private import Preconditions

/// The collectives of single values: settings, findings, names.
extension Communicator {
  /// The value of rank `root`, on every rank; what the others pass is ignored. Throws
  /// `CollectiveError.unreadable`, on the ranks that cannot read it.
  package func share<Value: Message>(_ value: Value, from root: Int) throws -> Value {
    let bytes = try broadcast(rank == root ? value.messageBytes : [], from: root)
    return try read(bytes, from: root)
  }

  /// The values of all ranks, in rank order, on every rank. Throws `CollectiveError.unreadable`.
  package func allGather<Value: Message>(value: Value) throws -> [Value] {
    try allGather(value.messageBytes).enumerated().map { try read($1, from: $0) }
  }

  private func read<Value: Message>(_ bytes: [UInt8], from rank: Int) throws -> Value {
    do {
      return try Value(messageBytes: bytes)
    } catch {
      throw CollectiveError.unreadable(type: "\(Value.self)", bytes: bytes.count, rank: rank)
    }
  }
}
