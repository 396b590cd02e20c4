private import CBLAS

/// The three products of a classification head over a block of its classes, single precision.
package enum HeadProduct {
  /// Overwrites columns 0..<classes of `scores` [rows, stride] with embeddings [rows, width] times
  /// the transpose of weights [classes, width].
  package static func scores(
    _ embeddings: UnsafePointer<Float>, weights: UnsafePointer<Float>, rows: Int, classes: Int,
    width: Int, stride: Int, into scores: UnsafeMutablePointer<Float>
  ) {
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, Int32(rows), Int32(classes), Int32(width), 1,
      embeddings, Int32(width), weights, Int32(width), 0, scores, Int32(stride))
  }

  /// Adds gradients [rows, stride], columns 0..<classes, times weights [classes, width] to `result`
  /// [rows, width].
  package static func embeddingGradient(
    _ gradients: UnsafePointer<Float>, weights: UnsafePointer<Float>, rows: Int, classes: Int,
    width: Int, stride: Int, addingTo result: UnsafeMutablePointer<Float>
  ) {
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(rows), Int32(width), Int32(classes), 1,
      gradients, Int32(stride), weights, Int32(width), 1, result, Int32(width))
  }

  /// Overwrites `result` [classes, width] with the transpose of gradients [rows, stride], columns
  /// 0..<classes, times embeddings [rows, width].
  package static func weightGradient(
    _ gradients: UnsafePointer<Float>, embeddings: UnsafePointer<Float>, rows: Int, classes: Int,
    width: Int, stride: Int, into result: UnsafeMutablePointer<Float>
  ) {
    cblas_sgemm(
      CblasRowMajor, CblasTrans, CblasNoTrans, Int32(classes), Int32(width), Int32(rows), 1,
      gradients, Int32(stride), embeddings, Int32(width), 0, result, Int32(width))
  }
}
