private import Preconditions

/// The shape of one image's activation, channels innermost: [height, width, channels].
package struct MapShape: Sendable, Hashable, CustomStringConvertible {
  /// In pixels, and numbers of each pixel.
  package let height, width, channels: Int

  /// A map of `height` rows of `width` pixels.
  package init(height: Int, width: Int, channels: Int) {
    require(
      height > 0 && width > 0 && channels > 0,
      "MapShape: \(height)x\(width)x\(channels) has an empty side; the image is too small")
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// A row of features: [1, 1, channels].
  package init(features: Int) { self.init(height: 1, width: 1, channels: features) }

  /// Positions of one image.
  package var pixels: Int { height * width }

  /// Elements of one image.
  package var count: Int { height * width * channels }

  package var description: String { "\(height)x\(width)x\(channels)" }
}
