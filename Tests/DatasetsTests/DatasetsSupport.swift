import Datasets
import Foundation
import Testing

/// A folder that is there as long as the test is.
final class TemporaryFolder {
  let path: String

  init() {
    path = FileManager.default.temporaryDirectory.path + "/datasets-\(UUID().uuidString)"
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file at a relative path, with the folders it needs.
  @discardableResult
  func write(_ relative: String, _ bytes: [UInt8]) -> String {
    let file = path + "/" + relative
    makeFolder(relative.split(separator: "/").dropLast().joined(separator: "/"))
    _ = FileManager.default.createFile(atPath: file, contents: Data(bytes))
    return file
  }

  @discardableResult
  func write(_ relative: String, _ text: String) -> String { write(relative, Array(text.utf8)) }

  func makeFolder(_ relative: String) {
    try! FileManager.default.createDirectory(
      atPath: path + "/" + relative, withIntermediateDirectories: true)
  }

  func link(_ relative: String, to target: String) {
    try! FileManager.default.createSymbolicLink(
      atPath: path + "/" + relative, withDestinationPath: target)
  }
}

enum Pictures {
  static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures")

  static func fixture(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: fixtures.appendingPathComponent(name)))
  }

  /// The pattern of scripts/golden/images.py [height, width, 3].
  static func pattern(_ width: Int, _ height: Int) -> PixelBuffer {
    let image = PixelBuffer(width: width, height: height)
    for y in 0..<height {
      for x in 0..<width {
        for c in 0..<3 {
          image.pixels[(y * width + x) * 3 + c] =
            UInt8((x * 7 + y * 13 + c * 29 + x * y) % 256)
        }
      }
    }
    return image
  }

  /// A JPEG of smooth colours that depend on `seed`.
  static func jpeg(_ width: Int, _ height: Int, seed: Int = 0, quality: Int = 90) -> [UInt8] {
    let image = PixelBuffer(width: width, height: height)
    for y in 0..<height {
      for x in 0..<width {
        let pixel = image.pixels + (y * width + x) * 3
        pixel[0] = UInt8((x * 255 / width + seed * 37) % 256)
        pixel[1] = UInt8((y * 255 / height + seed * 91) % 256)
        pixel[2] = UInt8((seed * 53 + (x > y ? 100 : 0)) % 256)
      }
    }
    return JPEGEncoder().encode(image.pixels, width: width, height: height, quality: quality)
  }

  static func decode(_ bytes: [UInt8], eighths: Int = 8) throws -> PixelBuffer {
    let image = PixelBuffer()
    try bytes.withUnsafeBytes { try JPEGDecoder().decode($0, into: image) { _ in eighths } }
    return image
  }

  /// FNV-1a, as the script has it.
  static func fnv(_ bytes: [UInt8]) -> String {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return String(repeating: "0", count: 16 - String(value, radix: 16).count)
      + String(value, radix: 16)
  }
}
