import Collectives
import Testing

@Suite struct LastSignTests {
  @Test func aPeerWasAtLeastInTheStepBeforeThisOne() {
    let last = RankState(phase: .compute, step: 1)
    #expect(
      last.seen(from: RankState(phase: .reduce, step: 5))
        == "compute of step 1 and at work on step 4 or later since")
    for step in 0...2 {
      #expect(last.seen(from: RankState(phase: .reduce, step: step)) == "compute of step 1")
    }
  }
}
