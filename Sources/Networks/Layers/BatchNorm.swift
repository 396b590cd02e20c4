internal import Kernels

/// Batch norm over a microbatch (Ioffe and Szegedy 2015; "ghost" statistics, Hoffer et al. 2017),
/// then an optional residual, then an activation: act(scale (x - mean) / deviation + offset + r).
package struct BatchNorm: Layer {
  private let input: Input
  private let residual: Input?
  package let output: Activation
  private let scale: Parameter?
  private let offset: Parameter
  private let slopes: Parameter?
  private let activation: ActivationFunction
  private let running: Statistics
  /// [3][channels]: mean, biased variance, inverse deviation of this pass.
  private let moments: Workspace
  /// The channel sums that the input's writer has made, if it does.
  private let suppliedSums: Workspace?
  private let epsilon: Double
  package let parameters: Range<Int>

  init(
    _ source: Activation, name: String, slopesName: String?, residual residualSource: Activation?,
    activation: ActivationFunction, fixedScale: Bool, epsilon: Double, into range: ChannelRange?,
    in plan: inout Plan
  ) {
    let channels = source.shape.channels
    self.activation = activation
    self.epsilon = epsilon
    scale =
      fixedScale
      ? nil
      : plan.parameter(
        name + ".weight", shape: [channels], initializer: .constant(1), isWeight: false)
    offset = plan.parameter(
      name + ".bias", shape: [channels], initializer: .constant(0), isWeight: false)
    slopes = slopesName.map {
      plan.parameter(
        $0 + ".weight", shape: [channels], initializer: .constant(0.25), isWeight: false)
    }
    running = plan.runningMoments(name, channels: channels, pixels: source.shape.pixels)
    suppliedSums = plan.requestStatistics(of: source)
    input = plan.read(source, inBackward: true)
    residual = residualSource.map { plan.read($0, inBackward: activation == .prelu) }
    output =
      range == nil
      ? plan.write(source.shape, offersStatistics: true) : plan.write(source.shape, into: range)
    if residual != nil, activation == .relu { plan.keepForBackward(output) }
    if let residual {
      plan.shareGradient(of: residual, with: output)
    } else {
      plan.shareGradient(of: input, with: output)
    }
    moments = plan.workspace(floats: 3 * channels, inInference: true)
    plan.scratch(floats: 2 * (2 * channels + BatchNormKernel.scratchCount(channels: channels)))
    parameters = plan.layerParameters
  }

  package var summary: String {
    "batch norm" + (residual == nil ? "" : " + shortcut")
      + (activation == .identity ? "" : ", \(activation)")
  }

  package var source: Input { input }

  package var operation: LayerOperation {
    .batchNorm(
      scale: scale, offset: offset, moments: running, epsilon: epsilon, residual: residual,
      activation: activation, slopes: slopes)
  }

  package func forward(in pass: borrowing Pass) {
    let channels = output.shape.channels
    let pixels = pass.rows * output.shape.pixels
    let mean = pass[moments]
    let variance = mean + channels
    let inverseDeviation = variance + channels
    let doubles = UnsafeMutableRawPointer(pass.scratch).assumingMemoryBound(to: Double.self)
    if pass.phase == .training {
      let sums: UnsafeMutablePointer<Double>
      if let suppliedSums {
        sums = UnsafeMutableRawPointer(pass[suppliedSums]).assumingMemoryBound(to: Double.self)
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
    let mean = UnsafePointer(pass[moments])
    return BatchNormCoefficients(
      mean: mean, inverseDeviation: mean + 2 * output.shape.channels,
      scale: scale.map { pass[$0] }, offset: pass[offset], activation: activation,
      slopes: slopes.map { pass[$0] })
  }

  package func backward(in pass: borrowing Pass) {
    guard let inputGradient = pass.gradient(of: input) else {
      fatalError("BatchNorm: directly on the image")
    }
    BatchNormKernel.backward(
      pass.gradient(of: output), input: pass[input],
      output: residual == nil ? nil : UnsafePointer(pass[output]), outputStride: output.stride,
      residual: activation == .prelu ? residual.map { pass[$0] } : nil,
      pixels: pass.rows * output.shape.pixels, channels: output.shape.channels,
      coefficients: coefficients(pass), into: inputGradient,
      addingToInput: pass.adds(to: input),
      residualGradient: residual.flatMap { pass.gradient(of: $0) },
      addingToResidual: residual.map { pass.adds(to: $0) } ?? false,
      scaleGradient: scale.map { pass.gradient(of: $0) },
      offsetGradient: pass.gradient(of: offset),
      slopeGradient: slopes.map { pass.gradient(of: $0) },
      scratch: UnsafeMutableRawPointer(pass.scratch).assumingMemoryBound(to: Double.self))
  }
}

extension Plan {
  /// Batch norm with what follows it: `prelu` names the slopes of a PReLU, `relu` a ReLU; the
  /// residual is added before the activation. A fixed scale stays 1 and is no parameter. The output
  /// goes into `range` of a concatenation if that is given.
  package mutating func batchNorm(
    _ source: Activation, name: String, prelu: String? = nil, relu: Bool = false,
    residual: Activation? = nil, fixedScale: Bool = false, epsilon: Double = 1e-5,
    into range: ChannelRange? = nil
  ) -> Activation {
    append(
      BatchNorm(
        source, name: name, slopesName: prelu, residual: residual,
        activation: prelu != nil ? .prelu : relu ? .relu : .identity, fixedScale: fixedScale,
        epsilon: epsilon, into: range, in: &self))
  }
}
