import Determinism
import Foundation
import Kernels
import Losses
import TestSupport
import Testing

/// Sampled classes against a head in Double that has no other classes.
@Suite struct SampledClassesReferenceTests {
  private static let (classes, width, rows) = (500, 512, 12)
  private static let labels: [Int32] = [3, 499, 130, 3, 255, 256, 127, 128, 300, 499, 0, 77]

  @Test(arguments: [0.05, 0.5]) func lossAndGradientsAreThoseOfAHeadOfTheSampleAlone(
    share: Double
  ) {
    for (loss, reference) in [
      (
        MarginSoftmaxConfiguration.cosFace(scale: 16, margin: 0.2),
        MarginSoftmaxReference(.cosFace(0.2), scale: 16)
      ),
      (
        MarginSoftmaxConfiguration.arcFace(scale: 16, margin: 0.2).withSubCentres(3),
        MarginSoftmaxReference(.arcFace(0.2), scale: 16)
      ),
      (
        MarginSoftmaxConfiguration.softmax(),
        MarginSoftmaxReference(.none, scale: 1, normalized: false, hasBias: true)
      ),
      (
        // The bias that it starts from.
        MarginSoftmaxConfiguration.uniFace(scale: 16, margin: 0.2, rate: 0.1),
        MarginSoftmaxReference(.uniFace(0.2, log(10 * Double(Self.classes))), scale: 16)
      ),
    ] {
      check(
        MarginSoftmaxHead(configuration: loss, classes: Self.classes, dimension: Self.width),
        reference, share: share)
    }
  }

  private func check(
    _ head: MarginSoftmaxHead, _ reference: MarginSoftmaxReference, share sampled: Double
  ) {
    let (classes, width, rows) = (Self.classes, Self.width, Self.rows)
    let centres = head.subCentres
    let random = CounterRandom(seed: 4, purpose: .testing)
    let parameters = (0..<head.parameterCount).map { Float(0.2 * random.uniform($0) - 0.1) }
    let embeddings = (0..<rows * width).map { Float(2 * random.uniform(1_000_000 + $0) - 1) }
    let sampling = ClassSampling(share: sampled, idleRows: .keep)!
    let draw = sampling.draw(seed: 5, step: 8)
    let sample = (0..<classes).filter { draw.contains($0) || Self.labels.contains(Int32($0)) }
    #expect(sample.count > 10 && sample.count < 330)

    var weights: [Double] = []
    for own in sample {
      let rows = own * centres * width..<(own + 1) * centres * width
      weights += parameters[rows].map(Double.init)
    }
    if head.hasBias {
      for row in sample { weights.append(Double(parameters[classes * width + row])) }
    }
    let labels = Self.labels.map { sample.firstIndex(of: Int($0))! }
    let expected =
      centres > 1
      ? reference.run(
        embeddings.map(Double.init), labels: labels, weights: weights, classes: sample.count,
        centres: centres, width: width)
      : reference.run(
        embeddings.map(Double.init), labels: labels, weights: weights, classes: sample.count,
        width: width)
    let found = run(head, sampling, parameters, embeddings)

    #expect(abs(found.value.lossSum - expected.loss) < 1e-5 * (1 + expected.loss))
    #expect(found.value.correctCount == expected.correctCount)
    #expect(abs(found.value.targetCosineSum - expected.targetCosineSum) < 1e-5)
    func areClose(_ found: [Float], _ expected: [Double]) -> Bool {
      let largest = expected.map(abs).max()!
      return largest > 1e-4
        && zip(found, expected).allSatisfy { abs(Double($0) - $1) < 2e-5 * largest }
    }
    #expect(areClose(found.embeddings, expected.embeddings))
    #expect(areClose(found.weights, Array(expected.weights.prefix(sample.count * centres * width))))
    #expect(
      found.sample == sample.flatMap { own in (0..<centres).map { own * centres + $0 } })
    guard head.hasBias else { return }
    let bias = Array(expected.weights.suffix(sample.count))
    #expect(areClose(sample.map { found.bias[$0] }, bias))
    for own in 0..<classes where !sample.contains(own) { #expect(found.bias[own] == 0) }
  }

  private struct Found {
    var value = LossValue()
    var embeddings: [Float] = []
    /// Of the classes that took part, side by side, and which they were.
    var weights: [Float] = []
    var sample: [Int] = []
    var bias: [Float] = []
  }

  /// One rank and one worker, whose microbatches are of 5, 4 and 3 faces.
  private func run(
    _ head: MarginSoftmaxHead, _ sampling: ClassSampling, _ parameters: [Float],
    _ embeddings: [Float]
  ) -> Found {
    let (width, rows) = (Self.width, Self.rows)
    let share = ClassShare(head, rank: 0, ranks: 1)
    let chosen = ChosenClasses(sampling, of: share, batch: rows, seed: 5)
    let batch = ScoredBatch(capacity: rows, for: head)
    let gradients = AlignedMemory(count: head.parameterCount, fill: .nan)
    let norms = AlignedMemory(count: head.rowCount, fill: .nan)
    let scratch = AlignedMemory(count: share.scratchCount(microbatch: 5), fill: .nan)
    var sums = [Double](repeating: 0, count: share.sumCount)
    var maxima = [Float](repeating: -.infinity, count: rows)
    var found = Found()
    found.embeddings = [Float](repeating: .nan, count: rows * width)
    chosen.begin(step: 8, labels: Self.labels, count: rows)
    for tile in share.tiles.indices { chosen.choose(tile) }
    embeddings.withUnsafeBufferPointer { embeddings in
      batch.take(
        embeddings.baseAddress!, labels: Self.labels, rows: rows, for: head,
        state: head.initialState)
      for tile in share.tiles.indices {
        share.score(
          share.tileClasses(tile, of: chosen), rows: 0..<rows, of: batch, parameters: parameters,
          inverseNorms: norms.pointer, into: gradients.pointer, maxima: &maxima,
          scratch: scratch.pointer)
      }
      for row in 0..<rows { batch.greatest[row] = maxima[row] }
      share.addExponentials(
        0..<rows, slab: 0..<rows, of: batch, chosen: chosen, in: gradients.pointer,
        scratch: scratch.pointer)
      batch.conclude(
        0..<rows, of: head, marginFactor: 1, state: head.initialState,
        place: SamplePlace(seed: 5, step: 8, slot: 0))
      batch.gradients.update(repeating: 0, count: rows * width)
      share.embeddingGradients(
        0..<rows, slab: 0..<rows, of: batch, chosen: chosen, parameters: parameters,
        inverseNorms: UnsafePointer(norms.pointer), in: gradients.pointer,
        scratch: scratch.pointer)
      batch.embeddingGradients(of: 0..<rows, into: &found.embeddings)
      for tile in share.tiles.indices {
        _ = share.classGradients(
          of: share.tileClasses(tile, of: chosen), microbatches: [0..<5, 5..<9, 9..<12],
          slab: 0..<rows, of: batch, parameters: parameters,
          inverseNorms: UnsafePointer(norms.pointer), grid: SummationGrid(exponent: -36),
          scale: 1, in: gradients.pointer, scratch: scratch.pointer, sums: &sums)
      }
      found.value = batch.value(of: 0..<rows)
    }
    chosen.forEachRow(of: 0..<head.rowCount * width) { elements, row in
      found.sample.append(elements.lowerBound / width)
      found.weights += (0..<elements.count).map { gradients.pointer[row + $0] }
    }
    if head.hasBias {
      found.bias = (0..<head.classes).map { gradients.pointer[head.classes * width + $0] }
    }
    return found
  }
}
