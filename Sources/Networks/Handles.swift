/// A tensor of a layer in the flat parameter vector.
package struct Parameter: Sendable {
  /// First element in the flat vector.
  let offset: Int
  /// First element in the layer's own range: where its gradient lies while the layer runs.
  let localOffset: Int
  package let count: Int
}

/// A value [rows, height, width, channels] that one layer writes and others read.
package struct Activation: Sendable {
  let id: Int
  package let shape: MapShape
}

/// An activation as one of its readers sees it: readers add up the activation's gradient.
package struct Input: Sendable {
  let id: Int
  /// How many readers were planned before this one.
  let ordinal: Int
  package let shape: MapShape
}

/// Memory of a layer that lives from its forward to its backward pass.
package struct Workspace: Sendable {
  let id: Int
}

/// The running moments of a batch-norm layer.
package struct Statistics: Sendable {
  let offset: Int
  package let channels: Int
}
