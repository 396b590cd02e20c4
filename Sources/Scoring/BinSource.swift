internal import Datasets
internal import Interchange

/// The photos of a verification set of InsightFace.
struct BinSource: PhotoSource {
  private let bin: VerificationBin
  private let file: String

  init(_ bin: VerificationBin, name: String) {
    self.bin = bin
    file = name
  }

  var count: Int { bin.photoCount }
  func name(of photo: Int) -> String { "\(file)/pair-\(photo / 2 + 1)-\(photo % 2 + 1)" }

  func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    bin.withImage(photo) { buffer.set($0) }
  }
}
