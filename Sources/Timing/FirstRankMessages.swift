internal import Collectives

/// Bytes of different lengths from every rank to the first.
enum FirstRankMessages {
  /// What all ranks gave, by rank, on rank 0; nothing on the others. At most 2 GB in all.
  static func gather(_ own: [UInt8], over communicator: any Communicator) throws -> [[UInt8]] {
    guard communicator.size > 1 else { return [own] }
    let lengths = try communicator.allGather(Array("\(own.count)".utf8)).map {
      Int(String(decoding: $0, as: UTF8.self)) ?? 0
    }
    let others = lengths.dropFirst().reduce(0, +)
    let isFirst = communicator.rank == 0
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, isFirst ? others : 0), alignment: 16)
    defer { memory.deallocate() }
    var offset = 0
    let parts = lengths.enumerated().map { rank, length in
      defer { offset += rank == 0 ? 0 : length }
      return offset..<offset + (rank == 0 ? 0 : length)
    }
    let nothing = Array(repeating: 0..<0, count: communicator.size)
    try own.withUnsafeBytes { bytes in
      let empty = UnsafeRawPointer(memory)
      try communicator.exchange(
        count: others,
        scatter: {
          ScatterMessages(
            outgoing: bytes.baseAddress ?? empty,
            outgoingParts: isFirst ? nothing : [0..<bytes.count] + nothing.dropFirst(),
            incoming: memory, incomingParts: isFirst ? parts : nothing)
        })
    }
    guard isFirst else { return [] }
    return [own]
      + parts.dropFirst().map {
        Array(UnsafeRawBufferPointer(start: memory + $0.lowerBound, count: $0.count))
      }
  }
}
