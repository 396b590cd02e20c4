private import Kernels

/// A dense layer, with bias or without, on the flattened map: [rows, H W C] to [rows, outputs].
package struct Linear: Layer {
  private let input: Input
  package let output: Activation
  private let weights: Parameter
  private let bias: Parameter?
  package let parameters: Range<Int>

  init(
    _ source: Activation, name: String, outputs: Int, weightInitializer: Initializer,
    biasInitializer: Initializer?, in plan: inout Plan
  ) {
    let inputs = source.shape.count
    weights = plan.parameter(
      name + ".weight", shape: [outputs, inputs],
      layout: source.shape.pixels == 1
        ? .plain : .flattenedDense(outputs: outputs, input: source.shape),
      initializer: weightInitializer, isWeight: true)
    bias = biasInitializer.map {
      plan.parameter(name + ".bias", shape: [outputs], initializer: $0, isWeight: false)
    }
    input = plan.read(source, inBackward: true)
    output = plan.write(MapShape(features: outputs))
    parameters = plan.layerParameters
  }

  package var summary: String { "linear" }
  package var multiplyAdds: Int { input.shape.count * output.shape.count }
  package var source: Input { input }
  package var operation: LayerOperation { .linear(weights: weights, bias: bias) }

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

extension Plan {
  /// A dense layer; PyTorch's defaults, U(+-1/sqrt(inputs)) for weights and bias, unless given.
  package mutating func linear(
    _ source: Activation, name: String, outputs: Int, initializer: Initializer? = nil,
    hasBias: Bool = true, biasInitializer: Initializer? = nil
  ) -> Activation {
    let bound = 1 / Double(source.shape.count).squareRoot()
    return append(
      Linear(
        source, name: name, outputs: outputs,
        weightInitializer: initializer ?? .uniform(bound: bound),
        biasInitializer: hasBias ? biasInitializer ?? .uniform(bound: bound) : nil, in: &self))
  }
}
