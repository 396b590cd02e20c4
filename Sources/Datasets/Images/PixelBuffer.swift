private import Preconditions

/// An RGB image of bytes [height, width, 3] in memory that grows and is kept.
package final class PixelBuffer: @unchecked Sendable {
  /// Pixels of a row.
  package private(set) var width = 0
  /// Rows.
  package private(set) var height = 0
  /// Red, green, blue [height, width, 3].
  package private(set) var pixels: UnsafeMutablePointer<UInt8>
  private var capacity: Int

  package init(width: Int = 0, height: Int = 0) {
    capacity = max(width * height * 3, 1)
    pixels = .allocate(capacity: capacity)
    pixels.initialize(repeating: 0, count: capacity)
    self.width = width
    self.height = height
  }

  /// A copy of `bytes` [height, width, 3].
  package convenience init(width: Int, height: Int, bytes: [UInt8]) {
    require(
      bytes.count == width * height * 3,
      "PixelBuffer: \(bytes.count) bytes for [\(height), \(width), 3]")
    self.init(width: width, height: height)
    for i in bytes.indices { pixels[i] = bytes[i] }
  }

  deinit { pixels.deallocate() }

  /// Makes room for [height, width, 3]; the contents are undefined afterwards.
  package func resize(width: Int, height: Int) {
    let count = width * height * 3
    if count > capacity {
      pixels.deallocate()
      pixels = .allocate(capacity: count)
      pixels.initialize(repeating: 0, count: count)
      capacity = count
    }
    self.width = width
    self.height = height
  }

  /// The pixels as an array [height * width * 3].
  package var bytes: [UInt8] {
    Array(UnsafeBufferPointer(start: pixels, count: width * height * 3))
  }
}
