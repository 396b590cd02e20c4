package import Detection

/// How faces are found on photos as a camera takes them, one a photo.
package struct FaceSearch: Sendable, Equatable {
  /// The ONNX file of a detector.
  package var detector: String
  /// Which of several faces of a photo is taken: the first of this order.
  package var faces = FaceChoice.largest
  /// The least score of a face, 0 to 1.
  package var score = 0.6

  /// Looks for faces by the file `detector`.
  package init(detector: String) { self.detector = detector }
}
