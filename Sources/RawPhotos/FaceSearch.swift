package import Detection

/// How faces are found on photos as a camera takes them, one a photo.
package struct FaceSearch: Sendable, Equatable {
  /// The file of a detector, or its folder.
  package var detector: String
  /// Which of several faces of a photo is taken: the first of this order.
  package var faces = FaceChoice.largest
  /// The least score of a face, 0 to 1; nil is the detector's usual one.
  package var score: Double?

  /// Looks for faces by the file or the folder `detector`.
  package init(detector: String) { self.detector = detector }

  /// The files of the detector.
  package var filesRead: [String] { FaceDetector.files(of: detector) }
}
