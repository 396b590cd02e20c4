private import Kernels
private import Preconditions

/// The largest of `pieces` features that lie a whole output apart (maxout, Goodfellow et al. 2013):
/// [rows, pieces x O] to [rows, O].
package struct Maxout: Layer {
  private let input: Input
  package let output: Activation
  private let pieces: Int
  package let parameters: Range<Int>

  init(_ source: Activation, pieces: Int, in plan: inout Plan) {
    require(
      source.shape.pixels == 1 && source.shape.channels % pieces == 0,
      "Maxout: \(pieces) pieces of each of the features \(source.shape)")
    self.pieces = pieces
    input = plan.read(source, inBackward: true)
    output = plan.write(MapShape(features: source.shape.channels / pieces))
    parameters = plan.layerParameters
  }

  package var summary: String { "maxout of \(pieces)" }
  package var source: Input { input }
  package var operation: LayerOperation { .maxout(pieces: pieces) }

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

extension Plan {
  /// The largest of `pieces` parts of the features.
  package mutating func maxout(_ source: Activation, pieces: Int) -> Activation {
    append(Maxout(source, pieces: pieces, in: &self))
  }
}
