internal import Kernels
internal import TestSupport

/// The three operations of a convolution at one shape.
struct ConvolutionCases {
  let shape: ConvolutionShape
  let rows: Int

  /// Forward, weight gradient and, but for the first layer, input gradient.
  var cases: [KernelCase] {
    var cases = [forward, backwardWeights]
    if shape.inputChannels != 3 { cases.append(backwardInput) }
    return cases
  }

  private var name: String {
    let stride = shape.stride == 1 ? "" : "/\(shape.stride)"
    return
      "conv \(shape.kernelHeight)x\(shape.kernelWidth)\(stride) \(shape.height)x\(shape.width) "
      + "\(shape.inputChannels)->\(shape.outputChannels)"
  }

  private var input: Int { rows * shape.inputCount }
  private var output: Int { rows * shape.outputCount }

  /// Multiply-adds of the products that the algorithm computes.
  private var neededMultiplyAdds: Double {
    Double(rows * ConvolutionPlan(shape, maximumRows: rows).algorithm.multiplyAdds(shape))
  }

  private func makeCase(
    _ operation: String, reads: Int, writes: Int,
    make: @escaping @Sendable (ConvolutionOperands) -> KernelTrial
  ) -> KernelCase {
    let (shape, rows) = (shape, rows)
    return KernelCase(
      "\(name) \(operation)", multiplyAdds: Double(rows * shape.multiplyAdds),
      needing: neededMultiplyAdds, reads: reads,
      writes: writes, tolerance: 2e-5
    ) { make(ConvolutionOperands(shape, rows: rows)) }
  }

  private var forward: KernelCase {
    makeCase("forward", reads: input + shape.weightCount, writes: output) { operands in
      let y = Floats(operands.rows * operands.shape.outputCount)
      let sums = Doubles(2 * operands.shape.outputChannels)
      let run = {
        ConvolutionKernel.forward(
          operands.x.constant, rows: operands.rows, weights: operands.weights.constant,
          plan: operands.plan, into: y.pointer, statistics: sums.pointer,
          scratch: operands.scratch.pointer)
      }
      return KernelTrial(run: run) {
        run()
        let exact = operands.reference.forward(
          operands.image, weights: doubles(operands.logicalWeights))
        let own = referenceSums(exact, channels: operands.shape.outputChannels)
        let wholeSums = own.map { $0 * operands.repeats }
        return max(
          operands.error(of: y, exact),
          worstError(sums.values.map { Float($0) }, wholeSums))
      }
    }
  }

  private var backwardInput: KernelCase {
    makeCase("input gradient", reads: output + shape.weightCount, writes: input) { operands in
      let dx = Floats(operands.rows * operands.shape.inputCount)
      let run = {
        ConvolutionKernel.backwardInput(
          operands.dy.constant, rows: operands.rows, weights: operands.weights.constant,
          plan: operands.plan, into: dx.pointer, adding: false,
          scratch: operands.scratch.pointer)
      }
      return KernelTrial(run: run) {
        run()
        return operands.error(
          of: dx,
          operands.reference.backwardInput(
            operands.gradient, weights: doubles(operands.logicalWeights)))
      }
    }
  }

  private var backwardWeights: KernelCase {
    makeCase("weight gradient", reads: input + output, writes: shape.weightCount) { operands in
      let dw = Floats(operands.shape.weightCount)
      let run = {
        ConvolutionKernel.backwardWeights(
          operands.dy.constant, input: operands.x.constant, rows: operands.rows,
          plan: operands.plan, into: dw.pointer, scratch: operands.scratch.pointer)
      }
      return KernelTrial(run: run) {
        run()
        let logical = Floats(dw.count)
        ConvolutionWeights.unpack(dw.constant, shape: operands.shape, into: logical.pointer)
        let exact = operands.reference.backwardWeights(operands.gradient, input: operands.image)
        return worstError(logical.values, exact.map { $0 * operands.repeats })
      }
    }
  }
}

/// Operands of one convolution whose images are one and the same, so that the reference needs but
/// one of them.
struct ConvolutionOperands {
  let shape: ConvolutionShape
  let rows: Int
  let plan: ConvolutionPlan
  let x, dy, weights, scratch: Floats
  let logicalWeights: [Float]
  let image, gradient: [Double]

  init(_ shape: ConvolutionShape, rows: Int) {
    self.shape = shape
    self.rows = rows
    plan = ConvolutionPlan(shape, maximumRows: rows)
    let image = Noise.floats(shape.inputCount, 1, mean: 0.25)
    let gradient = Noise.floats(shape.outputCount, 2)
    let logical = Noise.floats(shape.weightCount, 3, spread: 0.1)
    logicalWeights = logical
    self.image = doubles(image)
    self.gradient = doubles(gradient)
    x = Floats(image, repeatedTo: rows * image.count)
    dy = Floats(gradient, repeatedTo: rows * gradient.count)
    weights = Floats(shape.weightCount)
    ConvolutionWeights.pack(logical, shape: shape, into: weights.pointer)
    scratch = Floats(plan.scratchCount)
  }

  var repeats: Double { Double(rows) }

  var reference: ConvolutionReference {
    ConvolutionReference(
      rows: 1, height: shape.height, width: shape.width, inputChannels: shape.inputChannels,
      outputChannels: shape.outputChannels, kernelHeight: shape.kernelHeight,
      kernelWidth: shape.kernelWidth, stride: shape.stride, paddingHeight: shape.paddingHeight,
      paddingWidth: shape.paddingWidth)
  }

  /// The worst error of any image of `values` against `exact`, that of one.
  func error(of values: Floats, _ exact: [Double]) -> Double {
    (0..<rows).map { row in
      worstError(
        Array(
          UnsafeBufferPointer(start: values.pointer + row * exact.count, count: exact.count)),
        exact)
    }.max()!
  }
}
