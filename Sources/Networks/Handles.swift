private import Preconditions

/// A tensor of a layer in the flat parameter vector.
package struct Parameter: Sendable, Hashable {
  /// Its number among the network's parameters.
  package let index: Int
  /// First element in the flat vector.
  package let offset: Int
  /// Elements of the tensor.
  package let count: Int
}

/// The running moments of a batch norm in the flat vector of statistics.
package struct Statistics: Sendable, Hashable {
  /// First mean in the flat vector; the variances follow the means.
  package let offset: Int
  /// Channels of the batch norm, each with a mean and a variance.
  package let channels: Int
}

/// A value [rows, height, width, channels] that one layer writes and others read, or the range of
/// channels of such a value that one of several layers writes.
package struct Activation: Sendable {
  /// The number of the value in its network; 0 is the image.
  package let id: Int
  /// Of an image.
  package let shape: MapShape
  /// The type of its elements.
  package let element: Element
  /// The first channel of the range; 0 for a whole value.
  package let channelOffset: Int
  /// Elements between neighbouring pixels: the channels of the whole value.
  package let stride: Int

  init(id: Int, shape: MapShape, element: Element) {
    self.init(
      id: id, shape: shape, element: element, channelOffset: 0, stride: shape.channels)
  }

  private init(id: Int, shape: MapShape, element: Element, channelOffset: Int, stride: Int) {
    self.id = id
    self.shape = shape
    self.element = element
    self.channelOffset = channelOffset
    self.stride = stride
  }

  /// Whether this is all of a value.
  package var isWhole: Bool { stride == shape.channels }

  /// The `channels` channels of a whole value from `first` on.
  package func channels(_ channels: Int, from first: Int) -> Activation {
    require(
      isWhole && first >= 0 && channels > 0 && first + channels <= shape.channels,
      "Activation: \(channels) channels from \(first) on of \(shape)")
    return Activation(
      id: id, shape: MapShape(height: shape.height, width: shape.width, channels: channels),
      element: element, channelOffset: first, stride: stride)
  }
}

/// An activation as one of its readers sees it: readers add up the activation's gradient.
package struct Input: Sendable {
  /// The number of the value in its network; 0 is the image.
  package let id: Int
  /// How many readers were planned before this one.
  let ordinal: Int
  /// Of an image.
  package let shape: MapShape
  /// The type of its elements.
  package let element: Element
}

/// Memory of a layer that lives from its forward to its backward pass.
package struct Workspace: Sendable {
  let id: Int
  /// The type of its elements.
  package let element: Element
}

/// The place of a layer's weights transformed in advance.
package struct PreparedPlace: Sendable {
  /// Bytes from the start of all such weights.
  let offset: Int
  /// The type of the elements.
  package let element: Element
}
