import Assembly
import Configuration
import Determinism
import Engine
import Losses
import TestSupport
import Testing

/// A teacher that has said of every class where its embeddings are to be, but of one.
struct TableTeacher: Teacher {
  let width: Int
  var lacking: Int32 = 4
  var hash: UInt64 { 1 }
  var bytes: (rank: Int, worker: Int) { (0, 0) }

  func row(of photo: Int, isMirrored: Bool) -> Int32 { Int32(photo) }

  func teach(
    _ rows: UnsafeBufferPointer<Int32>, images: UnsafePointer<Float>, on worker: Int,
    into targets: UnsafeMutablePointer<Float>
  ) {
    for (item, row) in rows.enumerated() {
      let random = CounterRandom(seed: 11, purpose: .testing, Int(row))
      for i in 0..<width {
        targets[item * width + i] = row == lacking ? 0 : Float(random.normal(i))
      }
    }
  }
}

/// Steps with the term of a teacher: the same bits in every world, beside every kind of loss.
@Suite struct TaughtEngineTests {
  enum Kind: String, Sendable, CaseIterable {
    case whole, divided, triplets, alone
  }

  private static func run(
    _ kind: Kind, teacherWidth: Int? = 16, weight: Double = 8, passes: Int = 2
  ) -> EngineRun {
    var configuration = EngineRun.configuration
    configuration.batch = 18
    configuration.passes = passes
    configuration.teacherWeight = weight
    switch kind {
    case .whole: break
    case .divided: configuration.head = .divided
    case .triplets:
      configuration.loss = .triplet
      configuration.margin = [0.2]
    case .alone: configuration.loss = .teacher
    }
    var run = EngineRun(objective: { $0.objective })
    run.configuration = configuration
    run.teacher = teacherWidth.map { TableTeacher(width: $0) }
    if kind == .triplets { run.request = MiningRequest(mode: .all, margin: 0.2, seed: 1, step: 0) }
    return run
  }

  @Test(arguments: Kind.allCases, [16, 24])
  func aTeacherIsTheSameInEveryWorld(kind: Kind, teacherWidth: Int) throws {
    let alone = try Self.run(kind, teacherWidth: teacherWidth).outcomes(ranks: 1)[0]
    #expect(alone.receipts.count == 3 && alone.figures.allSatisfy { $0[3] == 0 })
    // Of 18 slots in 6 classes 3 have no target.
    #expect(alone.figures.allSatisfy { $0[5] == 15 })
    for (ranks, threads, passes) in [(1, 2, 1), (2, 1, 2), (3, 2, 1), (8, 1, 2)] {
      let run = Self.run(kind, teacherWidth: teacherWidth, passes: passes)
      for outcome in try run.outcomes(ranks: ranks, threads: threads) {
        #expect(
          outcome.receipts == alone.receipts && outcome.losses == alone.losses
            && outcome.figures.map { $0.map(\.bitPattern) }
              == alone.figures.map { $0.map(\.bitPattern) },
          "\(kind), \(ranks) x \(threads), \(passes) passes")
      }
    }
  }

  @Test func aDividedHeadWithATeacherHasTheBitsOfTheWholeOne() throws {
    for width in [16, 24] {
      let whole = try Self.run(.whole, teacherWidth: width).outcomes(ranks: 1)[0]
      for outcome in try Self.run(.divided, teacherWidth: width).outcomes(ranks: 3) {
        #expect(outcome.receipts == whole.receipts && outcome.losses == whole.losses)
        #expect(outcome.figures == whole.figures)
      }
    }
  }

  @Test(arguments: [Kind.whole, .divided, .triplets])
  func aWeightOfZeroIsTheRunWithoutATeacher(kind: Kind) throws {
    let without = try Self.run(kind, teacherWidth: nil).outcomes(ranks: 1)[0]
    let watched = try Self.run(kind, weight: 0).outcomes(ranks: 2)[0]
    let taught = try Self.run(kind).outcomes(ranks: 1)[0]
    #expect(watched.receipts == without.receipts && watched.losses == without.losses)
    #expect(watched.figures[0][5] == 15 && without.figures[0][5] == 0)
    #expect(watched.figures[0][4] == taught.figures[0][4])
    #expect(taught.receipts[0] != without.receipts[0])
  }

  /// The loss that is told is that of the head and the term together.
  @Test func theLossIsThatOfBoth() throws {
    let without = try Self.run(.whole, teacherWidth: nil).outcomes(ranks: 1)[0]
    let taught = try Self.run(.whole).outcomes(ranks: 1)[0]
    let term = 8 * (15 - taught.figures[0][4])
    #expect(abs(taught.losses[0] - without.losses[0] - term) < 1e-9 * term)
  }

  @Test func aTeacherAloneTeaches() throws {
    for width in [16, 24] {
      var run = Self.run(.alone, teacherWidth: width, weight: 64)
      run.steps = 12
      let outcome = try run.outcomes(ranks: 1)[0]
      let cosines = outcome.figures.map { $0[4] / $0[5] }
      #expect(cosines[11] > cosines[0] + 0.2, "\(cosines)")
      #expect(outcome.losses[11] < outcome.losses[0] && outcome.figures[0][0].isNaN)
    }
  }
}
