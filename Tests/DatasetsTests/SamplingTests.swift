import Datasets
import Determinism
import Testing

@Suite struct SamplingTests {
  @Test(arguments: [(10, 3), (12, 4), (5, 5), (5, 9), (1, 1)])
  func everySampleComesOnceAnEpoch(count: Int, batch: Int) {
    var sampler = EpochSampler(count: count, batch: batch, seed: 11)
    #expect(sampler.stepsPerEpoch == (count + batch - 1) / batch)
    for epoch in 0..<3 {
      var seen: [Int] = []
      for step in 0..<sampler.stepsPerEpoch {
        let global = sampler.batch(step: epoch * sampler.stepsPerEpoch + step)
        #expect(global.epoch == epoch)
        let isLast = step == sampler.stepsPerEpoch - 1
        #expect(global.samples.count == (isLast ? count - step * batch : batch))
        seen += global.samples
      }
      #expect(seen.sorted() == Array(0..<count))
      #expect(seen == sampler.order(ofEpoch: epoch).map { Int($0) })
    }
  }

  @Test func aBatchIsAFunctionOfSeedAndStep() {
    var forward = EpochSampler(count: 50, batch: 8, seed: 1)
    let all = (0..<30).map { Array(forward.batch(step: $0).samples) }
    for step in [29, 3, 14, 7, 28, 0] {
      var fresh = EpochSampler(count: 50, batch: 8, seed: 1)
      #expect(Array(fresh.batch(step: step).samples) == all[step])
      #expect(Array(forward.batch(step: step).samples) == all[step])
    }
    var other = EpochSampler(count: 50, batch: 8, seed: 2)
    #expect(Array(other.batch(step: 0).samples) != all[0])
    #expect(all[0] != all[7])
  }

  @Test func microbatchesDifferByAtMostOneAndLargerOnesComeFirst() {
    for count in 0...70 {
      for microbatch in 1...17 {
        let parts = Microbatches.cut(count, microbatch: microbatch)
        #expect(parts.count == (count + microbatch - 1) / microbatch)
        expectFair(parts, over: count)
        #expect(parts.allSatisfy { $0.count <= microbatch && !$0.isEmpty })
        #expect(Microbatches.smallest(count, microbatch: microbatch) == parts.last?.count ?? 0)
      }
    }
    #expect(Microbatches.cut(10, microbatch: 4) == [0..<4, 4..<7, 7..<10])
  }

  @Test func sharesOfAllRanksAddUp() {
    for count in 0...40 {
      for size in 1...9 {
        expectFair(
          (0..<size).map { Microbatches.share(of: count, rank: $0, size: size) }, over: count)
      }
    }
  }

  private func expectFair(_ parts: [Range<Int>], over count: Int) {
    var end = 0
    var previous = Int.max
    for part in parts {
      #expect(part.lowerBound == end && part.count <= previous)
      end = part.upperBound
      previous = part.count
    }
    #expect(end == count)
    #expect((parts.first?.count ?? 0) - (parts.last?.count ?? 0) <= 1)
  }
}
