private import Preconditions

/// A similarity of the plane: (x, y) goes to (a x - b y + tx, b x + a y + ty).
package struct Similarity: Equatable, Sendable {
  /// Its scale and turn, `a` and `b`, and its shift in pixels.
  package var a, b, tx, ty: Double

  /// The least-squares similarity from `source` to `target` (Umeyama 1991, without reflection);
  /// nil where all source points coincide.
  package init?(from source: [(x: Double, y: Double)], to target: [(x: Double, y: Double)]) {
    require(
      source.count == target.count && !source.isEmpty,
      "Similarity: \(source.count) points to \(target.count)")
    let n = Double(source.count)
    let sourceX = source.reduce(0) { $0 + $1.x } / n
    let sourceY = source.reduce(0) { $0 + $1.y } / n
    let targetX = target.reduce(0) { $0 + $1.x } / n
    let targetY = target.reduce(0) { $0 + $1.y } / n
    var (along, across, square) = (0.0, 0.0, 0.0)
    for (s, d) in zip(source, target) {
      let (sx, sy, dx, dy) = (s.x - sourceX, s.y - sourceY, d.x - targetX, d.y - targetY)
      along += sx * dx + sy * dy
      across += sx * dy - sy * dx
      square += sx * sx + sy * sy
    }
    guard square > 0, along != 0 || across != 0 else { return nil }
    a = along / square
    b = across / square
    tx = targetX - (a * sourceX - b * sourceY)
    ty = targetY - (b * sourceX + a * sourceY)
  }

  private init(a: Double, b: Double, tx: Double, ty: Double) {
    self.a = a
    self.b = b
    self.tx = tx
    self.ty = ty
  }

  /// The similarity that undoes this one.
  package var inverse: Similarity {
    let q = a * a + b * b
    return Similarity(
      a: a / q, b: -b / q, tx: -(a * tx + b * ty) / q, ty: (b * tx - a * ty) / q)
  }

  /// This map onto an image whose sides are `factor` times as long, pixel centres at whole numbers.
  package func scaled(by factor: Double) -> Similarity {
    let shift = 0.5 * (factor - 1)
    return Similarity(
      a: a * factor, b: b * factor, tx: tx * factor + shift, ty: ty * factor + shift)
  }

  /// The length of a unit step after the map.
  package var scale: Double { (a * a + b * b).squareRoot() }
}

/// Alignment of faces by five points to insightface's 112 x 112 template (face_align.py).
package enum Alignment {
  /// Left eye, right eye, nose, left and right corner of the mouth, in a sample of `size` pixels:
  /// by 128 with 8 columns more on either side where `size` is a multiple of 128 and not of 112. A
  /// sample that is no square is the middle of one that has its longer side.
  package static func template(size: ImageSize) -> [(x: Double, y: Double)] {
    let square = size.longerSide
    let points = [
      (38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655),
      (70.7299, 92.2041),
    ]
    let isWide = square % 112 != 0 && square % 128 == 0
    let scale = Double(square) / (isWide ? 128 : 112)
    let left = Double(square - size.width) / 2
    let top = Double(square - size.height) / 2
    return points.map { (x: ($0.0 + (isWide ? 8 : 0)) * scale - left, y: $0.1 * scale - top) }
  }

  /// How little five points are those of a face: the part of their spread, 0 to 1, that no
  /// similarity of the template explains. A face from the front has some hundredths, one in profile
  /// up to 0.3.
  package static func misfit(_ points: [(x: Double, y: Double)]) -> Double { fit(points).misfit }

  /// The same, and how far the face is turned: 0 where it is upright, 1 where it lies on its side,
  /// 2 where it is upside down.
  static func fit(_ points: [(x: Double, y: Double)]) -> (misfit: Double, turn: Double) {
    let template = template(size: 112)
    require(points.count == template.count, "Alignment.misfit: \(points.count) points, not 5")
    func centered(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
      let n = Double(points.count)
      let (x, y) = (points.reduce(0) { $0 + $1.x } / n, points.reduce(0) { $0 + $1.y } / n)
      return points.map { ($0.x - x, $0.y - y) }
    }
    var (along, across, square, templateSquare) = (0.0, 0.0, 0.0, 0.0)
    for (p, t) in zip(centered(points), centered(template)) {
      along += p.x * t.x + p.y * t.y
      across += p.x * t.y - p.y * t.x
      square += p.x * p.x + p.y * p.y
      templateSquare += t.x * t.x + t.y * t.y
    }
    let common = along * along + across * across
    guard square > 0, common > 0 else { return (1, 2) }
    return (1 - common / (square * templateSquare), 1 - along / common.squareRoot())
  }

  /// Five points of a larger misfit are those of no face.
  package static let largestMisfit = 0.35

  /// Throws `ImageError` where the middle of the face, which `toPhoto` maps from a sample of
  /// `size`, is not on the photo of `width` times `height` pixels.
  package static func requireFace(
    by toPhoto: Similarity, from size: ImageSize, on width: Int, _ height: Int
  ) throws(ImageError) {
    let points = template(size: size)
    let x = points.reduce(0) { $0 + $1.x } / Double(points.count)
    let y = points.reduce(0) { $0 + $1.y } / Double(points.count)
    let (px, py) = (
      toPhoto.a * x - toPhoto.b * y + toPhoto.tx, toPhoto.b * x + toPhoto.a * y + toPhoto.ty
    )
    guard px > -1, py > -1, px < Double(width), py < Double(height) else {
      throw ImageError(
        description: "has its landmarks outside of its \(width) x \(height) pixels")
    }
  }

  /// Fills `output` [outHeight, outWidth, 3]: its pixel (u, v) is `image` [height, width, 3] at
  /// `similarity` of (x.scale u + x.offset, y.scale v + y.offset), bilinear, black beyond the edge.
  /// Coordinates are those of pixel centres, as OpenCV's `warpAffine` has them.
  package static func warp(
    _ image: UnsafePointer<UInt8>, width: Int, height: Int, by similarity: Similarity,
    x: (scale: Double, offset: Double), y: (scale: Double, offset: Double), outWidth: Int,
    outHeight: Int, into output: UnsafeMutablePointer<UInt8>
  ) {
    require(
      width > 0 && height > 0, "Alignment.warp: an image of [\(height), \(width), 3]")
    let m = similarity
    var out = output
    for v in 0..<outHeight {
      let py = y.scale * Double(v) + y.offset
      for u in 0..<outWidth {
        let px = x.scale * Double(u) + x.offset
        let sx = min(max(m.a * px - m.b * py + m.tx, -2), Double(width) + 1)
        let sy = min(max(m.b * px + m.a * py + m.ty, -2), Double(height) + 1)
        let left = Int(sx.rounded(.down))
        let top = Int(sy.rounded(.down))
        let wx = Float(sx - Double(left))
        let wy = Float(sy - Double(top))
        let isInside = left >= 0 && top >= 0 && left + 1 < width && top + 1 < height
        for channel in 0..<3 {
          let upper: Float
          let lower: Float
          if isInside {
            let pixel = image + (top * width + left) * 3 + channel
            let below = pixel + width * 3
            upper = Float(pixel[0]) * (1 - wx) + Float(pixel[3]) * wx
            lower = Float(below[0]) * (1 - wx) + Float(below[3]) * wx
          } else {
            func at(_ column: Int, _ row: Int) -> Float {
              guard column >= 0, column < width, row >= 0, row < height else { return 0 }
              return Float(image[(row * width + column) * 3 + channel])
            }
            upper = at(left, top) * (1 - wx) + at(left + 1, top) * wx
            lower = at(left, top + 1) * (1 - wx) + at(left + 1, top + 1) * wx
          }
          out[channel] = UInt8(min(upper * (1 - wy) + lower * wy + 0.5, 255))
        }
        out += 3
      }
    }
  }
}
