private import Kernels
private import Preconditions

/// The largest of `pieces` features that lie a whole output apart (maxout, Goodfellow et al. 2013):
/// [rows, pieces x O] to [rows, O].
package struct Maxout: Layer {
  private let input: Input
  package let output: Activation
  private let pieces: Int
  package let operations: [Operation]
  package let parameters: Range<Int>

  init(_ draft: LayerDraft, pieces: Int, in plan: inout Plan) {
    self.pieces = pieces
    operations = draft.operations
    parameters = draft.parameters
    input = plan.read(draft.input, inBackward: true)
    output = plan.write(draft.shape)
  }

  package var summary: String { "maxout of \(pieces)" }
  package var inputs: [Input] { [input] }

  package func forward(in pass: borrowing Pass) {
    MaxoutKernel.forward(
      pass[input], rows: pass.rows, pieces: pieces, outputs: output.shape.channels,
      into: pass[output])
  }

  package func backward(in pass: borrowing Pass) {
    guard let inputGradient = pass.gradient(of: input) else { return }
    MaxoutKernel.backward(
      pass.gradient(of: output), input: pass[input], rows: pass.rows, pieces: pieces,
      outputs: output.shape.channels, into: inputGradient, addingToInput: pass.adds(to: input))
  }
}

extension Graph {
  /// The largest of `pieces` parts of the features.
  package mutating func maxout(_ source: Value, pieces: Int) -> Value {
    require(
      source.shape.pixels == 1 && source.shape.channels % pieces == 0,
      "Graph: a maxout of \(pieces) pieces of each of the features \(source.shape)")
    return append(
      .maxout(pieces: pieces), source,
      shape: MapShape(features: source.shape.channels / pieces))
  }
}
