/// The term of a teacher in Double, as its formula has it: weight x (1 - cosine) of the mapped
/// embedding and the teacher's.
package struct DistillationReference {
  package var width: Int
  package var teacherWidth: Int
  package var weight: Double

  /// A term for embeddings of `width` numbers and a teacher of `teacherWidth`.
  package init(width: Int, teacherWidth: Int, weight: Double) {
    self.width = width
    self.teacherWidth = teacherWidth
    self.weight = weight
  }

  /// What the term is of a microbatch, with its derivatives.
  package struct Outcome {
    /// Of the sum over the rows.
    package var loss = 0.0
    package var cosineSum = 0.0
    package var embeddingGradient: [Double]
    package var mapGradient: [Double]
  }

  private func mapped(_ x: ArraySlice<Double>, by map: [Double]) -> [Double] {
    guard width != teacherWidth else { return Array(x) }
    return (0..<teacherWidth).map { row in
      zip(map[row * width..<(row + 1) * width], x).reduce(0) { $0 + $1.0 * $1.1 }
    }
  }

  private func norm(_ x: some Sequence<Double>) -> Double {
    x.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  /// The term of `embeddings` [rows, width] with `targets` [rows, teacherWidth] and the map
  /// [teacherWidth, width].
  package func run(embeddings: [Double], targets: [Double], map: [Double]) -> Outcome {
    var outcome = Outcome(
      embeddingGradient: Array(repeating: 0, count: embeddings.count),
      mapGradient: Array(repeating: 0, count: map.count))
    for row in 0..<embeddings.count / width {
      let x = embeddings[row * width..<(row + 1) * width]
      let t = targets[row * teacherWidth..<(row + 1) * teacherWidth]
      guard norm(t) > 0 else { continue }
      let y = mapped(x, by: map)
      let (length, other) = (norm(y), norm(t))
      let cosine = zip(y, t).reduce(0) { $0 + $1.0 * $1.1 } / (length * other)
      outcome.cosineSum += cosine
      outcome.loss += weight * (1 - cosine)
      let gradient = zip(y, t).map { -weight * ($1 / other - cosine * $0 / length) / length }
      for i in 0..<width {
        if width == teacherWidth {
          outcome.embeddingGradient[row * width + i] = gradient[i]
          continue
        }
        for j in 0..<teacherWidth {
          outcome.embeddingGradient[row * width + i] += gradient[j] * map[j * width + i]
          outcome.mapGradient[j * width + i] += gradient[j] * x[row * width + i]
        }
      }
    }
    return outcome
  }
}
