/// The fully connected layer y [N,O] = x [N,I] W^T + b with W [O][I], on OpenBLAS.
package enum LinearKernel {
  /// Up to so many rows are multiplied one by one: reading the weights for each is cheaper than
  /// packing them.
  private static let largestVectorCount = 3

  /// Computes `output` [N,O]; `bias` [O] may be absent.
  package static func forward(
    _ input: UnsafePointer<Float>, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    rows: Int, inputs: Int, outputs: Int, into output: UnsafeMutablePointer<Float>
  ) {
    if let bias {
      for row in 0..<rows { (output + row * outputs).update(from: bias, count: outputs) }
    }
    guard rows > largestVectorCount else {
      for row in 0..<rows {
        DenseProduct.multiply(
          weights, vector: input + row * inputs, rows: outputs, inner: inputs,
          adding: bias != nil, into: output + row * outputs)
      }
      return
    }
    DenseProduct.multiply(
      input, weights, transposeB: true, rows: rows, columns: outputs, inner: inputs,
      beta: bias == nil ? 0 : 1, into: output)
  }

  /// The gradient of the input [N,I] from that of the output [N,O].
  package static func backwardInput(
    _ outputGradient: UnsafePointer<Float>, weights: UnsafePointer<Float>, rows: Int, inputs: Int,
    outputs: Int, into inputGradient: UnsafeMutablePointer<Float>, addingToInput: Bool = false
  ) {
    DenseProduct.multiply(
      outputGradient, weights, rows: rows, columns: inputs, inner: outputs,
      beta: addingToInput ? 1 : 0, into: inputGradient)
  }

  /// Overwrites the gradients of the weights [O][I] and, if there is one, of the bias [O].
  package static func backwardWeights(
    _ outputGradient: UnsafePointer<Float>, input: UnsafePointer<Float>, rows: Int, inputs: Int,
    outputs: Int, into weightGradient: UnsafeMutablePointer<Float>,
    biasGradient: UnsafeMutablePointer<Float>?
  ) {
    DenseProduct.multiply(
      outputGradient, transposeA: true, input, rows: outputs, columns: inputs, inner: rows,
      into: weightGradient)
    if let biasGradient {
      ColumnSums.write(outputGradient, rows: rows, columns: outputs, scale: 1, into: biasGradient)
    }
  }
}
