/// A box on its way through MTCNN's networks, in the pixels of the photo counted from one, as
/// facenet-pytorch (detect_face.py) has them.
package struct MTCNNBox: Sendable, Equatable {
  package var left, top, right, bottom: Double
  /// 0 to 1.
  package var score: Double

  /// A box of four sides.
  package init(left: Double, top: Double, right: Double, bottom: Double, score: Double) {
    (self.left, self.top, self.right, self.bottom) = (left, top, right, bottom)
    self.score = score
  }

  /// What the area that two boxes share is compared with.
  package enum Overlap: Sendable {
    /// That which they cover together.
    case union
    /// That of the smaller one; sides have a pixel more than their difference here.
    case smaller
  }

  /// The share of the area that two boxes have together.
  package func overlap(_ other: MTCNNBox, _ kind: Overlap) -> Double {
    let more: Double = kind == .smaller ? 1 : 0
    func area(_ box: MTCNNBox) -> Double {
      (box.right - box.left + more) * (box.bottom - box.top + more)
    }
    let across = max(0, min(right, other.right) - max(left, other.left) + more)
    let down = max(0, min(bottom, other.bottom) - max(top, other.top) + more)
    let shared = across * down
    switch kind {
    case .union: return shared / (area(self) + area(other) - shared)
    case .smaller: return shared / min(area(self), area(other))
    }
  }

  /// Which of `boxes` no surer one overlaps by more than `limit`, the surest first; equal scores
  /// keep their order.
  package static func kept(
    of boxes: [MTCNNBox], above limit: Double, _ kind: Overlap = .union
  ) -> [Int] {
    let order = boxes.indices.sorted {
      boxes[$0].score != boxes[$1].score ? boxes[$0].score > boxes[$1].score : $0 < $1
    }
    var kept: [Int] = []
    for index in order
    where !kept.contains(where: { boxes[$0].overlap(boxes[index], kind) > limit }) {
      kept.append(index)
    }
    return kept
  }

  /// The box with its sides moved by `shares` of its width and height, left, top, right, bottom;
  /// these are differences of the sides and `more`.
  package func moved(by shares: [Float], more: Double) -> MTCNNBox {
    let (width, height) = (right - left + more, bottom - top + more)
    return MTCNNBox(
      left: left + Double(shares[0]) * width, top: top + Double(shares[1]) * height,
      right: right + Double(shares[2]) * width, bottom: bottom + Double(shares[3]) * height,
      score: score)
  }

  /// The square around the same middle with the longer side.
  package var squared: MTCNNBox {
    let (width, height) = (right - left, bottom - top)
    let side = max(width, height)
    var square = self
    square.left += width * 0.5 - side * 0.5
    square.top += height * 0.5 - side * 0.5
    (square.right, square.bottom) = (square.left + side, square.top + side)
    return square
  }

  /// The rows and columns, counted from zero, of a photo of a size that lie in the box; nil where
  /// there are none.
  package func pixels(width: Int, height: Int) -> (rows: Range<Int>, columns: Range<Int>)? {
    // Weights that are none of MTCNN's may put a box anywhere, or nowhere.
    guard [left, top, right, bottom].allSatisfy({ $0.magnitude < Self.farthest }) else {
      return nil
    }
    let (x, y) = (max(Int(left), 1) - 1, max(Int(top), 1) - 1)
    let (endX, endY) = (min(Int(right), width), min(Int(bottom), height))
    guard x < endX, y < endY else { return nil }
    return (y..<endY, x..<endX)
  }

  /// A box that is farther from the first pixel is on no photo.
  static let farthest = 1e5
}
