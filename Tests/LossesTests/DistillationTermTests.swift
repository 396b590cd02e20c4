import CAllocations
import Losses
import TestSupport
import Testing

/// The term of a teacher against its formula in Double, and that against finite differences.
@Suite struct DistillationTermTests {
  struct Case: Sendable, CustomStringConvertible {
    var width: Int
    var teacherWidth: Int
    var rows: Int
    var description: String { "\(width) to \(teacherWidth), \(rows) rows" }
  }

  static let cases = [
    Case(width: 24, teacherWidth: 24, rows: 5), Case(width: 512, teacherWidth: 512, rows: 16),
    Case(width: 24, teacherWidth: 40, rows: 5), Case(width: 129, teacherWidth: 33, rows: 1),
    Case(width: 1, teacherWidth: 3, rows: 2), Case(width: 3, teacherWidth: 1, rows: 2),
  ]

  private struct Inputs {
    var embeddings: [Float]
    var targets: [Float]
    var map: [Float]

    init(_ item: Case) {
      embeddings = TestNumbers.normal(item.rows * item.width, seed: 1)
      targets = TestNumbers.normal(item.rows * item.teacherWidth, seed: 2)
      map = TestNumbers.normal(item.width * item.teacherWidth, seed: 3)
    }
  }

  private struct Outcome {
    var value: DistillationValue
    var embeddingGradient: [Float]
    var mapGradient: [Float]
  }

  private static func run(
    _ term: DistillationTerm, _ inputs: Inputs, rows: Int, addingTo before: [Float]
  ) -> Outcome {
    let (x, t) = (FencedFloats(inputs.embeddings), FencedFloats(inputs.targets))
    let map = FencedFloats(inputs.map)
    let gradient = FencedFloats(before)
    let mapGradient = FencedFloats(unwritten: term.parameterCount)
    let scratch = FencedFloats(unwritten: term.scratchCount(rows: rows), offset: 0)
    let value = term.run(
      x.pointer, targets: t.pointer, rows: rows, map: map.pointer, addingTo: gradient.pointer,
      mapGradient: mapGradient.pointer, scratch: scratch.pointer)
    return Outcome(
      value: value, embeddingGradient: gradient.values, mapGradient: mapGradient.values)
  }

  @Test(arguments: cases)
  func valueAndGradientsAreThoseOfTheFormula(item: Case) {
    let weight = 7.5
    let inputs = Inputs(item)
    let before = TestNumbers.normal(item.rows * item.width, seed: 4)
    let found = Self.run(
      DistillationTerm(width: item.width, teacherWidth: item.teacherWidth, weight: weight), inputs,
      rows: item.rows, addingTo: before)
    let expected = DistillationReference(
      width: item.width, teacherWidth: item.teacherWidth, weight: weight
    ).run(
      embeddings: inputs.embeddings.map(Double.init), targets: inputs.targets.map(Double.init),
      map: inputs.map.map(Double.init))
    #expect(found.value.count == item.rows)
    #expect(abs(found.value.cosineSum - expected.cosineSum) < 1e-5 * Double(item.rows))
    let largest = expected.embeddingGradient.map(abs).max() ?? 0
    for i in before.indices {
      let moved = Double(found.embeddingGradient[i]) - Double(before[i])
      #expect(abs(moved - expected.embeddingGradient[i]) < 1e-5 * (1 + largest), "\(i)")
    }
    guard item.width != item.teacherWidth else { return }
    let largestOfMap = expected.mapGradient.map(abs).max() ?? 0
    for (i, value) in found.mapGradient.enumerated() {
      #expect(abs(Double(value) - expected.mapGradient[i]) < 1e-5 * (1 + largestOfMap), "\(i)")
    }
  }

  @Test(arguments: [(6, 6), (6, 4), (4, 7)])
  func theFormulaHasTheSlopesOfItsDifferences(width: Int, teacherWidth: Int) {
    let item = Case(width: width, teacherWidth: teacherWidth, rows: 3)
    let inputs = Inputs(item)
    let reference = DistillationReference(width: width, teacherWidth: teacherWidth, weight: 3)
    let x = inputs.embeddings.map(Double.init)
    let (t, map) = (inputs.targets.map(Double.init), inputs.map.map(Double.init))
    let outcome = reference.run(embeddings: x, targets: t, map: map)
    let step = 1e-5
    func slope(_ change: (Double) -> (x: [Double], map: [Double])) -> Double {
      let (above, below) = (change(step), change(-step))
      let (one, other) = (
        reference.run(embeddings: above.x, targets: t, map: above.map).loss,
        reference.run(embeddings: below.x, targets: t, map: below.map).loss
      )
      return (one - other) / (2 * step)
    }
    for i in x.indices {
      let found = slope {
        var moved = x
        moved[i] += $0
        return (moved, map)
      }
      #expect(abs(found - outcome.embeddingGradient[i]) < 1e-7, "embedding \(i)")
    }
    guard width != teacherWidth else { return }
    for i in map.indices {
      let found = slope {
        var moved = map
        moved[i] += $0
        return (x, moved)
      }
      #expect(abs(found - outcome.mapGradient[i]) < 1e-7, "map \(i)")
    }
  }

  @Test func aSampleWithoutTargetCountsForNothing() {
    let item = Case(width: 24, teacherWidth: 24, rows: 5)
    let term = DistillationTerm(width: 24, teacherWidth: 24, weight: 2)
    var inputs = Inputs(item)
    let zeros = [Float](repeating: 0, count: 5 * 24)
    let all = Self.run(term, inputs, rows: 5, addingTo: zeros)
    for i in 2 * 24..<3 * 24 { inputs.targets[i] = 0 }
    let found = Self.run(term, inputs, rows: 5, addingTo: zeros)
    #expect(found.value.count == 4 && all.value.count == 5)
    for (i, value) in found.embeddingGradient.enumerated() {
      #expect(value == (i / 24 == 2 ? 0 : all.embeddingGradient[i]), "\(i)")
    }
  }

  @Test func aWeightOfZeroMeasuresAndMovesNothing() {
    let item = Case(width: 24, teacherWidth: 24, rows: 5)
    let inputs = Inputs(item)
    var before = TestNumbers.normal(5 * 24, seed: 4)
    before[3] = -0.0
    let found = Self.run(
      DistillationTerm(width: 24, teacherWidth: 24, weight: 0), inputs, rows: 5, addingTo: before)
    let other = Self.run(
      DistillationTerm(width: 24, teacherWidth: 24, weight: 1), inputs, rows: 5, addingTo: before)
    #expect(found.embeddingGradient.map(\.bitPattern) == before.map(\.bitPattern))
    #expect(found.value == other.value)
    #expect(other.embeddingGradient != before)
  }

  /// Lengths say nothing: a byte a number, scaled by the row, teaches what the floats do.
  @Test func theLengthOfATargetSaysNothing() {
    let item = Case(width: 24, teacherWidth: 24, rows: 5)
    let term = DistillationTerm(width: 24, teacherWidth: 24, weight: 2)
    var inputs = Inputs(item)
    let zeros = [Float](repeating: 0, count: 5 * 24)
    let one = Self.run(term, inputs, rows: 5, addingTo: zeros)
    inputs.targets = inputs.targets.map { $0 * 1024 }
    let other = Self.run(term, inputs, rows: 5, addingTo: zeros)
    #expect(other.embeddingGradient == one.embeddingGradient && other.value == one.value)
  }

  @Test(arguments: [24, 40]) func aStepAllocatesNothing(teacherWidth: Int) {
    let item = Case(width: 24, teacherWidth: teacherWidth, rows: 5)
    let term = DistillationTerm(width: 24, teacherWidth: teacherWidth, weight: 2)
    let inputs = Inputs(item)
    let (x, t) = (FencedFloats(inputs.embeddings), FencedFloats(inputs.targets))
    let map = FencedFloats(inputs.map)
    let gradient = FencedFloats(inputs.embeddings)
    let mapGradient = FencedFloats(unwritten: term.parameterCount)
    let scratch = FencedFloats(unwritten: term.scratchCount(rows: 5), offset: 0)
    let pointers = (
      x.pointer, t.pointer, map.pointer, gradient.pointer, mapGradient.pointer, scratch.pointer
    )
    func run() {
      _ = term.run(
        pointers.0, targets: pointers.1, rows: 5, map: pointers.2, addingTo: pointers.3,
        mapGradient: pointers.4, scratch: pointers.5)
    }
    run()
    callocations_watch()
    run()
    #expect(callocations_watched() == 0)
  }
}
