import Determinism
import Evaluation
import Testing

@Suite struct NearestNeighboursTests {
  private func example(count: Int, dimension: Int, seed: UInt64) -> Embeddings {
    let random = CounterRandom(seed: seed, purpose: .testing)
    return Embeddings(
      (0..<count * dimension).map { Float(random.normal($0)) }, dimension: dimension)
  }

  @Test func equalsThePlainSearch() {
    let probes = example(count: 150, dimension: 7, seed: 1)
    let gallery = example(count: 200, dimension: 7, seed: 2)
    let found = NearestNeighbours.find(probes, in: gallery, count: 5)
    for probe in 0..<150 {
      let distances = (0..<200).map { probes.squaredDistance(probe, to: $0, of: gallery) }
      let order = distances.indices.sorted { (distances[$0], $0) < (distances[$1], $1) }
      #expect(found[probe].map(\.row) == Array(order.prefix(5)))
      #expect(found[probe].map(\.squaredDistance) == order.prefix(5).map { distances[$0] })
    }
  }

  @Test func equalRowsInOrderAndBadRowsNowhere() {
    let gallery = Embeddings([0, 1, 2, 0, .nan, 1, 1, 0, 3, 0], dimension: 2)
    let probes = Embeddings([1, 0, .infinity, 0], dimension: 2)
    let found = NearestNeighbours.find(probes, in: gallery, count: 9)
    #expect(found[0].map(\.row) == [1, 3, 4, 0])
    #expect(found[0].map(\.squaredDistance) == [0, 0, 0, 2])
    #expect(found[1].isEmpty)
  }

  @Test func openSetRatesByTheirDefinition() {
    // Ten strangers at 0.1, 0.2, ... 1.0 and four mated probes, one of them wrong.
    let strangers = (1...10).map {
      OpenSetIdentification.Probe(distance: Double($0) / 10, isMated: false, isRight: false)
    }
    let mated = [(0.05, true), (0.15, true), (0.01, false), (0.9, true)].map {
      OpenSetIdentification.Probe(distance: $0.0, isMated: true, isRight: $0.1)
    }
    let found = OpenSetIdentification(strangers + mated)
    #expect(found.rank1 == 0.75)
    #expect((found.matedCount, found.nonMatedCount) == (4, 10))
    #expect(found.rates.map(\.targetFPIR) == [0.01, 0.1])
    // No stranger may pass at 1 %, one may at 10 %.
    #expect(found.rates.map(\.threshold) == [0.1, 0.2])
    #expect(found.rates.map(\.TPIR) == [0.25, 0.5])
    #expect(found.rates.map(\.reachedFPIR) == [0, 0.1])
    // Ten strangers are one at 10 %, and none at 1 %.
    #expect(
      found.rates.map(\.refusal) == [
        "insufficient data: 10 probes of people who are not in the gallery, and it takes 100", nil,
      ])
    #expect(OpenSetIdentification(mated).rates.isEmpty)
    #expect(OpenSetIdentification(strangers).rank1 == nil)
  }

  @Test func quantisedRowsPointTheSameWay() {
    let embeddings = example(count: 60, dimension: 128, seed: 9)
    var worst: [Double] = []
    for bits in [8, 4, 1] {
      let quantized = embeddings.quantized(bits: bits)
      let top = bits == 1 ? 1 : Float(1 << (bits - 1) - 1)
      #expect(quantized.values.allSatisfy { $0 == $0.rounded() && $0.magnitude <= top })
      #expect(quantized.values.contains { $0.magnitude == top })
      worst.append(
        (0..<60).map { embeddings.squaredDistance($0, to: $0, of: quantized) }.max()!)
    }
    // Rounding to steps of max / 127 leaves dimension x step^2 / 12 of the squared norm.
    #expect(worst[0] > 0 && worst[0] < 2e-4)
    #expect(worst[1] > worst[0] && worst[1] < 0.05)
    // Of a normal vector the signs keep the cosine sqrt(2 / pi): a distance of 0.40.
    #expect(worst[2] > 0.3 && worst[2] < 0.6)
    #expect(embeddings.bytesPerRow(bits: 8) == 128)
    #expect(embeddings.bytesPerRow(bits: 1) == 16)
    let odd = Embeddings([0, 0, .nan, 1], dimension: 2).quantized(bits: 8)
    #expect(odd.values[0] == 0 && odd.values[2].isNaN)
  }

  @Test func frameSetsEqualTheMeanOverAllPairs() {
    var values = example(count: 12, dimension: 5, seed: 6).values
    for i in 15..<20 { values[i] = 0 }
    values[52] = .nan
    let embeddings = Embeddings(values, dimension: 5)
    let (first, second) = (Array(0..<7), Array(7..<12))
    var sum = 0.0
    for a in first { for b in second where b != 10 { sum += embeddings.squaredDistance(a, b) } }
    let found = FrameSet(embeddings, rows: first)
      .meanSquaredDistance(to: FrameSet(embeddings, rows: second))
    #expect(abs(found - sum / 28) < 1e-12)
    #expect(FrameSet(embeddings, rows: second).frameCount == 4)
    let nothing = FrameSet(embeddings, rows: [10])
    #expect(nothing.meanSquaredDistance(to: FrameSet(embeddings, rows: first)) == .infinity)
  }
}
