import Determinism
import Evaluation
import Testing

@Suite struct VerificationTests {
  /// Distances on and off the threshold grid, some beyond it, in folds of unequal size.
  private func example(seed: UInt64) -> (VerificationPairs, [Double]) {
    let random = CounterRandom(seed: seed, purpose: .testing)
    var pairs: [VerificationPairs.Pair] = []
    var distances: [Double] = []
    for i in 0..<150 {
      let isSame = i % 2 == 0
      let fold = random.integer(3 * i, below: 5)
      pairs.append(.init(first: 2 * i, second: 2 * i + 1, isSame: isSame, fold: fold))
      let spread = 1 + 0.8 * random.normal(1000 + i) + (isSame ? -0.5 : 0.5)
      var distance = min(4, max(0, spread))
      if i % 3 == 0 { distance = (distance * 100).rounded() * 0.01 }
      if i == 20 || i == 31 { distance = .infinity }
      distances.append(distance)
    }
    return (VerificationPairs(pairs: pairs, foldCount: 5, foldRule: "example"), distances)
  }

  /// The procedure written as plainly as it can be said, pair by pair and threshold by threshold.
  @Test(arguments: [1, 2] as [UInt64]) func equalsThePlainProcedure(seed: UInt64) {
    let (pairs, distances) = example(seed: seed)
    let found = Verification(distances: distances, pairs: pairs)
    func accuracy(_ fold: (Int) -> Bool, _ t: Double) -> Double {
      let mine = distances.indices.filter { fold(pairs.pairs[$0].fold) }
      let right = mine.filter { (distances[$0] < t) == pairs.pairs[$0].isSame }
      return Double(right.count) / Double(mine.count)
    }
    func rate(_ isSame: Bool, _ fold: (Int) -> Bool, _ t: Double) -> Double {
      let mine = distances.indices.filter {
        pairs.pairs[$0].isSame == isSame && fold(pairs.pairs[$0].fold)
      }
      return Double(mine.filter { distances[$0] < t }.count) / Double(mine.count)
    }
    for held in 0..<5 {
      var best = (threshold: 0.0, accuracy: -1.0)
      for i in 0..<400 {
        let training = accuracy({ $0 != held }, Double(i) * 0.01)
        if training > best.accuracy { best = (Double(i) * 0.01, training) }
      }
      #expect(found.foldThresholds[held] == best.threshold)
      #expect(abs(found.foldAccuracies[held] - accuracy({ $0 == held }, best.threshold)) < 1e-12)
    }
    var rates: [Double] = []
    var thresholds: [Double] = []
    for held in 0..<5 {
      let allowed = stride(from: 3999, through: 0, by: -1).first {
        rate(false, { $0 != held }, Double($0) * 0.001) <= 0.1
      }
      rates.append(rate(true, { $0 == held }, Double(allowed ?? 0) * 0.001))
      thresholds.append(Double(allowed ?? 0) * 0.001)
    }
    let meanThreshold = thresholds.reduce(0, +) / 5
    #expect(abs(found.validationRates[0].meanThreshold - meanThreshold) < 1e-12)
    #expect(abs(found.validationRates[0].mean - rates.reduce(0, +) / 5) < 1e-12)
    #expect(
      abs(
        found.meanROC[150].trueAcceptRate
          - (0..<5).map { f in rate(true, { $0 == f }, 1.5) }.reduce(0, +) / 5) < 1e-12)
  }

  @Test func aPairAtTheThresholdIsRefused() {
    let pairs = VerificationPairs(
      pairs: [
        .init(first: 0, second: 1, isSame: true, fold: 0),
        .init(first: 2, second: 3, isSame: false, fold: 0),
        .init(first: 4, second: 5, isSame: true, fold: 1),
        .init(first: 6, second: 7, isSame: false, fold: 1),
      ], foldCount: 2, foldRule: "two")
    // On either fold the first best threshold is the one just above its same pair: 0.51. The other
    // fold's same pair lies on it, and d < t is strict.
    let found = Verification(distances: [0.5, 1, 0.51, 1], pairs: pairs)
    #expect(found.foldThresholds == [0.52, 0.51])
    #expect(found.foldAccuracies == [1, 0.5])
  }

  @Test func oneFoldAloneIsCalledOptimistic() {
    let pairs = VerificationPairs(
      pairs: [
        .init(first: 0, second: 1, isSame: true, fold: 2),
        .init(first: 2, second: 3, isSame: false, fold: 2),
      ], foldCount: 10, foldRule: "ten")
    let found = Verification(distances: [0.5, 1], pairs: pairs)
    #expect(found.accuracy == 1)
    #expect(found.foldRule.contains("optimistic"))
  }

  @Test func tiesCountHalfInTheExactArea() {
    // same 1, 2, 2; different 2, 3: wins 2 + 1.5 + 1.5 of 6.
    let area = ROC.exactArea(
      distances: [1, 2, 2, 2, 3], isSame: [true, true, true, false, false])
    #expect(abs(area - 5 / 6) < 1e-15)
  }

  @Test func exactCurveHoldsTheBestOfEveryFalseAcceptCount() {
    let curve = ROC.exactCurve(
      distances: [1, 2, 3, 4, 5], isSame: [true, false, true, false, true])
    let third = 1.0 / 3
    #expect(
      curve == [
        ROCPoint(falseAcceptRate: 0, trueAcceptRate: third),
        ROCPoint(falseAcceptRate: 0.5, trueAcceptRate: 2 * third),
        ROCPoint(falseAcceptRate: 1, trueAcceptRate: 1),
      ])
  }

  @Test func equalErrorRateLiesOnTheSegmentOrTheJump() {
    let slope = [
      ROCPoint(falseAcceptRate: 0, trueAcceptRate: 0.5),
      ROCPoint(falseAcceptRate: 0.5, trueAcceptRate: 1),
    ]
    #expect(abs(ROC.equalErrorRate(of: slope) - 0.25) < 1e-15)
    let jump = [
      ROCPoint(falseAcceptRate: 0.1, trueAcceptRate: 0.2),
      ROCPoint(falseAcceptRate: 0.1, trueAcceptRate: 0.95),
    ]
    #expect(abs(ROC.equalErrorRate(of: jump) - 0.1) < 1e-15)
    #expect(ROC.equalErrorRate(of: [ROCPoint(falseAcceptRate: 0, trueAcceptRate: 0)]) == 0.5)
  }

  @Test func worstPairsAndHistogram() {
    let (pairs, distances) = example(seed: 9)
    let worst = WorstPair.select(from: pairs, distances: distances, count: 3)
    let isSame = pairs.pairs.map(\.isSame)
    let same = zip(distances, isSame).filter { $0.1 && $0.0.isFinite }.map(\.0).sorted(by: >)
    let different = zip(distances, isSame).filter { !$0.1 && $0.0.isFinite }.map(\.0).sorted()
    #expect(worst.map(\.distance) == Array(same.prefix(3)) + Array(different.prefix(3)))
    #expect(worst.map(\.isSame) == [true, true, true, false, false, false])
    let histogram = DistanceHistogram(distances: distances, isSame: isSame, binCount: 40)
    #expect(histogram.same.reduce(0, +) == 75)
    #expect(histogram.different.reduce(0, +) == 75)
    #expect(
      histogram.same[7] == same.filter { $0 >= 7 * histogram.binWidth && Int($0 / 0.1) == 7 }.count)
  }
}
