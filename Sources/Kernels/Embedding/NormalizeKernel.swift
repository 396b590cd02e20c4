/// Rows scaled to unit length, x / max(||x||, 1e-12) (PyTorch's `normalize`), and the adjoint.
package enum NormalizeKernel {
  /// Lengths below this are taken for it, and then the scale does not depend on the row.
  package static let smallestNorm: Float = 1e-12

  /// Overwrites `inverseNorms` [rows] with 1 / max(||row||, 1e-12) of each row of `matrix`
  /// [rows, width].
  package static func inverseNorms(
    of matrix: UnsafePointer<Float>, rows: Int, width: Int,
    into inverseNorms: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      let values = matrix + row * width
      let square = dot(values, values, count: width)
      inverseNorms[row] = 1 / max(square.squareRoot(), smallestNorm)
    }
  }

  /// Overwrites `result` [rows, width] with the rows of `matrix` times `factors` [rows].
  package static func scaleRows(
    of matrix: UnsafePointer<Float>, by factors: UnsafePointer<Float>, rows: Int, width: Int,
    into result: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      multiply(matrix + row * width, by: factors[row], count: width, into: result + row * width)
    }
  }

  /// Multiplies every row of `matrix` [rows, width] by `factors` [width], in place.
  package static func scaleColumns(
    of matrix: UnsafeMutablePointer<Float>, by factors: UnsafePointer<Float>, rows: Int, width: Int
  ) {
    for row in 0..<rows {
      let values = matrix + row * width
      var j = 0
      while j + 8 <= width {
        (Vector8(values + j, count: 8) * Vector8(factors + j, count: 8)).store(values + j, count: 8)
        j += 8
      }
      while j < width {
        values[j] *= factors[j]
        j += 1
      }
    }
  }

  /// Adds the rows of `addends` [rows, width] times `factors` [rows] to those of `matrix`
  /// [rows, width].
  package static func addRows(
    _ addends: UnsafePointer<Float>, times factors: UnsafePointer<Float>, rows: Int, width: Int,
    addingTo matrix: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      subtract(
        addends + row * width, times: -factors[row], count: width, from: matrix + row * width)
    }
  }

  /// Adds `addends` [width] to every row of `matrix` [rows, width].
  package static func addColumns(
    _ addends: UnsafePointer<Float>, rows: Int, width: Int,
    addingTo matrix: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      subtract(addends, times: -1, count: width, from: matrix + row * width)
    }
  }

  /// Overwrites `sums` [width] with the sums over the rows of `matrix` [rows, width], in order.
  package static func sumColumns(
    of matrix: UnsafePointer<Float>, rowStep: Int? = nil, rows: Int, width: Int,
    into sums: UnsafeMutablePointer<Float>
  ) {
    sums.update(repeating: 0, count: width)
    for row in 0..<rows {
      subtract(matrix + row * (rowStep ?? width), times: -1, count: width, from: sums)
    }
  }

  /// Turns the gradient at unit rows into the gradient at the raw rows, in place:
  /// g becomes (g - (g . unit) unit) * inverseNorm, [rows, width].
  ///
  /// A row shorter than 1e-12 was multiplied by a constant, so only the scale applies.
  package static func backward(
    _ gradients: UnsafeMutablePointer<Float>, at units: UnsafePointer<Float>,
    inverseNorms: UnsafePointer<Float>, rows: Int, width: Int
  ) {
    for row in 0..<rows {
      let gradient = gradients + row * width
      let unit = units + row * width
      if !isConstantScale(inverseNorms[row]) {
        let projection = dot(gradient, unit, count: width)
        subtract(unit, times: projection, count: width, from: gradient)
      }
      multiply(gradient, by: inverseNorms[row], count: width, into: gradient)
    }
  }

  /// Takes out of each class's gradient the part along its own weights: row j of `gradients`
  /// [rows, width] loses projections[j] * inverseNorms[j]^2 * row j of `weights`.
  package static func removeProjections(
    _ projections: UnsafePointer<Float>, inverseNorms: UnsafePointer<Float>,
    along weights: UnsafePointer<Float>, rows: Int, width: Int,
    from gradients: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows where !isConstantScale(inverseNorms[row]) {
      let factor = projections[row] * inverseNorms[row] * inverseNorms[row]
      subtract(weights + row * width, times: factor, count: width, from: gradients + row * width)
    }
  }

  /// The cosine of the angle between `a` and `b` [count], in Double; lengths are at least 1e-12.
  package static func cosine(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int
  ) -> Double {
    var product = SIMD8<Double>(repeating: 0)
    var squareA = SIMD8<Double>(repeating: 0)
    var squareB = SIMD8<Double>(repeating: 0)
    var i = 0
    while i < count {
      let rest = count - i
      let x = SIMD8<Double>(
        rest >= 8 ? Vector8(a + i, count: 8) : Vector8(a + i, count: rest))
      let y = SIMD8<Double>(
        rest >= 8 ? Vector8(b + i, count: 8) : Vector8(b + i, count: rest))
      product.addProduct(x, y)
      squareA.addProduct(x, x)
      squareB.addProduct(y, y)
      i += 8
    }
    let smallest = Double(smallestNorm)
    let normA = max(squareA.sum().squareRoot(), smallest)
    let normB = max(squareB.sum().squareRoot(), smallest)
    return product.sum() / (normA * normB)
  }

  @inline(__always)
  private static func isConstantScale(_ inverseNorm: Float) -> Bool {
    inverseNorm >= 1 / smallestNorm
  }

  private static func dot(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int
  ) -> Float {
    var a = SIMD8<Float>(repeating: 0)
    var b = a
    var c = a
    var d = a
    var i = 0
    while i + 32 <= count {
      a.addProduct(Vector8(x + i, count: 8), Vector8(y + i, count: 8))
      b.addProduct(Vector8(x + i + 8, count: 8), Vector8(y + i + 8, count: 8))
      c.addProduct(Vector8(x + i + 16, count: 8), Vector8(y + i + 16, count: 8))
      d.addProduct(Vector8(x + i + 24, count: 8), Vector8(y + i + 24, count: 8))
      i += 32
    }
    while i + 8 <= count {
      a.addProduct(Vector8(x + i, count: 8), Vector8(y + i, count: 8))
      i += 8
    }
    if i < count {
      b.addProduct(
        Vector8(x + i, count: count - i), Vector8(y + i, count: count - i))
    }
    return ((a + b) + (c + d)).sum()
  }

  private static func multiply(
    _ x: UnsafePointer<Float>, by factor: Float, count: Int,
    into result: UnsafeMutablePointer<Float>
  ) {
    let factors = SIMD8<Float>(repeating: factor)
    var i = 0
    while i + 8 <= count {
      (Vector8(x + i, count: 8) * factors).store(result + i, count: 8)
      i += 8
    }
    while i < count {
      result[i] = x[i] * factor
      i += 1
    }
  }

  private static func subtract(
    _ x: UnsafePointer<Float>, times factor: Float, count: Int,
    from result: UnsafeMutablePointer<Float>
  ) {
    let factors = SIMD8<Float>(repeating: -factor)
    var i = 0
    while i + 8 <= count {
      Vector8(result + i, count: 8).addingProduct(Vector8(x + i, count: 8), factors).store(
        result + i, count: 8)
      i += 8
    }
    while i < count {
      result[i] = result[i].addingProduct(x[i], -factor)
      i += 1
    }
  }
}
