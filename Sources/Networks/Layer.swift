/// One step of a network.
///
/// A layer describes: what it reads, what it writes, which parameters it has. It owns no memory.
/// It is made against a `Plan`, and from then on runs in any `Pass` over memory laid out by it.
package protocol Layer: Sendable {
  /// The range of the flat parameter vector that belongs to this layer; empty, at its place, if none.
  var parameters: Range<Int> { get }

  /// What the layer computes, for the model table, such as `conv 3x3 / 2`.
  var summary: String { get }

  /// The activation that the layer reads; a residual beside it is part of `operation`.
  var source: Input { get }

  /// The activation that the layer writes.
  var output: Activation { get }

  /// What the layer computes in inference.
  var operation: LayerOperation { get }

  /// Multiply-adds for one image.
  var multiplyAdds: Int { get }

  /// Transforms the layer's weights, out of all `parameters`, to its place in `prepared`, for passes
  /// that share them; most layers have nothing to transform.
  func prepare(
    _ parameters: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>)

  /// Computes the output activation from the inputs.
  func forward(in pass: borrowing Pass)

  /// Computes the inputs' gradients (overwrites or adds, as the plan decided) and overwrites the
  /// gradients of the layer's parameters.
  func backward(in pass: borrowing Pass)
}

extension Layer {
  package var multiplyAdds: Int { 0 }

  package func prepare(
    _ parameters: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>
  ) {}
}
