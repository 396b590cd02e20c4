import Datasets
import Determinism
import Testing

/// How often people come in an epoch.
@Suite struct ClassSharesTests {
  /// People of 1, 4 and 7 photos, and one of none, mixed.
  private static let people = [3, 1, 3, 0, 3, 1, 3, 3, 1, 3, 1, 3]

  private func counts(_ order: [Int], of person: Int) -> [Int] {
    Self.people.indices.filter { Self.people[$0] == person }.map { sample in
      order.count { $0 == sample }
    }
  }

  @Test func classBalancedGivesEverybodyAsMuch() {
    let shares = ClassShares(people: Self.people, sampling: .classBalanced)
    #expect(shares.peopleCount == 3 && shares.turns == 4...4)
    var chosen: Set<[Int]> = []
    for epoch in 0..<20 {
      let order = shares.order(ofEpoch: epoch, seed: 5).map { Int($0) }
      #expect(counts(order, of: 0) == [4] && counts(order, of: 1) == [1, 1, 1, 1])
      let many = counts(order, of: 3)
      #expect(many.reduce(0, +) == 4 && many.max() == 1)
      chosen.insert(many)
    }
    #expect(chosen.count > 5, "which of somebody's photos come is drawn anew in each epoch")
  }

  @Test func instanceGivesEveryPhotoOnce() {
    let shares = ClassShares(people: Self.people, sampling: .instance)
    #expect(shares.turns == 1...7)
    for epoch in 0..<5 {
      let order = shares.order(ofEpoch: epoch, seed: 5).map { Int($0) }
      #expect(order.sorted() == Array(Self.people.indices))
    }
  }

  /// Shares of 12 / (1 + 2 + sqrt(7)) x 1, 2, sqrt(7): 2.13, 4.25, 5.62.
  @Test func squareRootGivesTheRootOnAverage() {
    let shares = ClassShares(people: Self.people, sampling: .squareRoot)
    let unit = 12 / (3 + 7.0.squareRoot())
    #expect(abs(shares.turns.lowerBound - unit) < 1e-12)
    var sums = [0: 0, 1: 0, 3: 0]
    for epoch in 0..<2000 {
      let order = shares.order(ofEpoch: epoch, seed: 5).map { Int($0) }
      #expect(order.count == 12)
      for (person, factor) in [(0, 1), (1, 2), (3, 7.0.squareRoot())] {
        let counts = counts(order, of: person)
        let turns = counts.reduce(0, +)
        #expect(abs(Double(turns) - unit * factor) < 1, "rounded down or up")
        #expect(counts.max()! - counts.min()! <= 1)
        sums[person]! += turns
      }
    }
    for (person, factor) in [(0, 1), (1, 2), (3, 7.0.squareRoot())] {
      #expect(abs(Double(sums[person]!) / 2000 - unit * factor) < 0.05, "person \(person)")
    }
  }

  @Test func anOrderIsAFunctionOfSeedAndEpoch() {
    let people = (0..<300).map { $0 * $0 % 41 % 17 }
    for sampling in [Sampling.squareRoot, .classBalanced] {
      let shares = ClassShares(people: people, sampling: sampling)
      let order = shares.order(ofEpoch: 3, seed: 9)
      #expect(ClassShares(people: people, sampling: sampling).order(ofEpoch: 3, seed: 9) == order)
      #expect(shares.order(ofEpoch: 4, seed: 9) != order)
      #expect(shares.order(ofEpoch: 3, seed: 8) != order)
      let course = EpochCourse(count: 300, batch: 32)
      var forward = EpochSampler(course, seed: 9, shares: shares)
      let all = (0..<40).map { Array(forward.batch(step: $0).samples) }
      #expect(all[30..<40].flatMap { $0 } == order.map { Int($0) })
      for step in [39, 3, 17, 30] {
        var fresh = EpochSampler(course, seed: 9, shares: shares)
        #expect(Array(fresh.batch(step: step).samples) == all[step])
      }
    }
  }

  /// What roundings of many unequal roots leave over is given to somebody.
  @Test func anEpochHasAsManyPlacesAsSamples() {
    for count in [1, 2, 17, 1000, 20_011] {
      let people = (0..<count).map {
        CounterRandom(seed: 1, purpose: .testing, $0).integer(0, below: 1 + $0 / 7)
      }
      for sampling in Sampling.allCases {
        let order = ClassShares(people: people, sampling: sampling).order(ofEpoch: 1, seed: 2)
        #expect(order.count == count && order.allSatisfy { $0 >= 0 && $0 < count })
      }
    }
  }
}
