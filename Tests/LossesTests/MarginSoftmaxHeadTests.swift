import Determinism
import Losses
import Testing
import TestSupport

@Suite struct MarginSoftmaxHeadTests {
  /// The first link: the reference's gradients against central differences of its loss.
  @Test(arguments: HeadCase.all.filter { !$0.reference.straightThrough })
  func referenceMatchesFiniteDifferences(_ item: HeadCase) {
    let (classes, width) = (5, 4)
    let labels = [0, 4, 2]
    let count = classes * width + (item.reference.hasBias ? classes : 0)
    let x = normals(labels.count * width, seed: 1).map(Double.init)
    let w = normals(count, seed: 2).map(Double.init)
    var reference = item.reference
    reference.norms = labels.indices.map { row in
      x[row * width..<(row + 1) * width].reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    func run(_ x: [Double], _ w: [Double]) -> MarginSoftmaxReference.Result {
      reference.run(x, labels: labels, weights: w, classes: classes, width: width)
    }
    let result = run(x, w)
    let h = 1e-6
    let scale = (result.embeddings + result.weights).map(abs).max()!
    func expect(
      _ gradients: [Double], at values: [Double], of what: String, loss: ([Double]) -> Double
    ) {
      for (i, gradient) in gradients.enumerated() {
        var (above, below) = (values, values)
        above[i] += h
        below[i] -= h
        let numeric = (loss(above) - loss(below)) / (2 * h)
        #expect(abs(numeric - gradient) < 1e-7 * scale, "\(what) \(i): \(numeric), \(gradient)")
      }
    }
    expect(result.embeddings, at: x, of: "embedding") { run($0, w).loss }
    expect(result.weights, at: w, of: "weight") { run(x, $0).loss }
  }

  /// The second link: the kernel against the reference over awkward shapes.
  @Test(
    arguments: HeadCase.all,
    [
      (1, 2, 3), (1, 9, 8), (2, 7, 5), (3, 17, 31), (5, 100, 33), (16, 37, 512), (4, 1000, 64),
      (3, 300, 511),
    ])
  func kernelMatchesReference(_ item: HeadCase, shape: (rows: Int, classes: Int, width: Int)) {
    let (rows, classes, width) = shape
    let head = MarginSoftmaxHead(
      configuration: item.configuration, classes: classes, dimension: width)
    let x = normals(rows * width, seed: 3, deviation: 0.7)
    let w = normals(head.parameterCount, seed: 4, deviation: 0.4)
    // The first and the last class among the labels.
    let labels = (0..<rows).map { $0 == 0 ? 0 : $0 == 1 ? classes - 1 : ($0 * 31) % classes }
    let expected = item.reference.run(
      x.map(Double.init), labels: labels, weights: w.map(Double.init), classes: classes,
      width: width)
    let outcome = run(head, x, labels: labels, weights: w, state: item.state)
    #expect(abs(outcome.value.lossSum / expected.loss - 1) < 3e-6)
    #expect(outcome.value.correctCount == expected.correctCount)
    #expect(abs(outcome.value.targetCosineSum - expected.targetCosineSum) < 1e-6 * Double(rows))
    #expect(relativeError(outcome.embeddings, expected.embeddings) < 2e-5)
    #expect(relativeError(outcome.weights, expected.weights) < 2e-5)
    #expect(outcome.fencesStand)
  }

  @Test(arguments: HeadCase.all)
  func fiveThousandClassesAtFullScale(_ item: HeadCase) {
    let (rows, classes, width) = (3, 5000, 48)
    let head = MarginSoftmaxHead(
      configuration: item.configuration, classes: classes, dimension: width)
    let w = normals(head.parameterCount, seed: 5, deviation: 0.01)
    // One sample near its class, one near another class, one anywhere.
    var x = normals(rows * width, seed: 6, deviation: 0.3)
    for k in 0..<width {
      x[k] = 40 * w[17 * width + k] + 0.05 * x[k]
      x[width + k] = 40 * w[18 * width + k] + 0.05 * x[width + k]
    }
    let labels = [17, 4999, 0]
    let expected = item.reference.run(
      x.map(Double.init), labels: labels, weights: w.map(Double.init), classes: classes,
      width: width)
    let outcome = run(head, x, labels: labels, weights: w, state: item.state)
    #expect(abs(outcome.value.lossSum / expected.loss - 1) < 3e-6)
    #expect(outcome.value.correctCount == expected.correctCount)
    if item.configuration.isNormalized { #expect(outcome.value.correctCount == 1) }
    #expect(relativeError(outcome.embeddings, expected.embeddings) < 3e-5)
    #expect(relativeError(outcome.weights, expected.weights) < 3e-5)
  }

  /// A tiny loss keeps its digits: 1 - p is never formed by subtraction from 1.
  @Test func smallLossesAreExact() {
    let head = MarginSoftmaxHead(
      configuration: .normalizedSoftmax(scale: 30), classes: 2, dimension: 2)
    // cosines 1 and -0.28: the loss is log(1 + e^(-38.4)) = e^(-38.4)
    let outcome = run(head, [3, 0], labels: [0], weights: [2, 0, -0.28, 0.96])
    #expect(abs(outcome.value.lossSum / 2.104_223_638e-17 - 1) < 1e-5)
    #expect(outcome.value.correctCount == 1)
  }

  /// Same and opposite directions, where 1 / sin(theta) is infinite.
  @Test(arguments: HeadCase.all, [Float(1), -1, 7, -0.001])
  func cosinesOfPlusAndMinusOneAreFinite(_ item: HeadCase, factor: Float) {
    let (classes, width) = (6, 19)
    let head = MarginSoftmaxHead(
      configuration: item.configuration, classes: classes, dimension: width)
    let w = normals(head.parameterCount, seed: 7)
    let label = 2
    let x = (0..<width).map { factor * w[label * width + $0] }
    let outcome = run(head, x, labels: [label], weights: w, state: item.state)
    #expect(outcome.value.lossSum.isFinite && outcome.value.lossSum >= 0)
    #expect(outcome.isFinite)
    #expect(abs(outcome.value.targetCosineSum - (factor > 0 ? 1 : -1)) < 1e-6)
    if item.configuration.isNormalized {
      // Each unit vector moves the loss by at most 2 scale (1 + 1.35); the norms divide.
      let norm = x.map { Double($0) * Double($0) }.reduce(0, +).squareRoot()
      let bound = 5 * item.configuration.scale
      #expect(outcome.embeddings.allSatisfy { abs(Double($0)) * norm < bound })
    }
  }

  /// PyTorch's normalize divides by 1e-12: a zero row gives zero cosines and huge, finite
  /// gradients.
  @Test func zeroRowsAreFinite() {
    let head = MarginSoftmaxHead(configuration: .arcFace(), classes: 4, dimension: 9)
    var w = normals(36, seed: 8)
    for k in 0..<9 { w[9 + k] = 0 }
    let outcome = run(
      head, [Float](repeating: 0, count: 9) + normals(9, seed: 9), labels: [3, 1], weights: w)
    #expect(outcome.value.lossSum.isFinite)
    #expect(outcome.value.correctCount == 0, "equal scores are not correct")
    #expect(outcome.isFinite)
  }

  @Test(arguments: HeadCase.all, [Float.nan, .infinity])
  func whatIsNotFiniteReachesTheLoss(_ item: HeadCase, poison: Float) {
    let head = MarginSoftmaxHead(configuration: item.configuration, classes: 11, dimension: 10)
    let w = normals(head.parameterCount, seed: 10)
    var x = normals(20, seed: 11)
    x[13] = poison
    let outcome = run(head, x, labels: [1, 2], weights: w, state: item.state)
    #expect(!(outcome.value.lossSum.isFinite && outcome.isFinite))
  }

  /// Margin warm-up: none of the margin is normalised softmax, half of it is half the margin.
  @Test func marginFactorScalesTheMargins() {
    let x = normals(3 * 12, seed: 12)
    let w = normals(9 * 12, seed: 13)
    func outcome(_ configuration: MarginSoftmaxConfiguration, _ factor: Float) -> HeadOutcome {
      run(
        MarginSoftmaxHead(configuration: configuration, classes: 9, dimension: 12), x,
        labels: [0, 8, 3], weights: w, marginFactor: factor)
    }
    let none = outcome(.normalizedSoftmax(), 1)
    for item in HeadCase.all where item.configuration.isNormalized {
      switch item.configuration.kind {
      // Hard negatives, norms, and what is no softmax are there without a margin too.
      case .curricularFace, .magFace, .uniFace: continue
      default: break
      }
      guard item.configuration.scale == 64, item.configuration.smoothing == 0 else { continue }
      let result = outcome(item.configuration, 0)
      #expect(abs(result.value.lossSum - none.value.lossSum) < 1e-9 * none.value.lossSum)
      #expect(relativeError(result.weights, none.weights.map(Double.init)) < 1e-6)
    }
    let pairs: [(MarginSoftmaxConfiguration, MarginSoftmaxConfiguration)] = [
      (.arcFace(margin: 0.5), .arcFace(margin: 0.25)),
      (.cosFace(margin: 0.4), .cosFace(margin: 0.2)),
      (.combined(m1: 1.5, m2: 0.5, m3: 0.25), .combined(m1: 1.25, m2: 0.25, m3: 0.125)),
    ]
    for (full, half) in pairs {
      let a = outcome(full, 0.5)
      let b = outcome(half, 1)
      #expect(a.value == b.value)
      #expect(a.weights == b.weights && a.embeddings == b.embeddings)
      #expect(a.value != outcome(full, 1).value)
    }
  }
}
