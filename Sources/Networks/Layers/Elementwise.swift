internal import Kernels
private import Preconditions

/// act(factor (x + bias) + residual), of which any may be missing: what the graph does to single
/// elements and no other layer does with its own work.
package struct Elementwise: Layer {
  /// The kernels: those of what the models are made of, and one for the rest.
  private enum Kernel {
    case biasReLU(Parameter)
    case scaledResidual(Parameter, residual: Input)
    case any
  }

  private let input: Input
  private let residual: Input?
  package let output: Activation
  private let kernel: Kernel
  private let bias: Parameter?
  private let factor: Float
  private let activation: ActivationFunction
  private let slopes: Parameter?
  package let operations: [Operation]
  package let parameters: Range<Int>

  init(_ draft: LayerDraft, in plan: inout Plan) {
    operations = draft.operations
    parameters = draft.parameters
    (activation, slopes) = draft.operations.activation
    var bias: Parameter?
    var factor: Float = 1
    for operation in draft.operations {
      if case .bias(let parameter) = operation { bias = parameter }
      if case .scale(let value) = operation { factor = value }
    }
    self.bias = bias
    self.factor = factor
    // The kernel tells the side of a ReLU by the output, of a PReLU by what it is made from.
    let readsInputs = activation == .prelu
    input = plan.read(draft.input, inBackward: readsInputs)
    residual =
      draft.inputs.count == 1 ? nil : plan.read(draft.inputs[1], inBackward: readsInputs)
    output = plan.write(draft.shape, into: draft.range)
    if activation == .relu { plan.keepForBackward(output) }
    plan.shareGradient(of: residual ?? input, with: output)
    let channels = draft.shape.channels
    switch (bias, residual, activation) {
    case (let bias?, nil, .relu) where factor == 1 && input.id != 0:
      kernel = .biasReLU(bias)
      plan.scratch(BiasReLUKernel.backwardScratchCount(channels: channels), of: .float64)
    case (let bias?, let residual?, .identity) where output.isWhole && input.id != 0,
      (let bias?, let residual?, .relu) where output.isWhole && input.id != 0:
      kernel = .scaledResidual(bias, residual: residual)
      plan.scratch(ScaledResidualKernel.backwardScratchCount(channels: channels), of: .float64)
    default:
      kernel = .any
      plan.scratch(ElementwiseKernel.backwardScratchCount(channels: channels), of: .float64)
    }
  }

  package var summary: String { operations.summary }
  package var inputs: [Input] { [input] + (residual.map { [$0] } ?? []) }

  package func forward(in pass: borrowing Pass) {
    let (pixels, channels) = (pass.rows * input.shape.pixels, input.shape.channels)
    switch kernel {
    case .biasReLU(let bias):
      BiasReLUKernel.forward(
        pass[input], pixels: pixels, channels: channels, bias: pass[bias], into: pass[output],
        outputStride: output.stride)
    case .scaledResidual(let bias, let residual):
      ScaledResidualKernel.forward(
        pass[input], pixels: pixels, channels: channels, bias: pass[bias], scale: factor,
        residual: pass[residual], rectifies: activation == .relu, into: pass[output])
    case .any:
      ElementwiseKernel.forward(
        pass[input], residual: residual.map { pass[$0] }, pixels: pixels, channels: channels,
        coefficients: coefficients(pass), into: pass[output], outputStride: output.stride)
    }
  }

  package func backward(in pass: borrowing Pass) {
    let (pixels, channels) = (pass.rows * input.shape.pixels, input.shape.channels)
    let scratch = pass.scratch(as: Double.self)
    switch kernel {
    case .biasReLU(let bias):
      BiasReLUKernel.backward(
        pass.gradient(of: output), output: pass[output], outputStride: output.stride,
        pixels: pixels, channels: channels, into: pass.gradient(of: input)!,
        addingToInput: pass.adds(to: input), biasGradient: pass.gradient(of: bias),
        scratch: scratch)
    case .scaledResidual(let bias, let residual):
      ScaledResidualKernel.backward(
        pass.gradient(of: output), output: pass[output], pixels: pixels, channels: channels,
        scale: factor, rectifies: activation == .relu, into: pass.gradient(of: input)!,
        addingToInput: pass.adds(to: input), residualGradient: pass.gradient(of: residual),
        addingToResidual: pass.adds(to: residual), biasGradient: pass.gradient(of: bias),
        scratch: scratch)
    case .any:
      let readsInputs = activation == .prelu
      ElementwiseKernel.backward(
        pass.gradient(of: output), output: activation == .relu ? pass[output] : nil,
        outputStride: output.stride, input: readsInputs ? pass[input] : nil,
        residual: readsInputs ? residual.map { pass[$0] } : nil, pixels: pixels,
        channels: channels, coefficients: coefficients(pass), into: pass.gradient(of: input),
        addingToInput: pass.adds(to: input),
        residualGradient: residual.flatMap { pass.gradient(of: $0) },
        addingToResidual: residual.map { pass.adds(to: $0) } ?? false,
        biasGradient: bias.map { pass.gradient(of: $0) },
        slopeGradient: slopes.map { pass.gradient(of: $0) }, scratch: scratch)
    }
  }

  private func coefficients(_ pass: borrowing Pass) -> ElementwiseCoefficients {
    ElementwiseCoefficients(
      bias: bias.map { pass[$0] }, factor: factor, activation: activation,
      slopes: slopes.map { pass[$0] })
  }
}

extension Graph {
  /// x + bias, of one number for each channel; the output goes into `range` of a concatenation if
  /// that is given.
  package mutating func bias(
    _ source: Value, name: String, initializer: Initializer = .constant(0),
    into range: ChannelRange? = nil
  ) -> Value {
    let bias = parameter(
      name + ".bias", shape: [source.shape.channels], initializer: initializer, isWeight: false)
    return append(.bias(bias), source, shape: source.shape, into: range)
  }

  /// factor x; nothing at all where the factor is 1.
  package mutating func scale(_ source: Value, by factor: Float) -> Value {
    factor == 1 ? source : append(.scale(factor), source, shape: source.shape)
  }

  /// x + y, two maps of one shape; `range` as in `bias`.
  package mutating func add(
    _ x: Value, _ y: Value, into range: ChannelRange? = nil
  ) -> Value {
    require(x.shape == y.shape, "Graph: a map of \(x.shape) and one of \(y.shape) to add")
    return append(.add, x, y, shape: x.shape, into: range)
  }

  /// max(x, 0); `range` as in `bias`.
  package mutating func relu(_ source: Value, into range: ChannelRange? = nil) -> Value {
    append(.relu, source, shape: source.shape, into: range)
  }

  /// PReLU (He et al. 2015) with a slope for each channel, 0.25 at first; `range` as in `bias`.
  package mutating func prelu(
    _ source: Value, name: String, into range: ChannelRange? = nil
  ) -> Value {
    let slopes = parameter(
      name + ".weight", shape: [source.shape.channels], initializer: .constant(0.25),
      isWeight: false)
    return append(.prelu(slopes: slopes), source, shape: source.shape, into: range)
  }
}

extension Collection<Operation> {
  /// The activation that ends them, with the slopes of a PReLU.
  var activation: (ActivationFunction, slopes: Parameter?) {
    for operation in self {
      if case .relu = operation { return (.relu, nil) }
      if case .prelu(let slopes) = operation { return (.prelu, slopes) }
    }
    return (.identity, nil)
  }

  /// Batch norms and what is done to single elements, for the model table, such as
  /// `bias, 0.2 x + shortcut, relu`.
  var summary: String {
    var text = ""
    for operation in self {
      let (separator, words) =
        switch operation {
        case .batchNorm: (", ", "batch norm")
        case .bias: (", ", "bias")
        case .scale(let factor): (", ", "\(factor) x")
        case .add: (" + ", "shortcut")
        case .relu: (", ", "relu")
        case .prelu: (", ", "prelu")
        default: ("", "")
        }
      text += text.isEmpty ? words : separator + words
    }
    return text
  }
}
