private import Preconditions

/// A tensor of a layer in the flat parameter vector.
package struct Parameter: Sendable {
  /// First element in the flat vector.
  package let offset: Int
  /// First element in the layer's own range: where its gradient lies while the layer runs.
  let localOffset: Int
  package let count: Int
}

/// A value [rows, height, width, channels] that one layer writes and others read, or the range of
/// channels of such a value that one of several layers writes.
package struct Activation: Sendable {
  /// The number of the value in its network; 0 is the image.
  package let id: Int
  package let shape: MapShape
  /// The first channel of the range; 0 for a whole value.
  package let channelOffset: Int
  /// Floats between neighbouring pixels: the channels of the whole value.
  package let stride: Int

  init(id: Int, shape: MapShape, channelOffset: Int = 0, stride: Int? = nil) {
    self.id = id
    self.shape = shape
    self.channelOffset = channelOffset
    self.stride = stride ?? shape.channels
  }

  /// Whether this is all of a value.
  package var isWhole: Bool { stride == shape.channels }
}

/// The place of a layer's output among the channels of a `Concatenation`.
package struct ChannelRange: Sendable {
  let id: Int
  let shape: MapShape
  let first: Int
  let stride: Int
}

/// A value whose ranges of channels are written by several layers, the ends of branches: nothing is
/// copied to join them.
package struct Concatenation {
  private let whole: Activation
  private var taken = 0

  init(_ whole: Activation) { self.whole = whole }

  /// The next `channels` channels, for a layer to write.
  package mutating func next(_ channels: Int) -> ChannelRange {
    require(
      channels > 0 && taken + channels <= whole.shape.channels,
      "Concatenation: \(channels) channels more, after \(taken) of \(whole.shape)")
    defer { taken += channels }
    return ChannelRange(
      id: whole.id,
      shape: MapShape(
        height: whole.shape.height, width: whole.shape.width, channels: channels), first: taken,
      stride: whole.shape.channels)
  }

  /// The whole value, once every channel has its writer.
  package var activation: Activation {
    require(
      taken == whole.shape.channels, "Concatenation: \(taken) channels written of \(whole.shape)")
    return whole
  }
}

/// An activation as one of its readers sees it: readers add up the activation's gradient.
package struct Input: Sendable {
  /// The number of the value in its network; 0 is the image.
  package let id: Int
  /// How many readers were planned before this one.
  let ordinal: Int
  package let shape: MapShape
}

/// Memory of a layer that lives from its forward to its backward pass.
package struct Workspace: Sendable {
  let id: Int
}

/// The place of a layer's weights transformed in advance.
package struct PreparedPlace: Sendable {
  let offset: Int
}

/// The running moments of a batch-norm layer.
package struct Statistics: Sendable {
  package let offset: Int
  package let channels: Int
}
