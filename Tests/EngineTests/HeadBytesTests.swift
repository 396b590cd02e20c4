import Collectives
import Scaling
import Synchronization
import TestSupport
import Testing

/// What a head sends in a step, divided and whole, as ranks count it and as the model has it.
@Suite struct HeadBytesTests {
  private final class Counts: Sendable {
    let bytes: Mutex<[Int]>
    init(ranks: Int) { bytes = Mutex([Int](repeating: 0, count: ranks)) }
  }

  /// Bytes that each rank sends in a step of 1,024 faces over `classes` classes of width 256.
  private static func sentBytes(
    classes: Int, isDivided: Bool, ranks: Int
  ) throws -> [Int] {
    var run = EngineRun(objective: { $0.objective })
    run.configuration.embedding = 256
    run.configuration.head = isDivided ? .divided : .whole
    run.configuration.batch = 1_024
    run.configuration.microbatch = 64
    run.samples = 1_024
    run.classCount = classes
    run.steps = 1
    let counts = Counts(ranks: ranks)
    _ = try run.outcomes(ranks: ranks) { communicator in
      CountingCommunicator(communicator) { rank, bytes, operation in
        // The weights that are looked at after the step.
        if case .gather = operation { return }
        counts.bytes.withLock { $0[rank] += bytes }
      }
    }
    return counts.bytes.withLock { $0 }
  }

  @Test(arguments: [2, 3]) func aDividedHeadSendsAnEighth(ranks: Int) throws {
    let (classes, width, batch) = (10_572, 256, 1_024)
    // What the network sends, with a head of two classes and one of their gradients.
    let network = try Self.sentBytes(classes: 2, isDivided: false, ranks: ranks).max()!
    let two = 10 * 2 * width * (ranks - 1) / ranks
    func head(isDivided: Bool) throws -> Double {
      let most = try Self.sentBytes(classes: classes, isDivided: isDivided, ranks: ranks).max()!
      return Double(most - network + two)
    }
    let (divided, whole) = (try head(isDivided: true), try head(isDivided: false))
    print("head of \(classes) classes, \(ranks) ranks: \(whole) bytes whole, \(divided) divided")
    #expect(divided < whole / 8)
    let seconds = HeadModel.Seconds(
      whole: 0, score: 0, exponential: 0, embeddingGradient: 0, classGradient: 0,
      classGradientAgain: 0, update: 0)
    for (isDivided, counted) in [(true, divided), (false, whole)] {
      let model = HeadModel(
        classes: classes, width: width, isDivided: isDivided, seconds: seconds)
      let expected = model.sentBytes(ranks: ranks, batch: batch)
      // Of three ranks one has 6 of the 16 microbatches, and as much more to gather.
      #expect(abs(counted / expected - 1) < 0.06, "divided: \(isDivided), \(expected) expected")
    }
  }
}
