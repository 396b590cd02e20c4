import Determinism
import Kernels
import Testing
import TestSupport

@Suite struct GridKernelTests {
  let grid = SummationGrid(exponent: -36)

  func sum(_ addends: [[Float]], order: [Int]) -> [Double] {
    var sums = Array(repeating: 0.0, count: addends[0].count)
    for i in order {
      _ = GridKernel.accumulate(
        addends[i], count: addends[i].count, grid: grid, addingTo: &sums)
    }
    return sums
  }

  @Test func anyOrderAndGroupingGivesTheSameBits() {
    let (addends, width) = (4096, 11)
    let limit = grid.largestAddend(count: addends)
    let vectors = (0..<addends).map { i -> [Float] in
      // Magnitudes over nine decades up to the largest allowed, so that plain sums would differ.
      let stream = CounterRandom(seed: 4, purpose: .testing, i)
      return (0..<width).map { k in
        if k == 0 { return Float(limit) }
        let exponent = stream.uniform(2 * k, in: -30..<0)
        let sign = stream.uniform(2 * k + 1) < 0.5 ? -1.0 : 1.0
        return Float(sign * limit * Double(sign: .plus, exponent: Int(exponent), significand: 1.3))
      }
    }
    let expected = sum(vectors, order: Array(0..<addends))
    for trial in 0..<6 {
      let order = CounterRandom(seed: 7, purpose: .shuffle, trial).permutation(of: addends)
      #expect(sum(vectors, order: order) == expected)
      // In groups, as threads and ranks make them, added as MPI adds them.
      var total = Array(repeating: 0.0, count: width)
      let groups = [2, 3, 7, 64, 1000, 4096][trial]
      for group in 0..<groups {
        let members = order.filter { $0 % groups == group }
        let part = sum(vectors, order: members)
        for k in 0..<width { total[k] += part[k] }
      }
      #expect(total == expected)
    }
    var plain = Array(repeating: 0.0, count: width), reversed = plain
    for i in 0..<addends {
      for k in 0..<width {
        plain[k] += Double(vectors[i][k]) / 3
        reversed[k] += Double(vectors[addends - 1 - i][k]) / 3
      }
    }
    #expect(plain != reversed, "without a grid the order shows")
  }

  @Test(arguments: [1, 8, 13, 100])
  func anAddendIsRoundedByHalfASpacingAtMost(count: Int) {
    let values = TestNumbers.normal(count, seed: 1, deviation: 1e-6)
    var sums = Array(repeating: 0.0, count: count)
    let pattern = GridKernel.accumulate(values, count: count, grid: grid, addingTo: &sums)
    #expect(Float(bitPattern: pattern) == values.map(\.magnitude).max())
    for (sum, value) in zip(sums, values) {
      #expect(abs(sum - Double(value)) <= grid.spacing / 2)
      #expect((sum / grid.spacing).rounded() == sum / grid.spacing)
    }
    let scaled = FencedFloats(unwritten: count)
    GridKernel.finish(sums, count: count, scale: 0.25, into: scaled.pointer)
    #expect(scaled.values == sums.map { Float($0 * 0.25) })
    #expect(scaled.fencesStand)
  }

  @Test(arguments: [0, 5, 8, 16, 18])
  func nonFiniteAndOutOfRangeAreSeen(position: Int) {
    var values = TestNumbers.normal(19, seed: 1)
    func holds(_ value: Float, count: Int) -> Bool {
      values[position] = value
      var sums = Array(repeating: 0.0, count: 19)
      let pattern = GridKernel.accumulate(values, count: 19, grid: grid, addingTo: &sums)
      return grid.holds(pattern, count: count)
    }
    #expect(holds(-32768, count: 1))
    #expect(!holds(.nan, count: 1))
    #expect(!holds(-.nan, count: 1))
    #expect(!holds(.infinity, count: 1))
    #expect(!holds(-.infinity, count: 1))
    // 2^52 spacings of 2^-36 are 65536: the headroom of a sum, shared by its addends.
    #expect(holds(-4096, count: 16))
    #expect(!holds(-4096.001, count: 16))
    #expect(!holds(32769, count: 1))
  }

  @Test func doublesOnTheGrid() {
    let stream = CounterRandom(seed: 2, purpose: .testing)
    let values = (0..<1000).map { stream.normal($0) * 3 }
    func total(_ order: [Int]) -> Double {
      var sum = 0.0
      for i in order {
        let pattern = GridKernel.accumulate(
          doubles: [values[i]], count: 1, grid: grid, addingTo: &sum)
        #expect(grid.holds(pattern, count: 1000))
      }
      return sum
    }
    let forward = total(Array(0..<1000))
    #expect(forward == total((0..<1000).reversed()))
    #expect(abs(forward - values.reduce(0, +)) < 1000 * grid.spacing)
    var sum = 0.0
    let pattern = GridKernel.accumulate(doubles: [-.nan], count: 1, grid: grid, addingTo: &sum)
    #expect(!grid.holds(pattern, count: 1))
  }
}
