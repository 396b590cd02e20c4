import Determinism
import Foundation
import Optimizers
import Testing

/// Parameters, gradients and state of one optimizer, driven as a trainer would.
private struct Bench {
  let optimizer: any Optimizer
  let groups: ParameterGroups
  var parameters: [Float]
  var state: [Float]

  init(_ optimizer: any Optimizer, _ groups: ParameterGroups, start: [Float]) {
    self.optimizer = optimizer
    self.groups = groups
    parameters = start
    state = [Float](
      repeating: optimizer.initialState, count: optimizer.stateNames.count * groups.count)
  }

  mutating func step(
    _ index: Int, _ gradients: [Float], rates: LearningRates, gradientScale: Float = 1,
    cuts: [Range<Int>]? = nil
  ) {
    var factors = [Float](repeating: .nan, count: groups.tensors.count)
    if let lars = optimizer as? LARS {
      let blocks = TensorBlocks(groups)
      var parameterSums = [Double](repeating: .nan, count: blocks.count)
      var gradientSums = parameterSums
      blocks.sumsOfSquares(of: parameters, in: 0..<blocks.count, into: &parameterSums)
      blocks.sumsOfSquares(of: gradients, in: 0..<blocks.count, into: &gradientSums)
      lars.tensorFactors(
        parameterSums: parameterSums, gradientSums: gradientSums, blocks: blocks, of: groups,
        gradientScale: gradientScale, into: &factors)
    }
    factors.withUnsafeBufferPointer { factors in
      let step = OptimizerStep(
        index: index, rates: rates, gradientScale: gradientScale,
        tensorFactors: factors.baseAddress!)
      for range in cuts ?? [0..<groups.count] {
        optimizer.update(
          &parameters, along: gradients, state: &state, in: range, of: groups, at: step)
      }
    }
  }
}

@Suite struct OptimizerTests {
  /// scripts/golden/optimizers.py
  private struct Golden: Decodable {
    struct Case: Decodable {
      let kind, name: String
      let rate, headRate, weightDecay, momentum, rateDecay, accumulator, trust: Double
      let nesterov: Bool
      let betas: [Double]
      let parameters: [String: [Double]]
      let state: [[Double]]

      var optimizer: (any Optimizer)? {
        switch kind {
        case "sgd": return SGD(momentum: momentum, weightDecay: weightDecay, nesterov: nesterov)
        case "adagrad":
          return AdaGrad(
            rateDecay: rateDecay, weightDecay: weightDecay, initialAccumulator: accumulator)
        case "adamw": return AdamW(beta1: betas[0], beta2: betas[1], weightDecay: weightDecay)
        case "lars": return LARS(trust: trust, momentum: momentum, weightDecay: weightDecay)
        default: return nil
        }
      }
    }
    let start: [Float]
    let gradients: [[Float]]
    let cases: [Case]
  }

  private static let groups = ParameterGroups(
    [
      .init(range: 0..<11, part: .backbone, decays: true),
      .init(range: 11..<15, part: .backbone, decays: false),
      .init(range: 15..<19, part: .head, decays: true),
    ], count: 19)

  private static func golden() throws -> Golden {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Golden/optimizers.json")
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
  }

  @Test func tracesOfTwentyStepsMatchPyTorch() throws {
    let golden = try Self.golden()
    #expect(golden.cases.count == 9)
    for item in golden.cases {
      var bench = Bench(try #require(item.optimizer), Self.groups, start: golden.start)
      for step in 0..<20 {
        let decay = 1 - Double(step) / 40
        bench.step(
          step, golden.gradients[step],
          rates: LearningRates(backbone: item.rate * decay, head: item.headRate * decay))
        if let expected = item.parameters["\(step + 1)"] {
          let error = zip(bench.parameters, expected).map { abs(Double($0) - $1) }.max()!
          #expect(error < 2e-6, "\(item.name), step \(step + 1)")
        }
      }
      for (index, expected) in item.state.enumerated() {
        let values = bench.state[(index * 19)..<((index + 1) * 19)]
        let error = zip(values, expected).map { abs(Double($0) - $1) }.max()!
        #expect(error < 2e-6, "\(item.name), state \(index)")
      }
      // The trace tells rates, decay and parts apart: it moved, and by more than the tolerance.
      #expect(item.parameters.count == 4)
      #expect(zip(bench.parameters, golden.start).allSatisfy { abs($0 - $1) > 1e-4 })
    }
  }

  private static let all: [any Optimizer] = [
    SGD(weightDecay: 5e-4), SGD(weightDecay: 1e-3, nesterov: true), AdaGrad(weightDecay: 1e-3),
    AdamW(weightDecay: 0.1), LARS(weightDecay: 1e-3),
  ]

  /// Tensors of awkward sizes with gaps between some of them.
  private static let uneven: ParameterGroups = {
    var tensors: [ParameterGroups.Tensor] = []
    var place = 0
    for (index, size) in [1, 7, 8, 9, 64, 100, 3, 257, 31, 500].enumerated() {
      tensors.append(
        .init(
          range: place..<(place + size), part: index < 7 ? .backbone : .head,
          decays: index % 3 != 1))
      place += size + (index % 4 == 3 ? 5 : 0)
    }
    return ParameterGroups(tensors, count: place + 4)
  }()

  private static func normals(_ count: Int, seed: UInt64) -> [Float] {
    let random = CounterRandom(seed: seed, purpose: .testing)
    return (0..<count).map { Float(0.3 * random.normal($0)) }
  }

  @Test(arguments: all.indices)
  func everyCutIntoRangesGivesTheSameBits(index: Int) {
    let groups = Self.uneven
    let start = Self.normals(groups.count, seed: 1)
    let rates = LearningRates(backbone: 0.1, head: 0.03)
    var whole = Bench(Self.all[index], groups, start: start)
    var cut = whole
    var shifted = whole
    let random = CounterRandom(seed: 2, purpose: .testing)
    for step in 0..<5 {
      let gradients = Self.normals(groups.count, seed: UInt64(10 + step))
      whole.step(step, gradients, rates: rates, gradientScale: 0.7)
      // Random cuts, taken in reverse; then one element at a time.
      let inner = (0..<9).map { random.integer(step * 9 + $0, below: groups.count) }
      let ends = ([0, groups.count] + inner).sorted()
      let ranges = zip(ends, ends.dropFirst()).map { $0..<$1 }
      cut.step(step, gradients, rates: rates, gradientScale: 0.7, cuts: ranges.reversed())
      shifted.step(
        step, gradients, rates: rates, gradientScale: 0.7,
        cuts: (0..<groups.count).map { $0..<($0 + 1) })
    }
    for other in [cut, shifted] {
      #expect(other.parameters.map(\.bitPattern) == whole.parameters.map(\.bitPattern))
      #expect(other.state.map(\.bitPattern) == whole.state.map(\.bitPattern))
    }
    let inside = Set(groups.tensors.flatMap { Array($0.range) })
    for i in 0..<groups.count {
      #expect((whole.parameters[i] == start[i]) == !inside.contains(i), "element \(i)")
    }
  }

  @Test(arguments: all.indices)
  func gradientScaleEqualsScaledGradients(index: Int) {
    let groups = Self.uneven
    let start = Self.normals(groups.count, seed: 3)
    let gradients = Self.normals(groups.count, seed: 4)
    let rates = LearningRates(backbone: 0.1, head: 0.03)
    var a = Bench(Self.all[index], groups, start: start)
    var b = a
    for step in 0..<3 {
      a.step(step, gradients, rates: rates, gradientScale: 0.25)
      b.step(step, gradients.map { $0 * 0.25 }, rates: rates)
    }
    #expect(a.parameters == b.parameters)
    #expect(a.state == b.state)
  }

  @Test func factorsOfLARSFollowTheFormula() {
    // One tensor of several blocks, one without decay, one of zeros, one without gradient.
    let sizes = [150_000, 10, 5, 6]
    var tensors: [ParameterGroups.Tensor] = []
    var place = 0
    for (index, size) in sizes.enumerated() {
      tensors.append(.init(range: place..<(place + size), part: .backbone, decays: index != 1))
      place += size
    }
    let groups = ParameterGroups(tensors, count: place)
    let blocks = TensorBlocks(groups)
    #expect(blocks.ranges[..<3] == [0..<65_536, 65_536..<131_072, 131_072..<150_000])
    #expect(blocks.count == 6)
    var parameters = Self.normals(place, seed: 5)
    var gradients = Self.normals(place, seed: 6)
    for i in tensors[2].range { parameters[i] = 0 }
    for i in tensors[3].range { gradients[i] = 0 }
    func sums(_ vector: [Float], _ order: [Range<Int>]) -> [Double] {
      var result = [Double](repeating: .nan, count: blocks.count)
      for part in order { blocks.sumsOfSquares(of: vector, in: part, into: &result) }
      return result
    }
    #expect(sums(gradients, [0..<6]) == sums(gradients, [4..<6, 1..<4, 0..<1]))
    func factors(_ lars: LARS) -> [Float] {
      var result = [Float](repeating: .nan, count: 4)
      lars.tensorFactors(
        parameterSums: sums(parameters, [0..<6]), gradientSums: sums(gradients, [0..<6]),
        blocks: blocks, of: groups, gradientScale: 0.5, into: &result)
      return result
    }
    func norm(_ vector: [Float], _ range: Range<Int>) -> Double {
      vector[range].map { Double($0) * Double($0) }.reduce(0, +).squareRoot()
    }
    let (w, g) = (norm(parameters, tensors[0].range), 0.5 * norm(gradients, tensors[0].range))
    let expected = 0.02 * w / (g + 1e-3 * w + 1e-8)
    let result = factors(LARS(trust: 0.02, weightDecay: 1e-3))
    #expect(abs(Double(result[0]) / expected - 1) < 1e-7)
    #expect(result[1...] == [1, 1, 1])
    let (w1, g1) = (norm(parameters, tensors[1].range), 0.5 * norm(gradients, tensors[1].range))
    let adapted = factors(LARS(trust: 0.02, weightDecay: 1e-3, adaptsUndecayed: true))
    #expect(abs(Double(adapted[1]) / (0.02 * w1 / (g1 + 1e-8)) - 1) < 1e-7)
    #expect(adapted[2...] == [1, 1])
    let total = norm(gradients, 0..<place)
    #expect(abs(blocks.norm(from: sums(gradients, [0..<6])) / total - 1) < 1e-12)
  }

  /// scripts/golden/clipping.py
  private struct Clipped: Decodable {
    struct Case: Decodable {
      let limit, norm: Double
      let gradient, clipped: [Double]
    }
    let cases: [Case]
  }

  @Test func clippingIsThatOfPyTorch() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Golden/clipping.json")
    let golden = try JSONDecoder().decode(Clipped.self, from: Data(contentsOf: file))
    #expect(golden.cases.count == 8)
    for item in golden.cases {
      let norm = item.gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(norm - item.norm) <= 1e-14 * norm)
      let scale = GradientClipping(maximumNorm: item.limit).scale(norm: norm)
      let isClose = zip(item.gradient, item.clipped).allSatisfy {
        abs($0 * scale - $1) <= 1e-12 * abs($1)
      }
      #expect(isClose, "norm \(norm), limit \(item.limit)")
    }
    // Some are clipped, some are not, and one only by what PyTorch adds to the norm.
    let shares = golden.cases.map { $0.norm == 0 ? 1 : $0.clipped[0] / $0.gradient[0] }
    #expect(shares.contains(1) && shares.contains { $0 < 0.01 })
    #expect(shares.contains { $0 < 1 && $0 > 1 - 1e-6 })
  }
}
