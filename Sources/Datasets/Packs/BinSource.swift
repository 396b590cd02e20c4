package import Interchange

/// The photos of a verification set of InsightFace, two for each pair.
package struct BinSource: PhotoSource {
  private let bin: VerificationBin
  private let file: String

  /// Lends the photos of `bin`, which messages call `name`.
  package init(_ bin: VerificationBin, name: String) {
    self.bin = bin
    file = name
  }

  package var count: Int { bin.photoCount }
  package func name(of photo: Int) -> String { "\(file)/pair-\(photo / 2 + 1)-\(photo % 2 + 1)" }

  package func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    bin.withImage(photo) { buffer.set($0) }
  }
}
