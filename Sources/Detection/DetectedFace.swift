internal import Datasets

/// A face on a photo: where it is, its five points, and how sure the detector is.
package struct DetectedFace: Sendable, Equatable {
  /// Pixels of the upright photo, with pixel centres at whole numbers.
  package var left, top, width, height: Double
  /// x1 y1 ... x5 y5: left and right eye of the picture, nose, left and right corner of the mouth.
  package var points: [Double]
  /// 0 to 1.
  package var score: Double

  /// A face with ten numbers of `points`.
  package init(
    left: Double, top: Double, width: Double, height: Double, points: [Double], score: Double
  ) {
    (self.left, self.top, self.width, self.height) = (left, top, width, height)
    (self.points, self.score) = (points, score)
  }

  /// In pixels of the photo.
  package var area: Double { width * height }

  /// The area that two boxes share over that which they cover together.
  package func overlap(_ other: DetectedFace) -> Double {
    let across = min(left + width, other.left + other.width) - max(left, other.left)
    let down = min(top + height, other.top + other.height) - max(top, other.top)
    guard across > 0, down > 0 else { return 0 }
    return across * down / (area + other.area - across * down)
  }

  /// The same face on a photo of which this one is the resampled picture, `scale` times as long.
  func onPhoto(x scaleX: Double, y scaleY: Double) -> DetectedFace {
    func x(_ value: Double) -> Double { (value + 0.5) / scaleX - 0.5 }
    func y(_ value: Double) -> Double { (value + 0.5) / scaleY - 0.5 }
    return DetectedFace(
      left: x(left), top: y(top), width: width / scaleX, height: height / scaleY,
      points: points.enumerated().map { $0 % 2 == 0 ? x($1) : y($1) }, score: score)
  }

  /// The same to a thousandth of a pixel, as `FoundFaces` writes it.
  var rounded: DetectedFace {
    DetectedFace(
      left: FoundFaces.rounded(left), top: FoundFaces.rounded(top),
      width: FoundFaces.rounded(width), height: FoundFaces.rounded(height),
      points: points.map(FoundFaces.rounded), score: score)
  }

  /// Those that no surer face overlaps by more than `limit`, the surest first: non-maximum
  /// suppression, in which equal scores keep their order.
  package static func suppressed(_ faces: [DetectedFace], above limit: Double) -> [DetectedFace] {
    let order = faces.indices.sorted {
      faces[$0].score != faces[$1].score ? faces[$0].score > faces[$1].score : $0 < $1
    }
    var kept: [DetectedFace] = []
    for index in order where kept.allSatisfy({ $0.overlap(faces[index]) <= limit }) {
      kept.append(faces[index])
    }
    return kept
  }
}

/// Which of the faces of a photo are taken.
package enum FaceChoice: String, CaseIterable, Sendable {
  /// The one of the largest box.
  case largest
  /// The one of the largest box less twice the squared distance of its middle from the photo's, as
  /// insightface chooses.
  case centred
  /// All of them, the largest first.
  case all

  /// `faces` of a photo of `width` times `height` pixels in the order of this choice, whose first
  /// is taken, or all.
  package func ordered(_ faces: [DetectedFace], width: Int, height: Int) -> [DetectedFace] {
    func rank(_ face: DetectedFace) -> Double {
      guard self == .centred else { return face.area }
      let x = face.left + face.width / 2 - Double(width - 1) / 2
      let y = face.top + face.height / 2 - Double(height - 1) / 2
      return face.area - 2 * (x * x + y * y)
    }
    let ranks = faces.map(rank)
    return faces.indices.sorted { ranks[$0] != ranks[$1] ? ranks[$0] > ranks[$1] : $0 < $1 }
      .map { faces[$0] }
  }
}
