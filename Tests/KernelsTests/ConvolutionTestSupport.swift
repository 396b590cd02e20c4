import Determinism
import Kernels
import TestSupport

/// One convolution with random operands, as reference and as plan.
struct ConvolutionCase: Sendable, CustomStringConvertible {
  let reference: ConvolutionReference

  /// Sizes [height, width], channels [C, K], kernel [R, S], stride, padding [height, width],
  /// images.
  init(
    _ size: (Int, Int), _ channels: (Int, Int), _ kernel: (Int, Int), stride: Int = 1,
    padding: (Int, Int), rows: Int
  ) {
    reference = ConvolutionReference(
      rows: rows, height: size.0, width: size.1, inputChannels: channels.0,
      outputChannels: channels.1, kernelHeight: kernel.0, kernelWidth: kernel.1, stride: stride,
      paddingHeight: padding.0, paddingWidth: padding.1)
  }

  var shape: ConvolutionShape {
    ConvolutionShape(
      height: reference.height, width: reference.width, inputChannels: reference.inputChannels,
      outputChannels: reference.outputChannels, kernelHeight: reference.kernelHeight,
      kernelWidth: reference.kernelWidth, stride: reference.stride,
      paddingHeight: reference.paddingHeight, paddingWidth: reference.paddingWidth)
  }

  var plan: ConvolutionPlan { plan(.float32) }

  func plan(_ precision: Precision) -> ConvolutionPlan {
    ConvolutionPlan(shape, maximumRows: reference.rows, precision: precision)
  }

  var description: String {
    let r = reference
    return "\(r.rows)x\(r.height)x\(r.width) \(r.inputChannels)->\(r.outputChannels) "
      + "\(r.kernelHeight)x\(r.kernelWidth) /\(r.stride) +\(r.paddingHeight),\(r.paddingWidth) "
      + "\(plan.algorithm)"
  }

  /// Random inputs, output gradients and logical weights; the inputs have a mean, so that sums of
  /// squares and variances differ.
  var input: [Float] { random(reference.inputCount, 1, mean: 0.5, deviation: 1) }
  var outputGradient: [Float] { random(reference.outputCount, 2, mean: 0, deviation: 1) }
  var weights: [Float] { random(reference.weightCount, 3, mean: 0, deviation: 0.1) }

  private func random(_ count: Int, _ use: Int, mean: Double, deviation: Double) -> [Float] {
    let stream = CounterRandom(seed: 7, purpose: .testing, use, count)
    return (0..<count).map { Float(mean + deviation * stream.normal($0)) }
  }

  /// Weights in the order of the kernels, placed one by one.
  var packedWeights: [Float] {
    let logical = weights
    let shape = shape
    var packed = [Float](repeating: .nan, count: logical.count)
    var i = 0
    for k in 0..<reference.outputChannels {
      for c in 0..<reference.inputChannels {
        for r in 0..<reference.kernelHeight {
          for s in 0..<reference.kernelWidth {
            let place = ConvolutionWeights.index(
              outputChannel: k, inputChannel: c, row: r, column: s, shape: shape)
            packed[place] = logical[i]
            i += 1
          }
        }
      }
    }
    return packed
  }
}

/// `values` rounded to the nearest bfloat16, to even where two are as near.
func roundedToBFloat16(_ values: [Float]) -> [Float] {
  values.map { value in
    let bits = value.bitPattern
    return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
  }
}

/// rms(values - reference) / rms(reference); infinite when a value is not finite.
func rmsRelativeToRMS(_ values: [Float], _ reference: [Double]) -> Double {
  precondition(values.count == reference.count && !values.isEmpty)
  var (errors, squares) = (0.0, 0.0)
  for (value, expected) in zip(values, reference) {
    if !value.isFinite { return .infinity }
    errors += (Double(value) - expected) * (Double(value) - expected)
    squares += expected * expected
  }
  return (errors / squares).squareRoot()
}

/// max |values - reference| / rms(reference); infinite when a value is not finite.
func worstRelativeToRMS(_ values: [Float], _ reference: [Double]) -> Double {
  precondition(values.count == reference.count && !values.isEmpty)
  var (worst, squares) = (0.0, 0.0)
  for (value, expected) in zip(values, reference) {
    if !value.isFinite { return .infinity }
    worst = max(worst, abs(Double(value) - expected))
    squares += expected * expected
  }
  return worst / (squares / Double(reference.count)).squareRoot()
}
