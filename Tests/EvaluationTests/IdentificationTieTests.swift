import Evaluation
import Testing

/// Equal similarities are never in favour of the probe, whatever the order of photos.
@Suite struct IdentificationTieTests {
  private let labels = [1, 1, 2, 2, 3, 3]

  private func rank1(_ rows: [Float], _ labels: [Int]) -> [Double] {
    [.firstPhoto, .allOthers].map { gallery in
      Identification(Embeddings(rows, dimension: 2), labels: labels, gallery: gallery).rank1
    }
  }

  @Test func aCollapsedNetworkFindsNobody() {
    for value in [Float(1), 0.3, 0] {
      let rows = [Float](repeating: value, count: 12)
      #expect(rank1(rows, labels) == [0, 0])
      #expect(rank1(rows, labels.reversed()) == [0, 0])
    }
  }

  @Test func aTieWithOneOtherIsTheOthers() {
    // People at right angles; the last photo of 2 lies where 3 does.
    let rows: [Float] = [1, 0, 1, 0, 0, 1, 0, 1, -1, 0, -1, 0]
    #expect(rank1(rows, labels) == [1, 1])
    let tied: [Float] = [1, 0, 1, 0, 0, 1, -1, 0, -1, 0, -1, 0]
    for (rows, labels) in [
      (tied, labels),
      (
        stride(from: 10, through: 0, by: -2).flatMap { Array(tied[$0..<$0 + 2]) }, labels.reversed()
      ),
    ] {
      // With one photo each enrolled the probe of 2 finds 3, of 3 itself or a tie.
      #expect(rank1(rows, labels)[1] == 2.0 / 6)
    }
    // Several photos of one person may tie.
    #expect(rank1([1, 0, 1, 0, 1, 0, 0, 1, 0, 1], [1, 1, 1, 2, 2]) == [1, 1])
  }

  @Test func photosWithoutADirectionAreFoundByNobody() {
    // The only mate of the first is a row of zeros, nearer than the other, which lies opposite.
    #expect(rank1([1, 0, 0, 0, -1, 0], [1, 1, 2])[1] == 0)
    #expect(rank1([1, 0, .nan, 0, -1, 0], [1, 1, 2])[1] == 0)
    // And they keep nobody from being found.
    #expect(rank1([1, 0, -1, 0, 0, 0], [1, 1, 2])[1] == 1)
  }

  @Test func theRuleIsOneForEverySearch() {
    let scores: [Float] = [0.5, 0.7, 0.7, 0.2, -.infinity]
    scores.withUnsafeBufferPointer { scores in
      #expect(MatePlace.find(mates: [1], among: scores) == 1)
      #expect(MatePlace.find(mates: [1, 2], among: scores) == 0)
      #expect(MatePlace.find(mates: [0, 3], among: scores) == 2)
      #expect(MatePlace.find(mates: [4], among: scores) == .max)
    }
    #expect(MatePlace.find(mate: 0.7, amongDescending: [0.9, 0.7, 0.7, 0.1]) == 3)
    #expect(MatePlace.find(mate: 1, amongDescending: [0.9]) == 0)
    #expect(MatePlace.find(mate: -.infinity, amongDescending: []) == .max)
    #expect(MatePlace.isFirst(0.2, before: -.infinity) && !MatePlace.isFirst(0.2, before: 0.2))
    #expect(!MatePlace.isFirst(-.infinity, before: -.infinity))
  }
}
