internal import Datasets
private import Synchronization

/// The photos of another source, decoded and compressed again at one quality.
final class RecompressedSource: PhotoSource {
  private final class Bench: Sendable {
    let decoder = ImageDecoder()
    let encoder = JPEGEncoder()
    let image = PixelBuffer()
  }

  private let source: any PhotoSource
  private let quality: Int
  /// Codecs that no thread uses now.
  private let benches = Mutex<[Bench]>([])

  /// Photos of `source` at libjpeg's `quality` 1...100; turned upright, in full size.
  init(_ source: any PhotoSource, quality: Int) {
    self.source = source
    self.quality = quality
  }

  var count: Int { source.count }
  func name(of photo: Int) -> String { source.name(of: photo) }

  func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    try source.read(photo, into: buffer)
    let bench = benches.withLock { $0.popLast() } ?? Bench()
    defer { benches.withLock { $0.append(bench) } }
    try bench.decoder.decode(buffer.bytes, into: bench.image)
    let bytes = bench.encoder.encode(
      bench.image.pixels, width: bench.image.width, height: bench.image.height,
      quality: quality)
    bytes.withUnsafeBytes { buffer.set($0) }
  }
}
