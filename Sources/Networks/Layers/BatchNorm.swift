package import Kernels
private import Preconditions

/// Batch norm over a microbatch (Ioffe and Szegedy 2015; "ghost" statistics, Hoffer et al. 2017),
/// with what the graph does next to its output: act(scale (x - mean) / deviation + offset + r).
package struct BatchNorm: Layer {
  private let input: Input
  private let residual: Input?
  package let output: Activation
  private let scale: Parameter?
  private let offset: Parameter
  private let slopes: Parameter?
  /// What is applied to the result.
  package let activation: ActivationFunction
  private let running: Statistics
  /// [3][channels]: mean, biased variance, inverse deviation of this pass.
  private let moments: Workspace
  /// The channel sums that the input's writer has made, if it does.
  private let suppliedSums: Workspace?
  private let epsilon: Double
  package let operations: [Operation]
  package let parameters: Range<Int>

  init(
    _ draft: LayerDraft, scale: Parameter?, offset: Parameter, running: Statistics,
    epsilon: Double, in plan: inout Plan
  ) {
    require(
      draft.input.id != 0,
      "BatchNorm: it reads the image \(draft.input.shape), for which there is no gradient")
    self.scale = scale
    self.offset = offset
    self.running = running
    self.epsilon = epsilon
    operations = draft.operations
    parameters = draft.parameters
    (activation, slopes) = draft.operations.activation
    let channels = draft.shape.channels
    suppliedSums = plan.requestStatistics(of: draft.input)
    input = plan.read(draft.input, inBackward: true)
    residual =
      draft.inputs.count == 1
      ? nil : plan.read(draft.inputs[1], inBackward: activation == .prelu)
    output = plan.write(draft.shape, into: draft.range, offersStatistics: true)
    if residual != nil, activation == .relu { plan.keepForBackward(output) }
    plan.shareGradient(of: residual ?? input, with: output)
    moments = plan.workspace(3 * channels, of: .float32, inInference: true)
    plan.scratch(
      2 * channels + BatchNormKernel.scratchCount(channels: channels), of: .float64)
  }

  package var summary: String { operations.summary }

  package var inputs: [Input] { [input] + (residual.map { [$0] } ?? []) }

  /// Whether something is added before the activation.
  package var hasResidual: Bool { residual != nil }

  package func forward(in pass: borrowing Pass) {
    let channels = output.shape.channels
    let pixels = pass.rows * output.shape.pixels
    let mean = pass[moments, as: Float.self]
    let variance = mean + channels
    let inverseDeviation = variance + channels
    let doubles = pass.scratch(as: Double.self)
    if !pass.usesRunningMoments(running) {
      let sums: UnsafeMutablePointer<Double>
      if let suppliedSums {
        sums = pass[suppliedSums, as: Double.self]
      } else {
        sums = doubles
        BatchNormKernel.statistics(
          of: pass[input], pixels: pixels, channels: channels, into: sums,
          scratch: doubles + 2 * channels)
      }
      BatchNormKernel.moments(
        from: sums, pixels: pixels, channels: channels, epsilon: epsilon, mean: mean,
        variance: variance, inverseDeviation: inverseDeviation)
      let report = pass.batch(running)
      report.mean.update(from: mean, count: channels)
      report.variance.update(from: variance, count: channels)
    } else {
      let (runningMean, runningVariance) = pass.running(running)
      for c in 0..<channels {
        mean[c] = runningMean[c]
        inverseDeviation[c] = Float(1 / (Double(runningVariance[c]) + epsilon).squareRoot())
      }
    }
    BatchNormKernel.forward(
      pass[input], pixels: pixels, channels: channels, coefficients: coefficients(pass),
      residual: residual.map { pass[$0] }, into: pass[output], outputStride: output.stride,
      outputSums: pass.statistics(of: output), scratch: doubles)
  }

  private func coefficients(_ pass: borrowing Pass) -> BatchNormCoefficients {
    let mean = UnsafePointer(pass[moments, as: Float.self])
    return BatchNormCoefficients(
      mean: mean, inverseDeviation: mean + 2 * output.shape.channels,
      scale: scale.map { pass[$0] }, offset: pass[offset], activation: activation,
      slopes: slopes.map { pass[$0] })
  }

  package func backward(in pass: borrowing Pass) {
    BatchNormKernel.backward(
      pass.gradient(of: output), input: pass[input],
      output: residual == nil ? nil : UnsafePointer(pass[output]), outputStride: output.stride,
      residual: activation == .prelu ? residual.map { pass[$0] } : nil,
      pixels: pass.rows * output.shape.pixels, channels: output.shape.channels,
      coefficients: coefficients(pass), into: pass.gradient(of: input)!,
      addingToInput: pass.adds(to: input),
      residualGradient: residual.flatMap { pass.gradient(of: $0) },
      addingToResidual: residual.map { pass.adds(to: $0) } ?? false,
      scaleGradient: scale.map { pass.gradient(of: $0) },
      offsetGradient: pass.gradient(of: offset),
      slopeGradient: slopes.map { pass.gradient(of: $0) },
      scratch: pass.scratch(as: Double.self))
  }
}

extension Graph {
  /// Batch norm. A fixed scale stays 1 and is no parameter. The output goes into `range` of a
  /// concatenation if that is given.
  package mutating func batchNorm(
    _ source: Value, name: String, fixedScale: Bool = false, epsilon: Double = 1e-5,
    into range: ChannelRange? = nil
  ) -> Value {
    let channels = source.shape.channels
    let scale =
      fixedScale
      ? nil
      : parameter(
        name + ".weight", shape: [channels], initializer: .constant(1), isWeight: false)
    let offset = parameter(
      name + ".bias", shape: [channels], initializer: .constant(0), isWeight: false)
    let moments = runningMoments(name, channels: channels, pixels: source.shape.pixels)
    return append(
      .batchNorm(scale: scale, offset: offset, moments: moments, epsilon: epsilon), source,
      shape: source.shape, into: range)
  }
}
