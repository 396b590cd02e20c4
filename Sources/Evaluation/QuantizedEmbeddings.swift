internal import Preconditions

extension Embeddings {
  /// The rows in `bits` bits a number, 1...8, each row scaled so that its largest number fills
  /// them: whole numbers of -(2^(bits-1) - 1)...2^(bits-1) - 1, or signs for one bit.
  ///
  /// Distances are taken after normalisation, so no scale need be kept: 128 numbers in 8 bits are
  /// the 128 bytes a face of FaceNet's section 5.4. Rows that are zero or not finite stay so.
  package func quantized(bits: Int) -> Embeddings {
    require((1...8).contains(bits), "Embeddings.quantized: \(bits) bits a number")
    let top = Float(max(1, 1 << (bits - 1) - 1))
    var result = values
    for row in 0..<count where norms[row].isFinite {
      let range = row * dimension..<(row + 1) * dimension
      let largest = values[range].reduce(0) { max($0, $1.magnitude) }
      guard largest > 0 else { continue }
      for i in range {
        result[i] =
          bits == 1 ? (values[i] < 0 ? -1 : 1) : (values[i] / largest * top).rounded()
      }
    }
    return Embeddings(result, dimension: dimension)
  }

  /// The bytes of one row in `bits` bits a number.
  package func bytesPerRow(bits: Int) -> Int { (dimension * bits + 7) / 8 }
}
