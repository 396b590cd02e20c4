import Datasets
import Testing

/// Epochs of whole batches.
@Suite struct DropLastTests {
  @Test(arguments: [(65, 64), (64, 64), (100, 7), (9, 4), (128, 64)])
  func anEpochIsWholeBatchesAndLeavesOtherSamplesOutEachTime(count: Int, batch: Int) {
    var whole = EpochSampler(count: count, batch: batch, seed: 3, dropsLast: true)
    var all = EpochSampler(count: count, batch: batch, seed: 3)
    #expect(whole.stepsPerEpoch == count / batch)
    #expect(whole.course.leftOutCount == count % batch && all.course.leftOutCount == 0)
    var leftOut: Set<Set<Int>> = []
    for epoch in 0..<4 {
      var seen: Set<Int> = []
      for step in 0..<whole.stepsPerEpoch {
        let own = whole.batch(step: epoch * whole.stepsPerEpoch + step)
        #expect(own.samples.count == batch && own.epoch == epoch)
        // The batches are those of an epoch with its tail.
        #expect(own.samples == all.batch(step: epoch * all.stepsPerEpoch + step).samples)
        seen.formUnion(own.samples)
      }
      #expect(seen.count == count / batch * batch)
      leftOut.insert(Set(0..<count).subtracting(seen))
    }
    #expect(count % batch == 0 ? leftOut == [[]] : leftOut.count > 1)
  }
}
