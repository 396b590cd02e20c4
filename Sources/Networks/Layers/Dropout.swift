private import Preconditions
private import Kernels

/// Inverted dropout (Srivastava et al. 2014) in training, the identity in inference.
package struct Dropout: Layer {
  private let input: Input
  package let output: Activation
  private let probability: Double
  /// The layer's index, which sets its masks apart from other layers'.
  private let index: Int
  private let keys: Workspace
  package let parameters: Range<Int>

  init(_ source: Activation, probability: Double, in plan: inout Plan) {
    require(
      probability > 0 && probability < 1, "Dropout: probability \(probability), wants 0 < p < 1")
    self.probability = probability
    index = plan.layers.count
    input = plan.read(source, inBackward: false)
    output = plan.write(source.shape)
    plan.shareGradient(of: input, with: output)
    keys = plan.workspace(floats: 2 * plan.maximumRows)
    parameters = plan.layerParameters
  }

  package var source: Input { input }
  package var operation: LayerOperation { .dropout }
  package var summary: String { "dropout \(probability)" }

  package func forward(in pass: borrowing Pass) {
    let count = input.shape.count
    guard pass.phase == .training else {
      pass[output].update(from: pass[input], count: pass.rows * count)
      return
    }
    let keys = keyWords(pass)
    pass.fillDropoutKeys(layer: index, into: keys)
    DropoutKernel.forward(
      pass[input], rows: pass.rows, features: count, keys: keys, rate: probability,
      into: pass[output])
  }

  package func backward(in pass: borrowing Pass) {
    guard let inputGradient = pass.gradient(of: input) else { return }
    DropoutKernel.backward(
      pass.gradient(of: output), rows: pass.rows, features: input.shape.count,
      keys: keyWords(pass), rate: probability, into: inputGradient,
      addingToInput: pass.adds(to: input))
  }

  private func keyWords(_ pass: borrowing Pass) -> UnsafeMutablePointer<UInt64> {
    UnsafeMutableRawPointer(pass[keys]).assumingMemoryBound(to: UInt64.self)
  }
}

extension Plan {
  /// Dropout; nothing at all where the probability is 0.
  package mutating func dropout(_ source: Activation, probability: Double) -> Activation {
    probability == 0 ? source : append(Dropout(source, probability: probability, in: &self))
  }
}
