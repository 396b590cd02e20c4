private import Kernels
private import Preconditions

/// Inverted dropout (Srivastava et al. 2014) in training, the identity in inference.
package struct Dropout: Layer {
  private let input: Input
  package let output: Activation
  private let probability: Double
  /// The layer's number, which sets its masks apart from other layers'.
  package let number: Int
  private let keys: Workspace
  package let operations: [Operation]
  package let parameters: Range<Int>

  init(_ draft: LayerDraft, probability: Double, in plan: inout Plan) {
    self.probability = probability
    number = draft.number
    operations = draft.operations
    parameters = draft.parameters
    input = plan.read(draft.input, inBackward: false)
    output = plan.write(draft.shape)
    plan.shareGradient(of: input, with: output)
    keys = plan.workspace(plan.maximumRows, of: .uint64)
  }

  package var inputs: [Input] { [input] }
  package var summary: String { "dropout \(probability)" }

  package func forward(in pass: borrowing Pass) {
    let count = input.shape.count
    guard pass.phase == .training else {
      pass[output].update(from: pass[input], count: pass.rows * count)
      return
    }
    let keys = pass[keys, as: UInt64.self]
    pass.fillDropoutKeys(layer: number, into: keys)
    DropoutKernel.forward(
      pass[input], rows: pass.rows, features: count, keys: keys, rate: probability,
      into: pass[output])
  }

  package func backward(in pass: borrowing Pass) {
    guard let inputGradient = pass.gradient(of: input) else { return }
    DropoutKernel.backward(
      pass.gradient(of: output), rows: pass.rows, features: input.shape.count,
      keys: pass[keys, as: UInt64.self], rate: probability, into: inputGradient,
      addingToInput: pass.adds(to: input))
  }
}

extension Graph {
  /// Dropout; nothing at all where the probability is 0.
  package mutating func dropout(_ source: Value, probability: Double) -> Value {
    guard probability != 0 else { return source }
    require(
      probability > 0 && probability < 1,
      "Graph: dropout with probability \(probability), wants 0 < p < 1")
    return append(.dropout(probability: probability), source, shape: source.shape)
  }
}
