/// Rows that pass all ranks in their order, piece by piece: while a rank works on a piece, the one
/// before it works on the next.
///
/// What a row carries from one rank to the next is a sum that is not associative, so that the order
/// of the ranks is kept instead.
package struct RowWave {
  /// The pieces, in order.
  package let pieces: [Range<Int>]
  /// The ranks that work, from 0 on; others take part in the collectives.
  package let activeRanks: Int

  /// A wave of `rows` over `activeRanks` ranks, with `threads` workers each.
  package init(_ rows: Range<Int>, activeRanks: Int, threads: Int) {
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
  ///
  /// The ranks meet once: a rank whose `body` has thrown goes through the rounds without working.
  package func run<Element: BitwiseCopyable>(
    over communicator: any Communicator, memory: UnsafeMutablePointer<Element>, width: Int,
    _ body: (Range<Int>) throws -> Void
  ) throws {
    guard activeRanks > 1 else {
      for piece in pieces where communicator.rank == 0 { try body(piece) }
      return
    }
    let rank = communicator.rank
    var failure: (any Error)?
    func work(in round: Int) {
      guard failure == nil, rank < activeRanks, pieces.indices.contains(round - rank) else {
        return
      }
      do {
        try body(pieces[round - rank])
      } catch {
        failure = error
      }
    }
    // What was worked on in the last round stays where it is.
    let last = pieces.count + activeRanks - 2
    try communicator.exchange(
      count: pieces.count, word: 0, rounds: { _ in last },
      allToAll: { round in
        work(in: round)
        return messages(
          after: round, on: rank, of: communicator.size, memory,
          bytes: MemoryLayout<Element>.stride * width)
      }, allGather: { _ in nil })
    work(in: last)
    if let failure { throw failure }
  }

  /// What `rank` sends to the next rank after `round`, and gets from the one before: rows of
  /// `memory` of so many `bytes`.
  private func messages(
    after round: Int, on rank: Int, of size: Int, _ memory: UnsafeMutableRawPointer, bytes: Int
  ) -> AllToAllMessages {
    /// The rows that `sender` passes on, in bytes.
    func rows(of sender: Int) -> Range<Int> {
      guard sender >= 0, sender + 1 < activeRanks, pieces.indices.contains(round - sender) else {
        return 0..<0
      }
      let piece = pieces[round - sender]
      return piece.lowerBound * bytes..<piece.upperBound * bytes
    }
    let nothing = [Range<Int>](repeating: 0..<0, count: size)
    var (outgoing, incoming) = (nothing, nothing)
    let (sent, received) = (rows(of: rank), rows(of: rank - 1))
    if !sent.isEmpty { outgoing[rank + 1] = 0..<sent.count }
    if !received.isEmpty { incoming[rank - 1] = 0..<received.count }
    return AllToAllMessages(
      outgoing: memory + sent.lowerBound, outgoingParts: outgoing,
      incoming: memory + received.lowerBound, incomingParts: incoming,
      longestPart: (pieces.map(\.count).max() ?? 0) * bytes)
  }
}
