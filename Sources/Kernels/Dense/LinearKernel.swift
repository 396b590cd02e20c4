private import Preconditions

/// The fully connected layer y [N,O] = x [N,I] W^T + b with W [O][I], and products of the same
/// three forms in loss heads.
///
/// An element has the same bits in registers of either width, and with any number of rows and
/// outputs around it: `DotProducts` and `RowMajorGEMM` say in which order it is summed.
package enum LinearKernel {
  /// Computes `output` [N,O], whose rows are `outputStride` (O if nil) apart; `bias` [O] may be
  /// absent.
  package static func forward(
    _ input: UnsafePointer<Float>, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    rows: Int, inputs: Int, outputs: Int, into output: UnsafeMutablePointer<Float>,
    outputStride: Int? = nil, in registers: RegisterWidth = .chosen
  ) {
    check(rows, inputs, outputs)
    let stride = outputStride ?? outputs
    if let bias {
      for row in 0..<rows { (output + row * stride).update(from: bias, count: outputs) }
    }
    @inline(__always) func multiply<Lanes: Registers>(_ lanes: Lanes.Type) {
      Lanes.multiplyAlongRows(
        rows: rows, columns: outputs, depth: inputs, a: input, aStride: inputs, b: weights,
        bStride: inputs, into: output, cStride: stride, adding: bias != nil)
    }
    switch registers {
    case .eight: multiply(EightLanes.self)
    case .sixteen: multiply(SixteenLanes.self)
    }
  }

  /// The gradient of the input [N,I] from that of the output [N,O], whose rows are
  /// `outputStride` (O if nil) apart.
  package static func backwardInput(
    _ outputGradient: UnsafePointer<Float>, outputStride: Int? = nil,
    weights: UnsafePointer<Float>, rows: Int, inputs: Int, outputs: Int,
    into inputGradient: UnsafeMutablePointer<Float>, addingToInput: Bool = false,
    in registers: RegisterWidth = .chosen
  ) {
    check(rows, inputs, outputs)
    @inline(__always) func multiply<Lanes: Registers>(_ lanes: Lanes.Type) {
      RowMajorGEMM.multiply(
        rows: rows, columns: inputs, depth: outputs, a: outputGradient,
        aStride: outputStride ?? outputs, b: weights, bStride: inputs, into: inputGradient,
        cStride: inputs, adding: addingToInput, in: lanes)
    }
    switch registers {
    case .eight: multiply(EightLanes.self)
    case .sixteen: multiply(SixteenLanes.self)
    }
  }

  /// Overwrites the gradients of the weights [O][I] and, if there is one, of the bias [O]; rows of
  /// the output's gradient [N,O] are `outputStride` (O if nil) apart.
  package static func backwardWeights(
    _ outputGradient: UnsafePointer<Float>, outputStride: Int? = nil,
    input: UnsafePointer<Float>, rows: Int, inputs: Int, outputs: Int,
    into weightGradient: UnsafeMutablePointer<Float>,
    biasGradient: UnsafeMutablePointer<Float>?, in registers: RegisterWidth = .chosen
  ) {
    check(rows, inputs, outputs)
    let stride = outputStride ?? outputs
    @inline(__always) func multiply<Lanes: Registers>(_ lanes: Lanes.Type) {
      RowMajorGEMM.multiplyTransposed(
        rows: outputs, columns: inputs, depth: rows, a: outputGradient, aStride: stride, b: input,
        bStride: inputs, into: weightGradient, cStride: inputs, adding: false, in: lanes)
    }
    switch registers {
    case .eight: multiply(EightLanes.self)
    case .sixteen: multiply(SixteenLanes.self)
    }
    if let biasGradient {
      require(
        stride == outputs,
        "dense layer: the gradient of a bias [\(outputs)] from rows \(stride) apart")
      ColumnSums.write(outputGradient, rows: rows, columns: outputs, scale: 1, into: biasGradient)
    }
  }

  private static func check(_ rows: Int, _ inputs: Int, _ outputs: Int) {
    require(
      rows > 0 && inputs > 0 && outputs > 0,
      "dense layer of [\(rows),\(inputs)] and weights [\(outputs)][\(inputs)]: a matrix is empty")
  }
}
