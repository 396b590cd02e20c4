import Determinism
import Testing

@Suite struct CounterRandomTests {
  @Test func coordinatesDecideTheStreamAndNothingElse() {
    let a = CounterRandom(seed: 3, purpose: .shuffle, 1, 2, 3, 4)
    let b = CounterRandom(seed: 3, purpose: .shuffle, 1, 2, 3, 4)
    _ = a.word(1000)
    #expect((0..<50).map(a.word) == (0..<50).map(b.word))
    var keys: Set<UInt64> = []
    for seed in 0..<4 as Range<UInt64> {
      for purpose in [RandomPurpose.shuffle, .dropout] {
        for i in 0..<3 {
          for j in 0..<3 {
            for k in 0..<3 {
              for l in 0..<3 {
                keys.insert(CounterRandom(seed: seed, purpose: purpose, i, j, k, l).key)
              }
            }
          }
        }
      }
    }
    #expect(keys.count == 4 * 2 * 81)
  }

  @Test func uniformAndNormalHaveTheirMoments() {
    let stream = CounterRandom(seed: 1, purpose: .testing)
    let n = 200_000
    var sum = 0.0, squares = 0.0, normalSum = 0.0, normalSquares = 0.0
    for i in 0..<n {
      let u = stream.uniform(i)
      #expect(u >= 0 && u < 1)
      sum += u
      squares += u * u
      let z = stream.normal(i)
      normalSum += z
      normalSquares += z * z
    }
    let count = Double(n)
    #expect(abs(sum / count - 0.5) < 0.003)
    #expect(abs(squares / count - 1 / 3.0) < 0.003)
    #expect(abs(normalSum / count) < 0.01)
    #expect(abs(normalSquares / count - 1) < 0.015)
  }

  @Test(arguments: [0, 1, 2, 10, 1001])
  func permutationHoldsEachIndexOnce(count: Int) {
    let order = CounterRandom(seed: 5, purpose: .shuffle, 7).permutation(of: count)
    #expect(order.sorted() == Array(0..<count))
    if count > 100 { #expect(order != Array(0..<count)) }
    let short = CounterRandom(seed: 5, purpose: .shuffle, 7).permutation32(of: count)
    #expect(short.map { Int($0) } == order)
  }
}
