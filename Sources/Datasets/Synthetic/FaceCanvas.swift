/// The working memory of one drawing: three values of four numbers for each pixel [size, size].
///
/// A face is painted in colours without light; beside the colours the surface is kept (normal and
/// relief) and the place on the head, so that light is cast on everything at the end.
final class FaceCanvas {
  let size: Int
  /// Red, green, blue in 0...1, and shine.
  let ink: UnsafeMutablePointer<Ink>
  /// The surface normal right and down, the height of features in face units, unused.
  let form: UnsafeMutablePointer<SIMD4<Float>>
  /// u and v on the head, how much the skin faces the camera, how much of the pixel is head.
  let place: UnsafeMutablePointer<SIMD4<Float>>

  /// Where the face stands in the photo; set for each photo.
  var view = FaceView(size: 1, scale: 1, x: 0, y: 0, sinRoll: 0, cosRoll: 1)

  init(size: Int) {
    self.size = size
    ink = .allocate(capacity: 3 * size * size)
    ink.initialize(repeating: .zero, count: 3 * size * size)
    form = ink + size * size
    place = form + size * size
  }

  deinit { ink.deallocate() }

  /// Empties surface and place; the background overwrites every colour.
  func clear() { form.update(repeating: .zero, count: 2 * size * size) }

  /// Calls `body(index, x, y)` for the pixels of a box, with their face coordinates.
  @inline(__always)
  func eachPixel(
    x: ClosedRange<Float>, y: ClosedRange<Float>, _ body: (Int, Float, Float) -> Void
  ) {
    let view = view
    let (columns, rows) = view.pixels(x: x, y: y)
    for row in rows {
      let dy = Float(row) + 0.5 - view.y
      let dx = Float(columns.lowerBound) + 0.5 - view.x
      let x0 = (dx * view.cosRoll + dy * view.sinRoll) * view.unit
      let y0 = (dy * view.cosRoll - dx * view.sinRoll) * view.unit
      let stepX = view.cosRoll * view.unit
      let stepY = -view.sinRoll * view.unit
      for column in columns {
        let step = Float(column - columns.lowerBound)
        body(row * size + column, x0 + step * stepX, y0 + step * stepY)
      }
    }
  }

  /// Calls `body(index, u, v, cover)` for the pixels of the head near (u, v).
  @inline(__always)
  func eachFacePixel(
    u: Float, v: Float, reachU: Float, reachV: Float, _ body: (Int, Float, Float, Float) -> Void
  ) {
    let view = view
    let x = view.x(u: u, v: v)
    let y = view.y(u: u, v: v)
    let (columns, rows) = view.pixels(
      x: (x - reachU - 0.1)...(x + reachU + 0.1), y: (y - reachV - 0.1)...(y + reachV + 0.1))
    let place = place
    for row in rows {
      for index in (row * size + columns.lowerBound)..<(row * size + columns.upperBound) {
        let here = place[index]
        if here.w > 0 && here.z > 0 { body(index, here.x, here.y, here.w) }
      }
    }
  }

  /// Covers the share `alpha` of a pixel with `color`.
  @inline(__always)
  func lay(_ color: Ink, _ alpha: Float, at index: Int) {
    ink[index] += (color - ink[index]) * alpha
  }

  /// Multiplies the colour of a pixel by `factor` over the share `alpha`.
  @inline(__always)
  func shade(_ factor: Ink, _ alpha: Float, at index: Int) {
    ink[index] *= (factor - 1) * alpha + 1
  }

  /// Turns the surface of a pixel to the normal (x, y), in face axes, over the share `alpha`.
  @inline(__always)
  func turn(_ x: Float, _ y: Float, _ alpha: Float, at index: Int) {
    let right = x * view.cosRoll - y * view.sinRoll
    let down = x * view.sinRoll + y * view.cosRoll
    let old = form[index]
    form[index] = old + (SIMD4(right, down, 0, 0) - old) * alpha
  }

  /// Raises the surface of a pixel by `height` face units.
  @inline(__always)
  func raise(_ height: Float, at index: Int) { form[index].z += height }

  /// Takes the height of features from a pixel over the share `alpha`.
  @inline(__always)
  func flatten(_ alpha: Float, at index: Int) { form[index].z *= 1 - alpha }

  /// The share of a pixel that lies inside an edge `distance` face units away.
  @inline(__always)
  func edge(_ distance: Float) -> Float { clamp01(distance * view.scale + 0.5) }
}

/// The camera: face units to pixels and back, and the turning of the head.
struct FaceView {
  let size: Int
  /// Pixels in one face unit.
  let scale: Float
  /// Face units in one pixel.
  let unit: Float
  /// The middle of the head, in pixels.
  let x, y: Float
  let sinRoll, cosRoll: Float
  var sinYaw: Float = 0
  var cosYaw: Float = 1
  var pitch: Float = 0
  var width: Float = 1

  init(size: Int, scale: Float, x: Float, y: Float, sinRoll: Float, cosRoll: Float) {
    self.size = size
    self.scale = scale
    unit = 1 / scale
    self.x = x
    self.y = y
    self.sinRoll = sinRoll
    self.cosRoll = cosRoll
  }

  /// How far the surface at (u, v) lies before the axis of the head.
  @inline(__always)
  private func depth(u: Float, v: Float) -> Float {
    let s = u / width
    return width * (max(0, 1 - s * s)).squareRoot() * Self.depth(at: v)
  }

  /// The depth of the head at height `v`, over its half-width.
  @inline(__always)
  static func depth(at v: Float) -> Float { 0.95 * (max(0, 1 - 0.55 * v * v)).squareRoot() }

  /// Where (u, v) of the head appears, to within the margins of `eachFacePixel`.
  func x(u: Float, v: Float) -> Float { u * cosYaw + depth(u: u, v: v) * sinYaw }
  func y(u: Float, v: Float) -> Float { v + pitch * depth(u: u, v: v) / width }

  /// The columns and rows of the pixels that a box in face units can touch.
  func pixels(x boxX: ClosedRange<Float>, y boxY: ClosedRange<Float>) -> (Range<Int>, Range<Int>) {
    let middleX = (boxX.lowerBound + boxX.upperBound) * 0.5
    let middleY = (boxY.lowerBound + boxY.upperBound) * 0.5
    let halfX = (boxX.upperBound - boxX.lowerBound) * 0.5 * scale
    let halfY = (boxY.upperBound - boxY.lowerBound) * 0.5 * scale
    let centerX = x + (middleX * cosRoll - middleY * sinRoll) * scale
    let centerY = y + (middleX * sinRoll + middleY * cosRoll) * scale
    let reachX = halfX * cosRoll.magnitude + halfY * sinRoll.magnitude + 1
    let reachY = halfX * sinRoll.magnitude + halfY * cosRoll.magnitude + 1
    return (limited(centerX, reachX), limited(centerY, reachY))
  }

  private func limited(_ center: Float, _ reach: Float) -> Range<Int> {
    let low = max(0, min(Float(size), center - reach))
    let high = max(low, min(Float(size), center + reach))
    return Int(low)..<Int(high.rounded(.up))
  }
}
