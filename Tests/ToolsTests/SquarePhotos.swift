import Datasets
import Foundation

/// Photos of grey squares on black, which the detector of scripts/golden/detector.py takes for
/// faces.
enum SquarePhotos {
  static let detector = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Golden/detector.onnx").path

  /// A square: its side a multiple of 32 pixels, as its place is.
  typealias Square = (left: Int, top: Int, side: Int, level: UInt8)

  /// A photo with a gradient in each square, so that no two are alike.
  static func write(
    _ path: String, _ width: Int, _ height: Int, _ squares: [Square]
  ) throws {
    var bytes = [UInt8](repeating: 0, count: width * height * 3)
    for square in squares {
      for y in 0..<square.side {
        for x in 0..<square.side {
          let place = 3 * ((square.top + y) * width + square.left + x)
          bytes[place] = square.level
          bytes[place + 1] = square.level - UInt8(x % 24)
          bytes[place + 2] = square.level - UInt8(y % 40)
        }
      }
    }
    let url = URL(fileURLWithPath: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(JPEGEncoder().encode(bytes, width: width, height: height, quality: 95)).write(to: url)
  }
}
