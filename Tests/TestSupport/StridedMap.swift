/// A [pixels, channels] map inside a wider one, with fences in the gaps between its pixels.
package final class StridedMap {
  private let floats: FencedFloats
  private let pixels, channels, stride: Int
  private static let gap: Float = 4321.5

  package init(pixels: Int, channels: Int, stride: Int) {
    self.pixels = pixels
    self.channels = channels
    self.stride = stride
    floats = FencedFloats(
      (0..<(pixels - 1) * stride + channels).map { $0 % stride < channels ? .nan : Self.gap })
  }

  /// Writes the elements [pixels, channels].
  package func fill(_ values: [Float]) {
    for (i, value) in values.enumerated() {
      floats.pointer[i / channels * stride + i % channels] = value
    }
  }

  package var pointer: UnsafeMutablePointer<Float> { floats.pointer }

  /// The elements [pixels, channels].
  package var values: [Float] {
    let all = floats.values
    return (0..<pixels * channels).map { all[$0 / channels * stride + $0 % channels] }
  }

  /// Whether nothing was written between or around the pixels.
  package var gapsStand: Bool {
    floats.fencesStand
      && floats.values.enumerated().allSatisfy {
        $0.offset % stride < channels || $0.element == Self.gap
      }
  }
}
