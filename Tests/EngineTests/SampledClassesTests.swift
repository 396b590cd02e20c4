import Assembly
import Configuration
import Determinism
import Engine
import Losses
import Optimizers
import State
import TestSupport
import Testing

/// Steps in which some of the classes take part.
@Suite struct SampledClassesTests {
  private static let classCount = 4_999
  private static let width = 32

  /// The class of a slot: every block of 2,048 classes has some, the last class too.
  private static func label(_ step: Int, _ slot: Int) -> Int {
    slot == 5
      ? classCount - 1
      : CounterRandom(seed: 9, purpose: .testing, step, slot / 2).integer(0, below: classCount)
  }

  /// 72 faces are three times as many as a tile has room for.
  private static func run(
    share: Double, _ idleRows: IdleRows = .keep, loss: LossName = .arcface, passes: Int = 2,
    _ change: (inout EngineRun) -> Void = { _ in }
  ) -> EngineRun {
    var configuration = EngineRun.configuration
    configuration.embedding = width
    configuration.loss = loss
    configuration.margin = loss.traits.margin
    configuration.scale = loss.traits.scale ?? 1
    configuration.head = .divided
    configuration.sampleClasses = share
    configuration.idleRows = idleRows
    configuration.passes = passes
    configuration.batch = 72
    var run = EngineRun(objective: { $0.objective })
    run.configuration = configuration
    run.classCount = classCount
    run.samples = 72
    run.steps = 3
    run.label = { label($0, $1) }
    change(&run)
    return run
  }

  /// Whether `own` takes part in `step`; the engines of these tests have seed 7.
  private static func takesPart(_ own: Int, in step: Int, share: Double) -> Bool {
    ClassSampling(share: share, idleRows: .keep)!.draw(seed: 7, step: step).contains(own)
      || (0..<72).contains { label(step, $0) == own }
  }

  private static func check(
    _ outcomes: [EngineRun.Outcome], are one: EngineRun.Outcome, _ what: String
  ) {
    for (rank, outcome) in outcomes.enumerated() {
      #expect(outcome.receipts == one.receipts, "\(what), rank \(rank)")
      #expect(outcome.losses == one.losses, "\(what), rank \(rank)")
      #expect(outcome.figures == one.figures, "\(what), rank \(rank)")
    }
    #expect(outcomes[0].classWeights == one.classWeights, "\(what)")
    for index in one.vectors.indices {
      let (own, other) = (outcomes[0].vectors[index], one.vectors[index])
      #expect(own.prefix(one.networkCount) == other.prefix(one.networkCount), "\(what)")
      #expect(outcomes.flatMap { $0.headVectors[index] } == one.headVectors[index], "\(what)")
    }
  }

  @Test(arguments: IdleRows.allCases) func anyWorldGivesTheSameBits(idleRows: IdleRows) throws {
    let one = try Self.run(share: 0.2, idleRows).outcomes(ranks: 1)[0]
    #expect(one.losses[2] != one.losses[0] && one.figures.allSatisfy { $0[3] == 0 })
    for (ranks, threads, passes) in [(1, 3, 1), (2, 1, 2), (3, 2, 1), (8, 1, 2)] {
      Self.check(
        try Self.run(share: 0.2, idleRows, passes: passes).outcomes(
          ranks: ranks, threads: threads),
        are: one, "\(ranks) ranks, \(threads) threads, \(passes) passes")
    }
  }

  @Test(arguments: LossName.allCases.filter(\.traits.hasClassWeights))
  func everyLossWithClassWeightsCanSample(loss: LossName) throws {
    let one = try Self.run(share: 0.1, loss: loss).outcomes(ranks: 1)[0]
    Self.check(
      try Self.run(share: 0.1, loss: loss).outcomes(ranks: 3, threads: 2), are: one, "\(loss)")
  }

  /// 1 is no sampling; just below it every class is drawn, by the code that samples.
  @Test(arguments: [LossName.arcface, .softmax])
  func aSampleOfAllClassesGivesTheBitsOfNone(loss: LossName) throws {
    let whole = try Self.run(share: 1, loss: loss) { $0.configuration.head = .whole }
      .outcomes(ranks: 1)[0]
    for idleRows in IdleRows.allCases {
      Self.check(
        try Self.run(share: 1, idleRows, loss: loss).outcomes(ranks: 2), are: whole, "all")
      Self.check(
        try Self.run(share: 1.0.nextDown, idleRows, loss: loss).outcomes(ranks: 2), are: whole,
        "all, drawn")
    }
  }

  @Test func normsAreOfTheGradientWithZeros() throws {
    let optimizers: [any Optimizer] = [
      SGD(momentum: 0.9, nesterov: true), LARS(weightDecay: 1e-3), AdamW(weightDecay: 1e-3),
      AdaGrad(initialAccumulator: 0.1),
    ]
    for optimizer in optimizers {
      func change(_ run: inout EngineRun) {
        run.optimizer = optimizer
        run.vectors = optimizer.stateNames.map {
          StateVector(name: $0, initial: optimizer.initialState)
        }
        run.clipping = GradientClipping(maximumNorm: 0.01)
      }
      let one = try Self.run(share: 0.2, loss: .softmax) { change(&$0) }.outcomes(ranks: 1)[0]
      #expect(one.receipts[0].norm > 0.01)
      Self.check(
        try Self.run(share: 0.2, loss: .softmax) {
          change(&$0)
          $0.isSharded = true
        }.outcomes(ranks: 3), are: one, "\(optimizer.stateNames)")
    }
  }

  /// The rows of one step of an engine and of two more, as far as the head goes.
  private static func rows(
    _ share: Double, _ idleRows: IdleRows, steps: Int
  ) throws -> (weights: [Float], momentum: [Float]) {
    let outcomes = try run(share: share, idleRows) { $0.steps = steps }.outcomes(ranks: 2)
    return (outcomes[0].classWeights, outcomes.flatMap { $0.headVectors[0] })
  }

  @Test func idleRowsAreLeftAloneWithTheirMomentum() throws {
    let (before, after) = (
      try Self.rows(0.2, .keep, steps: 1), try Self.rows(0.2, .keep, steps: 3)
    )
    var (idleCount, movedCount) = (0, 0)
    for own in 0..<Self.classCount {
      let row = own * Self.width..<(own + 1) * Self.width
      let isSame =
        before.weights[row] == after.weights[row] && before.momentum[row] == after.momentum[row]
      let isIdle = (1...2).allSatisfy { !Self.takesPart(own, in: $0, share: 0.2) }
      #expect(isSame == isIdle, "class \(own)")
      if isIdle { idleCount += 1 } else { movedCount += 1 }
      // What took part in no step at all has no momentum; what did has some.
      let isNew = isIdle && !Self.takesPart(own, in: 0, share: 0.2)
      #expect(after.momentum[row].allSatisfy { $0 == 0 } == isNew, "class \(own)")
    }
    #expect(idleCount > 3_000 && movedCount > 1_600)
  }

  /// A gradient of 0 in every step, as the momentum, the weight decay and the rate of `EngineRun`
  /// have it, in Double.
  @Test func idleRowsDecayAsWithAGradientOfZero() throws {
    let (before, after) = (
      try Self.rows(0.2, .decay, steps: 1), try Self.rows(0.2, .decay, steps: 3)
    )
    var idleCount = 0
    for own in 0..<Self.classCount
    where (1...2).allSatisfy({ !Self.takesPart(own, in: $0, share: 0.2) }) {
      for i in own * Self.width..<(own + 1) * Self.width {
        var (weight, momentum) = (Double(before.weights[i]), Double(before.momentum[i]))
        for _ in 1...2 {
          momentum = 0.9 * momentum + 1e-3 * weight
          weight -= 0.05 * momentum
        }
        #expect(abs(Double(after.weights[i]) - weight) < 1e-8 + 1e-6 * abs(weight))
        #expect(abs(Double(after.momentum[i]) - momentum) < 1e-8 + 1e-6 * abs(momentum))
      }
      idleCount += 1
    }
    #expect(idleCount > 3_000)
  }

  /// Faces of one person with hardly any class drawn beside it have nothing to learn, and no figure
  /// that is not a number.
  @Test func aClassAloneIsNoFault() throws {
    let outcomes = try Self.run(share: 1e-12) {
      $0.label = { _, _ in 2_500 }
      $0.steps = 2
    }.outcomes(ranks: 3)
    for outcome in outcomes {
      #expect(outcome.losses == [0, 0] && outcome.figures.allSatisfy { $0[3] == 0 })
      #expect(outcome.receipts[0].norm == 0)
    }
  }

  /// As many as asked, others in every step and with every seed, and none that hang together.
  @Test func theDrawIsOfTheShareThatIsAsked() {
    let sampling = ClassSampling(share: 0.1, idleRows: .keep)!
    let count = 100_000
    func drawn(_ seed: UInt64, _ step: Int) -> [Bool] {
      let draw = sampling.draw(seed: seed, step: step)
      return (0..<count).map(draw.contains)
    }
    let draws = [drawn(1, 0), drawn(1, 1), drawn(2, 0)]
    for one in draws {
      #expect(abs(one.count { $0 } - count / 10) < 500)
      #expect(abs(zip(one, one.dropFirst()).count { $0 && $1 } - count / 100) < 200)
    }
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
      #expect(abs(zip(draws[one], draws[other]).count { $0 && $1 } - count / 100) < 200)
    }
    #expect(ClassSampling(share: 1, idleRows: .keep) == nil)
  }
}
