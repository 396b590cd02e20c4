import Engine
import Synchronization
import TestSupport
import Testing

/// What each call of a head was given, by the first sample of its microbatch.
private final class Seen: Sendable {
  struct Microbatch: Equatable {
    var embeddings: [UInt32]
    var labels: [Int32]
  }

  private let all = Mutex<[Microbatch]>([])

  func add(_ microbatch: WrappedHead.Microbatch) {
    let (rows, count) = (microbatch.rows, microbatch.rows * microbatch.width)
    let copy = Microbatch(
      embeddings: (0..<count).map { microbatch.embeddings[$0].bitPattern },
      labels: (0..<rows).map { microbatch.labels[$0] })
    all.withLock { $0.append(copy) }
  }

  /// In the order of the batch: the label of a sample is its slot.
  var microbatches: [Microbatch] { all.withLock { $0.sorted { $0.labels[0] < $1.labels[0] } } }
}

/// Law 1 of docs/design.md: batch norm, dropout and the shape of every product belong to the
/// microbatch, which depends on the batch alone.
@Suite struct MicrobatchTests {
  private static let sizes = [4, 4, 4, 3, 3]

  /// What the microbatches of one step of 18 samples are to the loss, the image of `other` being
  /// another one.
  private func microbatches(
    ranks: Int, threads: Int = 1, other: Int? = nil
  ) throws -> [Seen.Microbatch] {
    let seen = Seen()
    var run = EngineRun(objective: { factory in
      .samples(
        WrappedHead(EngineRun.head(of: factory)) { microbatch, _ in
          seen.add(microbatch)
          return microbatch.marginFactor
        })
    })
    run.steps = 1
    run.classCount = 18
    run.seed = { slot in slot == other ? 4 : 3 }
    _ = try run.outcomes(ranks: ranks, threads: threads)
    return seen.microbatches
  }

  @Test func theMicrobatchIsTheUnitOfWork() throws {
    let alone = try microbatches(ranks: 1)
    #expect(alone.map(\.labels.count) == Self.sizes)
    #expect(alone.flatMap(\.labels) == (0..<18).map(Int32.init))
    // Whole microbatches, each once, whoever computes them: not one bit of an embedding tells.
    for (ranks, threads) in [(1, 3), (2, 1), (3, 2), (5, 1), (8, 1)] {
      let world = try microbatches(ranks: ranks, threads: threads)
      #expect(world == alone, "\(ranks) ranks x \(threads) threads")
    }
  }

  /// Batch norm mixes the samples of a microbatch, and of no other, in any world.
  @Test(arguments: [(1, 1), (1, 2), (2, 1), (3, 1)])
  func aSampleShowsInItsMicrobatchAlone(ranks: Int, threads: Int) throws {
    let usual = try microbatches(ranks: ranks, threads: threads)
    let width = usual[0].embeddings.count / 4
    for slot in [0, 9, 17] {
      let changed = try microbatches(ranks: ranks, threads: threads, other: slot)
      for (number, (one, other)) in zip(usual, changed).enumerated() {
        let rows = one.labels.indices.map {
          one.embeddings[$0 * width..<($0 + 1) * width]
            != other.embeddings[$0 * width..<($0 + 1) * width]
        }
        let isOwn = one.labels.contains(Int32(slot))
        #expect(rows.allSatisfy { $0 == isOwn }, "slot \(slot), microbatch \(number): \(rows)")
      }
    }
  }
}
