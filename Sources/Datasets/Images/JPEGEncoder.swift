private import CJPEG
private import Glibc
private import Preconditions

/// Encodes RGB pixels as JPEG; keeps its buffer, serves one thread at a time.
package final class JPEGEncoder: @unchecked Sendable {
  private let encoder: OpaquePointer

  package init() {
    guard let encoder = cjpeg_encoder_create() else {
      fatalError("JPEGEncoder: libjpeg could not be started (memory or library version)")
    }
    self.encoder = encoder
  }

  deinit { cjpeg_encoder_destroy(encoder) }

  /// The JPEG file of `pixels` [height, width, 3] at `quality` 1...100 (baseline, 4:2:0, or 4:4:4
  /// where it `keepsChroma`).
  package func encode(
    _ pixels: UnsafePointer<UInt8>, width: Int, height: Int, quality: Int,
    keepsChroma: Bool = false
  ) -> [UInt8] {
    require(
      width > 0 && height > 0 && width < 65_500 && height < 65_500 && (1...100).contains(quality),
      "JPEGEncoder: \(width) x \(height) pixels at quality \(quality) cannot be a JPEG")
    guard
      cjpeg_encode(
        encoder, pixels, Int32(width), Int32(height), Int32(quality), keepsChroma ? 1 : 0) == 0
    else {
      let message = String(cString: cjpeg_encoder_message(encoder))
      if message.hasPrefix("Insufficient memory") {
        Shortage.ofMemory(3 * width * height, code: ENOMEM)
      }
      fatalError("JPEGEncoder: \(message)")
    }
    return Array(
      UnsafeBufferPointer(start: cjpeg_encoded_bytes(encoder), count: cjpeg_encoded_count(encoder)))
  }
}
