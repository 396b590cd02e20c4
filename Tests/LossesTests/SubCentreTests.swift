import Determinism
import Foundation
import Kernels
import Losses
import TestSupport
import Testing

/// Several centres a class (sub-centre ArcFace), the nearest of which stands for it.
@Suite struct SubCentreTests {
  private static let (rows, classes, width) = (5, 67, 12)
  private static let labels = [0, 66, 7, 7, 31]
  private static let embeddings = normals(rows * width, seed: 61)

  private static func weights(_ centres: Int) -> [Float] {
    normals(classes * centres * width, seed: 62 + centres)
  }

  private static func head(
    _ configuration: MarginSoftmaxConfiguration, _ centres: Int
  ) -> MarginSoftmaxHead {
    MarginSoftmaxHead(
      configuration: configuration.withSubCentres(centres), classes: classes, dimension: width)
  }

  /// Every loss of cosines, with counts that divide a vector's lanes and others.
  @Test(
    arguments: HeadCase.all.filter {
      $0.configuration.isNormalized && $0.configuration.smoothing == 0
    }, [2, 3, 7, 16])
  func kernelMatchesReference(_ item: HeadCase, centres: Int) {
    let weights = Self.weights(centres)
    let expected = item.reference.run(
      Self.embeddings.map(Double.init), labels: Self.labels, weights: weights.map(Double.init),
      classes: Self.classes, centres: centres, width: Self.width)
    let outcome = run(
      Self.head(item.configuration, centres), Self.embeddings, labels: Self.labels,
      weights: weights, state: item.state)
    #expect(abs(outcome.value.lossSum / expected.loss - 1) < 5e-6)
    #expect(outcome.value.correctCount == expected.correctCount)
    #expect(abs(outcome.value.targetCosineSum - expected.targetCosineSum) < 1e-5)
    #expect(relativeError(outcome.embeddings, expected.embeddings) < 5e-5)
    #expect(relativeError(outcome.weights, expected.weights) < 5e-5)
    #expect(outcome.fencesStand)
  }

  /// Central differences of the reference's loss, which is smooth but where two centres are equally
  /// near.
  @Test func gradientOfTheReferenceIsItsDerivative() {
    let (rows, classes, centres, width) = (3, 4, 3, 5)
    let reference = MarginSoftmaxReference(.arcFace(0.5), scale: 8)
    let labels = [0, 3, 2]
    let x = normals(rows * width, seed: 5).map(Double.init)
    let w = normals(classes * centres * width, seed: 6).map(Double.init)
    func loss(_ x: [Double], _ w: [Double]) -> Double {
      reference.run(
        x, labels: labels, weights: w, classes: classes, centres: centres, width: width
      ).loss
    }
    let result = reference.run(
      x, labels: labels, weights: w, classes: classes, centres: centres, width: width)
    let h = 1e-6
    for i in w.indices {
      var (above, below) = (w, w)
      above[i] += h
      below[i] -= h
      let slope = (loss(x, above) - loss(x, below)) / (2 * h)
      #expect(abs(slope - result.weights[i]) < 1e-6 * max(1, abs(slope)))
    }
    for i in x.indices {
      var (above, below) = (x, x)
      above[i] += h
      below[i] -= h
      let slope = (loss(above, w) - loss(below, w)) / (2 * h)
      #expect(abs(slope - result.embeddings[i]) < 1e-6 * max(1, abs(slope)))
    }
  }

  /// One centre is what there was without any: also the configuration is.
  @Test func oneCentreIsNone() {
    for item in HeadCase.all {
      #expect(item.configuration.withSubCentres(1) == item.configuration)
    }
    let head = Self.head(.arcFace(), 1)
    #expect(head.rowCount == Self.classes && head.parameterCount == Self.classes * Self.width)
    #expect(Self.head(.arcFace(), 3).parameterCount == 3 * Self.classes * Self.width)
    #expect(Self.head(.arcFace(), 3).parameters[0].shape == [3 * Self.classes, Self.width])
  }

  /// Equal centres: the loss of one, and the gradient goes to the first alone.
  @Test(arguments: [2, 3, 8]) func copiesOfACentreAreOne(centres: Int) {
    let single = Self.weights(1)
    let copies = (0..<Self.classes).flatMap { own in
      (0..<centres).flatMap { _ in single[own * Self.width..<(own + 1) * Self.width] }
    }
    let one = run(Self.head(.arcFace(), 1), Self.embeddings, labels: Self.labels, weights: single)
    let all = run(
      Self.head(.arcFace(), centres), Self.embeddings, labels: Self.labels, weights: copies)
    #expect(abs(all.value.lossSum / one.value.lossSum - 1) < 1e-6)
    #expect(all.value.targetCosineSum == one.value.targetCosineSum)
    #expect(all.value.correctCount == one.value.correctCount)
    #expect(relativeError(all.embeddings, one.embeddings.map(Double.init)) < 1e-6)
    var firsts: [Float] = []
    for row in 0..<Self.classes * centres {
      let gradient = all.weights[row * Self.width..<(row + 1) * Self.width]
      if row % centres == 0 {
        firsts += gradient
      } else {
        #expect(gradient.allSatisfy { $0 == 0 })
      }
    }
    #expect(relativeError(firsts, one.weights.map(Double.init)) < 1e-6)
  }

  /// Ties in a row of scores go to the first, in rows of any length; nothing else is touched.
  @Test(arguments: 2...16) func theKernelKeepsTheGreatest(centres: Int) {
    let none = SubCentreKernel.none
    let random = CounterRandom(seed: 3, purpose: .testing)
    for classes in [1, 2, 3, 7, 8, 40, 41] {
      let count = classes * centres
      // Few different values, so that many are equal.
      var row = (0..<count).map { Float(random.integer($0, below: 5)) / 4 - 0.5 } + [-.infinity, 7]
      var expected = row
      for first in stride(from: 0, to: count, by: centres) {
        let own = row[first..<first + centres]
        let kept = own.firstIndex(of: own.max()!)!
        for place in own.indices where place != kept { expected[place] = none }
      }
      SubCentreKernel.keepNearest(of: &row, count: count, centres: centres)
      #expect(row == expected, "\(classes) classes")
    }
  }

  /// A row behind another is as it would be alone: what is looked at beside it does not count.
  @Test func theKernelLooksAtItsRowAlone() {
    var row: [Float] = [9, 9, 9, 0.1, 0.3, 0.2, -1, -1, -1, 0.5, 0.5, 0.4, 9, 9, 9]
    let none = SubCentreKernel.none
    row.withUnsafeMutableBufferPointer {
      SubCentreKernel.keepNearest(of: $0.baseAddress! + 3, count: 9, centres: 3)
    }
    #expect(row == [9, 9, 9, none, 0.3, none, -1, none, none, 0.5, none, none, 9, 9, 9])
  }

  /// Whole numbers of classes in a block, whatever the width and the centres.
  @Test(arguments: [2, 3, 5, 7, 16]) func blocksHoldWholeClasses(centres: Int) {
    for width in [12, 32, 128, 500, 512] {
      let blocks = HeadBlocks(classes: 100_003, dimension: width, centres: centres)
      var next = 0
      for rank in 0..<3 {
        let rows = blocks.classes(of: rank, ranks: 3)
        #expect(rows.lowerBound == next && rows.count % centres == 0)
        #expect(blocks.tiles(of: rows).allSatisfy { $0.lowerBound % centres == 0 })
        next = rows.upperBound
      }
      #expect(next == 100_003 * centres)
    }
  }
}
