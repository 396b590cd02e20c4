private import Kernels
private import Preconditions

/// A term beside the loss, or alone: weight x (1 - cosine) between the embedding of a sample and a
/// teacher's (Keras_insightface, "Knowledge distillation").
///
/// Where the widths differ the embedding goes through a linear map first, [teacherWidth, width]
/// row by row, which is trained and no part of the network. One thread runs one microbatch; all
/// memory is the caller's. Results depend on the microbatch and the map alone.
package struct DistillationTerm: Sendable, Equatable {
  /// Numbers of an embedding of the network.
  package let width: Int
  /// Numbers of an embedding of the teacher.
  package let teacherWidth: Int
  /// The factor of 1 - cosine; 0 measures the cosine and moves nothing.
  package let weight: Double

  /// A term for embeddings of `width` numbers and a teacher of `teacherWidth`.
  package init(width: Int, teacherWidth: Int, weight: Double) {
    require(
      width >= 1 && teacherWidth >= 1 && weight >= 0 && weight.isFinite
        && (weight > 0 || width == teacherWidth),
      "DistillationTerm: widths \(width) and \(teacherWidth) with the weight \(weight)")
    self.width = width
    self.teacherWidth = teacherWidth
    self.weight = weight
  }

  /// Whether embeddings go through a map.
  package var hasMap: Bool { width != teacherWidth }

  /// Floats of the map; 0 without one.
  package var parameterCount: Int { hasMap ? width * teacherWidth : 0 }

  /// The deviation of the map's first values, by which lengths stay about what they are.
  package var mapDeviation: Double { 1 / Double(width).squareRoot() }

  /// Floats of scratch that `run` needs for a microbatch of `rows` samples.
  package func scratchCount(rows: Int) -> Int {
    rows * ((hasMap ? 3 : 2) * teacherWidth + 2)
  }

  /// Adds the derivatives of the SUM of the samples' terms to `embeddingGradient` [rows, width] and
  /// overwrites `mapGradient` [parameterCount] with them.
  ///
  /// `embeddings` are [rows, width], `targets` [rows, teacherWidth] of any length; a sample whose
  /// target is all 0 has none and counts for nothing. `scratch` holds `scratchCount(rows:)` floats.
  package func run(
    _ embeddings: UnsafePointer<Float>, targets: UnsafePointer<Float>, rows: Int,
    map: UnsafePointer<Float>, addingTo embeddingGradient: UnsafeMutablePointer<Float>,
    mapGradient: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) -> DistillationValue {
    let units = scratch
    let gradients = units + rows * teacherWidth
    let inverseNorms = gradients + rows * teacherWidth
    let factors = inverseNorms + rows
    var seen = embeddings
    if hasMap {
      let mapped = factors + rows
      LinearKernel.forward(
        embeddings, weights: map, bias: nil, rows: rows, inputs: width, outputs: teacherWidth,
        into: mapped)
      seen = UnsafePointer(mapped)
    }
    NormalizeKernel.inverseNorms(of: targets, rows: rows, width: teacherWidth, into: factors)
    var value = DistillationValue()
    for row in 0..<rows {
      guard factors[row] < 1 / NormalizeKernel.smallestNorm else {
        factors[row] = 0
        continue
      }
      factors[row] *= -Float(weight)
      value.count += 1
      value.cosineSum += NormalizeKernel.cosine(
        seen + row * teacherWidth, targets + row * teacherWidth, count: teacherWidth)
    }
    guard weight > 0 else { return value }
    NormalizeKernel.inverseNorms(of: seen, rows: rows, width: teacherWidth, into: inverseNorms)
    NormalizeKernel.scaleRows(
      of: seen, by: inverseNorms, rows: rows, width: teacherWidth, into: units)
    NormalizeKernel.scaleRows(
      of: targets, by: factors, rows: rows, width: teacherWidth, into: gradients)
    NormalizeKernel.backward(
      gradients, at: units, inverseNorms: inverseNorms, rows: rows, width: teacherWidth)
    if hasMap {
      LinearKernel.backwardWeights(
        gradients, input: embeddings, rows: rows, inputs: width, outputs: teacherWidth,
        into: mapGradient, biasGradient: nil)
      LinearKernel.backwardInput(
        gradients, weights: map, rows: rows, inputs: width, outputs: teacherWidth,
        into: embeddingGradient, addingToInput: true)
    } else {
      NormalizeKernel.addColumns(
        gradients, rows: 1, width: rows * width, addingTo: embeddingGradient)
    }
    return value
  }
}

/// What the term found out about one microbatch: sums over its samples, divided by nothing.
package struct DistillationValue: Sendable, Equatable {
  /// Of the cosines between embeddings, mapped where there is a map, and the teacher's.
  package var cosineSum = 0.0
  /// Samples that the teacher has something to say of.
  package var count = 0

  /// Nothing yet.
  package init() {}
}
