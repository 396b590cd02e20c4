import Losses
import TestSupport
import Testing

/// ElasticFace, which draws a margin for each sample of a step.
@Suite struct ElasticFaceTests {
  private static let (rows, classes, width) = (5, 17, 24)
  private static let labels = [0, 16, 7, 7, 3]
  private static let embeddings = normals(rows * width, seed: 51)
  private static let weights = normals(classes * width, seed: 52)
  private static let first = SamplePlace(seed: 3, step: 7, slot: 20)

  private func outcome(
    _ configuration: MarginSoftmaxConfiguration, _ rows: Range<Int>, place: SamplePlace? = nil,
    factor: Float = 1
  ) -> HeadOutcome {
    let elements = rows.lowerBound * Self.width..<rows.upperBound * Self.width
    return run(
      MarginSoftmaxHead(
        configuration: configuration, classes: Self.classes, dimension: Self.width),
      Array(Self.embeddings[elements]), labels: Array(Self.labels[rows]), weights: Self.weights,
      marginFactor: factor, place: place ?? self.place(of: rows.lowerBound))
  }

  private func place(of row: Int) -> SamplePlace {
    SamplePlace(seed: Self.first.seed, step: Self.first.step, slot: Self.first.slot + row)
  }

  /// A sample by itself is ArcFace's, or CosFace's, with the margin that was drawn for its slot;
  /// warm-up takes a share of that one.
  @Test(arguments: [Float(1), 0.25]) func eachSampleHasAMarginOfItsOwn(factor: Float) {
    var margins: Set<Double> = []
    for row in 0..<Self.rows {
      let margin = 0.8 + 0.1 * place(of: row).normal
      margins.insert(margin)
      let pairs: [(MarginSoftmaxConfiguration, MarginSoftmaxConfiguration)] = [
        (.elasticArcFace(margin: 0.8, deviation: 0.1), .arcFace(margin: margin)),
        (
          .elasticArcFace(margin: 0.8, deviation: 0.1, gradient: .straightThrough),
          .arcFace(margin: margin, gradient: .straightThrough)
        ),
        (.elasticCosFace(margin: 0.8, deviation: 0.1), .cosFace(margin: margin)),
      ]
      for (elastic, plain) in pairs {
        let own = outcome(elastic, row..<row + 1, factor: factor)
        let other = outcome(plain, row..<row + 1, factor: factor)
        #expect(own.value == other.value)
        #expect(own.embeddings == other.embeddings && own.weights == other.weights)
      }
    }
    #expect(margins.count == Self.rows)
  }

  /// Slots count from the microbatch's first on, so that the cut does not show.
  @Test func marginsBelongToSlots() {
    let configuration = MarginSoftmaxConfiguration.elasticArcFace(margin: 0.5, deviation: 0.2)
    let whole = outcome(configuration, 0..<Self.rows)
    for parts in [[0..<2, 2..<5], (0..<5).map { $0..<$0 + 1 }] {
      let outcomes = parts.map { outcome(configuration, $0) }
      #expect(abs(outcomes.map(\.value.lossSum).reduce(0, +) / whole.value.lossSum - 1) < 1e-12)
      #expect(
        relativeError(outcomes.flatMap(\.embeddings), whole.embeddings.map(Double.init)) < 1e-6)
    }
    let elsewhere = [
      SamplePlace(seed: 4, step: 7, slot: 20), SamplePlace(seed: 3, step: 8, slot: 20),
      SamplePlace(seed: 3, step: 7, slot: 21),
    ]
    for place in elsewhere {
      let other = outcome(configuration, 0..<Self.rows, place: place)
      #expect(other.value.lossSum != whole.value.lossSum, "\(place)")
    }
  }

  @Test func drawsAreNormal() {
    let count = 20_000
    let draws = (0..<count).map { SamplePlace(seed: 1, step: $0 / 100, slot: $0 % 100).normal }
    let mean = draws.reduce(0, +) / Double(count)
    let square = draws.map { $0 * $0 }.reduce(0, +) / Double(count)
    #expect(abs(mean) < 0.03 && abs(square - 1) < 0.04)
    let beyond = draws.filter { abs($0) > 1.96 }.count
    #expect(abs(Double(beyond) / Double(count) - 0.05) < 0.01)
    #expect(draws.allSatisfy(\.isFinite) && Set(draws).count == count)
  }
}
