internal import Collectives

/// Rows that pass all ranks in their order, piece by piece: while a rank works on a piece, the one
/// before it works on the next.
///
/// What a row carries from one rank to the next is a sum that is not associative, so that the order
/// of the ranks is kept instead.
struct RowWave {
  /// The pieces, in order.
  let pieces: [Range<Int>]
  /// The ranks that work, from 0 on; others take part in the collectives.
  let activeRanks: Int

  /// A wave of `rows` over `activeRanks` ranks, with `threads` workers each.
  init(_ rows: Range<Int>, activeRanks: Int, threads: Int) {
    self.activeRanks = activeRanks
    // So many pieces that the ranks wait little, each with enough rows for a product.
    let wanted = activeRanks == 1 ? 1 : Self.piecesForRank * (activeRanks - 1)
    let tile = Self.tileRows * threads
    let size = max(1, (rows.count + wanted * tile - 1) / (wanted * tile)) * tile
    pieces = stride(from: rows.lowerBound, to: rows.upperBound, by: size).map {
      $0..<min($0 + size, rows.upperBound)
    }
  }

  private static let piecesForRank = 8
  /// Rows of a product that registers hold at a time.
  private static let tileRows = 12

  /// Runs `body` for every piece on every active rank, in the order of the ranks, and lets the rows
  /// of `memory` [rows, width] go along. Throws what `body` and the communicator throw.
  func run<Element: BitwiseCopyable>(
    over communicator: any Communicator, memory: UnsafeMutablePointer<Element>, width: Int,
    _ body: (Range<Int>) throws -> Void
  ) throws {
    let rank = communicator.rank
    let rounds = pieces.count + activeRanks - 1
    for round in 0..<rounds {
      if rank < activeRanks, pieces.indices.contains(round - rank) {
        try body(pieces[round - rank])
      }
      // The last round has nothing to pass on.
      guard round < rounds - 1, activeRanks > 1 else { continue }
      try pass(after: round, over: communicator, memory, width: width)
    }
  }

  /// Sends what was worked on in `round` to the next rank.
  private func pass<Element: BitwiseCopyable>(
    after round: Int, over communicator: any Communicator,
    _ memory: UnsafeMutablePointer<Element>, width: Int
  ) throws {
    let (rank, size) = (communicator.rank, communicator.size)
    let bytes = MemoryLayout<Element>.stride * width
    /// The rows that `sender` passes on, in bytes.
    func rows(of sender: Int) -> Range<Int> {
      guard sender >= 0, sender + 1 < activeRanks, pieces.indices.contains(round - sender) else {
        return 0..<0
      }
      let piece = pieces[round - sender]
      return piece.lowerBound * bytes..<piece.upperBound * bytes
    }
    let (out, in_) = (rows(of: rank), rank < activeRanks ? rows(of: rank - 1) : 0..<0)
    let raw = UnsafeMutableRawPointer(memory)
    try communicator.exchange(
      count: round, word: 0, rounds: { _ in 1 },
      allToAll: { _ in
        var (outgoing, incoming) = (
          [Range<Int>](repeating: 0..<0, count: size), [Range<Int>](repeating: 0..<0, count: size)
        )
        if !out.isEmpty { outgoing[rank + 1] = 0..<out.count }
        if !in_.isEmpty { incoming[rank - 1] = 0..<in_.count }
        return AllToAllMessages(
          outgoing: raw + out.lowerBound, outgoingParts: outgoing,
          incoming: raw + in_.lowerBound, incomingParts: incoming,
          longestPart: (pieces.map(\.count).max() ?? 0) * bytes)
      }, allGather: { _ in nil })
  }
}
