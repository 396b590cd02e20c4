import Determinism
import Optimizers
import Testing

@Suite struct WeightAverageTests {
  @Test func theDecayGrowsAsTensorFlowsDoes() {
    let average = WeightAverage(decay: 0.999)
    #expect(average.rate(index: 0) == 1)
    // TensorFlow's (1 + n) / (10 + n), whose n are the updates that it has averaged before.
    for n in [0, 1, 7, 90] {
      #expect(average.rate(index: n + 1) == Float(1 - Double(1 + n) / Double(10 + n)))
    }
    #expect(average.rate(index: 8991 - 100) > Float(1 - 0.999))
    #expect(average.rate(index: 9000) == Float(1 - 0.999))
  }

  /// Against a recurrence in Double, in one piece and in ragged ones, behind a fence.
  @Test func theAverageFollowsItsRecurrence() {
    let count = 67
    let average = WeightAverage(decay: 0.75)
    var whole = [Float](repeating: .nan, count: count) + [5]
    var cut = whole
    var reference = [Double](repeating: 0, count: count)
    for index in 0..<40 {
      let random = CounterRandom(seed: 3, purpose: .testing, index)
      let values = (0..<count).map { Float(random.uniform($0) - 0.5) } + [6]
      if index == 0 {
        // The first values are nothing that an average starts from.
        whole = [Float](repeating: 9, count: count) + [5]
        cut = whole
      }
      average.update(&whole, towards: values, in: 0..<count, index: index)
      for range in [0..<3, 3..<12, 12..<60, 60..<count] {
        average.update(&cut, towards: values, in: range, index: index)
      }
      let decay = min(0.75, Double(index) / Double(index + 9))
      for i in 0..<count { reference[i] = decay * reference[i] + (1 - decay) * Double(values[i]) }
      #expect(whole == cut && whole[count] == 5)
      #expect(zip(whole, reference).allSatisfy { abs(Double($0) - $1) < 1e-6 }, "\(index)")
    }
  }
}
