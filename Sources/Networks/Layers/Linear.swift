private import Kernels

/// A dense layer, with bias or without, on the flattened map: [rows, H W C] to [rows, outputs].
package struct Linear: Layer {
  private let input: Input
  package let output: Activation
  private let weights: Parameter
  private let bias: Parameter?
  package let operations: [Operation]
  package let parameters: Range<Int>

  init(_ draft: LayerDraft, weights: Parameter, bias: Parameter?, in plan: inout Plan) {
    self.weights = weights
    self.bias = bias
    operations = draft.operations
    parameters = draft.parameters
    input = plan.read(draft.input, inBackward: true)
    output = plan.write(draft.shape, into: draft.range)
  }

  package var summary: String { "linear" }
  package var multiplyAdds: Int { input.shape.count * output.shape.count }
  package var inputs: [Input] { [input] }

  package func forward(in pass: borrowing Pass) {
    LinearKernel.forward(
      pass[input], weights: pass[weights], bias: bias.map { pass[$0] }, rows: pass.rows,
      inputs: input.shape.count, outputs: output.shape.count, into: pass[output])
  }

  package func backward(in pass: borrowing Pass) {
    let outputGradient = UnsafePointer(pass.gradient(of: output))
    LinearKernel.backwardWeights(
      outputGradient, input: pass[input], rows: pass.rows, inputs: input.shape.count,
      outputs: output.shape.count, into: pass.gradient(of: weights),
      biasGradient: bias.map { pass.gradient(of: $0) })
    if let inputGradient = pass.gradient(of: input) {
      LinearKernel.backwardInput(
        outputGradient, weights: pass[weights], rows: pass.rows, inputs: input.shape.count,
        outputs: output.shape.count, into: inputGradient, addingToInput: pass.adds(to: input))
    }
  }
}

extension Graph {
  /// A dense layer; PyTorch's defaults, U(+-1/sqrt(inputs)) for weights and bias, unless given.
  package mutating func linear(
    _ source: Value, name: String, outputs: Int, initializer: Initializer? = nil,
    hasBias: Bool = true, biasInitializer: Initializer? = nil
  ) -> Value {
    let inputs = source.shape.count
    let standard = Initializer.uniform(bound: 1 / Double(inputs).squareRoot())
    let weights = parameter(
      name + ".weight", shape: [outputs, inputs],
      layout: source.shape.pixels == 1
        ? .plain : .flattenedDense(outputs: outputs, input: source.shape),
      initializer: initializer ?? standard, isWeight: true)
    let bias =
      hasBias
      ? parameter(
        name + ".bias", shape: [outputs], initializer: biasInitializer ?? standard,
        isWeight: false)
      : nil
    return append(
      .linear(weights: weights, bias: bias), source, shape: MapShape(features: outputs))
  }
}
