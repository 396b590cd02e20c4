import Datasets
import Testing

@Suite struct EpochCourseTests {
  @Test func oneBatchCountsAsEver() {
    let course = EpochCourse(count: 100, batch: 9)
    #expect(course.stepsPerEpoch == 12)
    for step in 0..<40 {
      let place = course.place(ofStep: step)
      let start = step % 12 * 9
      #expect(place.epoch == step / 12 && place.samples == start..<min(start + 9, 100))
      #expect(course.endsEpoch(after: step) == (step % 12 == 0))
    }
    #expect((0..<5).map { course.steps(epochs: $0) } == [0, 12, 24, 36, 48])
  }

  @Test func epochsMayBeFractions() {
    #expect(EpochCourse(count: 11, batch: 1).steps(epochs: 0.5) == 6)
    #expect(EpochCourse(count: 4, batch: 1).steps(epochs: 2.25) == 9)
  }

  /// Wherever the batch changes, and however often, each epoch has each sample once.
  @Test(arguments: [[0], [1], [5], [11], [12], [13, 17], [7, 7], [20, 21, 40]])
  func aBatchThatChangesGoesOnWithWhatIsLeft(steps: [Int]) {
    let batches = [9, 4, 25, 100]
    let changes = steps.enumerated().map { (step: $1, before: batches[$0]) }
    let course = EpochCourse(count: 100, batch: batches[steps.count], changes: changes)
    #expect(course.batch == batches[steps.count])
    var seen = 0
    for step in 0..<120 {
      let (epoch, samples) = course.place(ofStep: step)
      // All samples in their order, without a gap.
      #expect(epoch * 100 + samples.lowerBound == seen, "step \(step)")
      let batch = batches[steps.count { $0 <= step }]
      #expect(samples.count == min(batch, 100 - samples.lowerBound), "step \(step)")
      seen = epoch * 100 + samples.upperBound
      #expect(course.epochs(after: step + 1) == seen / 100)
      #expect(course.endsEpoch(after: step + 1) == (seen % 100 == 0))
      if seen % 100 == 0 { #expect(course.steps(epochs: seen / 100) == step + 1) }
    }
  }

  @Test func whatDoesNotFillABatchMayBeLeftOut() {
    let course = EpochCourse(count: 10, batch: 4, dropsLast: true, changes: [(step: 3, before: 3)])
    // Three of 3; then one sample is left, which fills no batch of 4.
    #expect((0..<3).map { course.place(ofStep: $0).samples } == [0..<3, 3..<6, 6..<9])
    #expect((3..<6).map { course.place(ofStep: $0).samples } == [0..<4, 4..<8, 0..<4])
    #expect((3..<6).map { course.place(ofStep: $0).epoch } == [1, 1, 2])
    #expect((0...3).map { course.steps(epochs: $0) } == [0, 3, 5, 7])
  }

  @Test func tailsMayBeLeftOutFromAStepOn() {
    let course = EpochCourse(
      count: 10,
      cuts: [
        .init(step: 0, batch: 4, dropsLast: false), .init(step: 2, batch: 4, dropsLast: true),
        .init(step: 5, batch: 4, dropsLast: false),
      ])
    // 4 + 4; the 2 that are left fill no batch; 4 + 4; 4, from there on with tails: 4 + 2; 4 ...
    #expect(
      (0..<9).map { course.place(ofStep: $0).samples }
        == [0..<4, 4..<8, 0..<4, 4..<8, 0..<4, 4..<8, 8..<10, 0..<4, 4..<8])
    #expect((0..<9).map { course.place(ofStep: $0).epoch } == [0, 0, 1, 1, 2, 2, 2, 3, 3])
    #expect((0...3).map { course.steps(epochs: $0) } == [0, 2, 4, 7])
    #expect(course.leftOutCount == 0 && course.stepsPerEpoch == 3)
  }

  @Test func onlyTailsThatARunReachesAreCounted() {
    let course = EpochCourse(count: 10, batch: 4)
    #expect(course.batchSizes(through: 2) == [4])
    #expect(Set(course.batchSizes(through: 3)) == [4, 2])
    // 3 + 3, then 4: of the first epoch nothing is left, of the next one 2.
    let changed = EpochCourse(count: 10, batch: 4, changes: [(step: 2, before: 3)])
    #expect(changed.batchSizes(through: 3) == [4] && changed.batchSizes(through: 5) == [4])
    #expect(changed.batchSizes(through: 6) == [4, 2])
    let whole = EpochCourse(count: 10, batch: 4, dropsLast: true)
    #expect(whole.batchSizes(through: 100) == [4])
  }

  @Test func fractionsLieBetweenTheEndsOfEpochs() {
    let course = EpochCourse(count: 100, batch: 50, changes: [(step: 5, before: 10)])
    // 5 steps of 10 and one of 50, then 2 an epoch.
    #expect((0...3).map { course.steps(epochs: $0) } == [0, 6, 8, 10])
    #expect(course.steps(epochs: 0.5) == 3)
    #expect(course.steps(epochs: 1.5) == 7)
  }
}
