internal import Determinism

/// Paints one photo: a person under conditions, onto a canvas, back to front.
struct FacePainter {
  let person: FaceIdentity
  let photo: FaceConditions
  let canvas: FaceCanvas
  let strands: FaceLattice
  let clutter: FaceLattice
  /// The squared half-width of the head at heights -1.3...1.3.
  let outline: [Float]

  static let outlineCount = 261
  static let outlineTop: Float = -1.3
  static let outlineStep: Float = 0.01

  init(
    person: FaceIdentity, photo: FaceConditions, texture: FaceLattice, clutter: FaceLattice,
    canvas: FaceCanvas
  ) {
    self.person = person
    self.photo = photo
    self.canvas = canvas
    self.clutter = clutter
    strands = texture
    let shape = person.outline
    let drop = max(0, photo.expression.opening) * 0.04
    outline = (0..<Self.outlineCount).map { index in
      let y = Self.outlineTop + Float(index) * Self.outlineStep
      let stretched = y > 0 ? y / (1 + drop) : y
      let widening =
        1 + shape.temple * hill((y + 0.5) * (y + 0.5) / 0.3)
        + shape.cheek * hill((y - 0.15) * (y - 0.15) / 0.2)
        + (shape.jaw - 0.04) * hill((y - 0.62) * (y - 0.62) / 0.16)
        + shape.chin * hill((y - 0.95) * (y - 0.95) / 0.1)
      let half = shape.width * widening
      return half * half * (1 - stretched * stretched)
    }
    let pose = photo.pose
    let size = Float(canvas.size)
    var view = FaceView(
      size: canvas.size, scale: pose.scale * size, x: pose.centerX * size,
      y: pose.centerY * size, sinRoll: pose.sinRoll, cosRoll: pose.cosRoll)
    view.sinYaw = pose.sinYaw
    view.cosYaw = pose.cosYaw
    view.pitch = pose.pitch
    view.width = shape.width
    canvas.view = view
  }

  /// Paints everything and fills `pixels` [size, size, 3]; `noise` seeds the grain.
  func paint(noise: CounterRandom, into pixels: UnsafeMutablePointer<UInt8>) {
    canvas.clear()
    clutter.withSurface { clutter in
      strands.withSurface { strands in
        paintBackdrop(clutter)
        paintBackHair(strands)
        paintBody(clutter)
        if !person.hair.coversEars { paintEar(near: false) }
        paintHead()
        if person.freckles > 0 { paintFreckles(strands) }
        paintRelief()
        paintSkinMarks()
        paintBeard(strands)
        paintNose()
        paintMouth()
        paintEye(-1)
        paintEye(1)
        paintBrow(-1, strands)
        paintBrow(1, strands)
        if !person.hair.coversEars { paintEar(near: true) }
        paintFrontHair(strands)
        paintGlasses()
        if let hat = photo.hat { paintHat(hat) }
        if let occluder = photo.occluder { paintOccluder(occluder) }
      }
    }
    castLight()
    develop(noise: noise, into: pixels)
  }

  /// The squared half-width of the head at height `y`, and its slope.
  @inline(__always)
  func squaredWidth(_ table: UnsafePointer<Float>, at y: Float) -> (Float, Float) {
    let place = max(
      0, min(Float(Self.outlineCount) - 2.001, (y - Self.outlineTop) / Self.outlineStep))
    let index = Int(Int32(place))
    let slope = table[index + 1] - table[index]
    return (table[index] + slope * (place - Float(index)), slope / Self.outlineStep)
  }

  /// The signed distance, in face units, from (x, y) to the outline; positive inside.
  @inline(__always)
  static func inside(_ squared: Float, _ slope: Float, _ x: Float) -> Float {
    (squared - x * x) / (4 * x * x + slope * slope + 1e-4).squareRoot()
  }

  private func paintHead() {
    let view = canvas.view
    let skin = person.skin
    outline.withUnsafeBufferPointer { table in
      let table = table.baseAddress!
      canvas.eachPixel(x: -1.05...1.05, y: -1.1...1.15) { index, x, y in
        let (squared, slope) = squaredWidth(table, at: y)
        let cover = canvas.edge(Self.inside(squared, slope, x))
        guard cover > 0 else { return }
        let half = max(squared, 1e-3).squareRoot()
        let s = max(-1, min(1, x / half))
        let c = (1 - s * s).squareRoot()
        let height = (max(0, 1 - y * y)).squareRoot()
        let v = y - view.pitch * c * height
        let u = x * view.cosYaw - view.width * FaceView.depth(at: y) * c * view.sinYaw
        canvas.place[index] = SIMD4(u, v, c * view.cosYaw + s * view.sinYaw, cover)
        canvas.lay(skin, cover, at: index)
        canvas.turn(s * (0.35 + 0.55 * s * s), y * (0.2 + 0.6 * y * y), cover, at: index)
      }
    }
  }

  private func paintEar(near: Bool) {
    let view = canvas.view
    let side: Float = (view.sinYaw > 0) == near ? -1 : 1
    let half = person.outline.width * (1 + person.outline.cheek)
    let turn = view.sinYaw.magnitude
    let width = person.ears.width * (near ? 1 + 0.6 * turn : 1) * 0.75 + 0.03
    let height = person.ears.height
    let middleX = side * (half * view.cosYaw * (near ? 1 : 1.02) + width * (near ? 0.45 : 0.3))
    let middleY = person.ears.level + view.pitch * 0.1
    let skin = person.skin * Ink(0.98, 0.90, 0.88, 1)
    canvas.eachPixel(
      x: (middleX - width - 0.05)...(middleX + width + 0.05),
      y: (middleY - height - 0.05)...(middleY + height + 0.05)
    ) { index, x, y in
      let dx = (x - middleX - side * 0.15 * (middleY - y)) / width
      let dy = (y - middleY) / height
      let radius = (dx * dx + dy * dy).squareRoot()
      let cover = canvas.edge((1 - radius) * width)
      guard cover > 0 else { return }
      canvas.lay(skin, cover, at: index)
      canvas.turn(side * 0.3 + dx * 0.5, dy * 0.4, cover, at: index)
      let inner = hill((dx * dx * 2.2 + dy * dy * 2))
      canvas.shade(Ink(0.72, 0.62, 0.6, 1), inner * cover, at: index)
    }
  }

  private func paintBody(_ clutter: FaceLattice.Surface) {
    let skin = person.skin * Ink(0.93, 0.91, 0.9, 1)
    let neck = person.outline.width * (0.56 + person.outline.jaw)
    let shift = canvas.view.sinYaw * 0.08
    let (clothes, collar) = (photo.clothes, photo.collar)
    canvas.eachPixel(x: -4...4, y: 0.45...4) { index, x, y in
      let across = x - shift
      let flare = max(0, y - 1)
      let inNeck = canvas.edge(neck + flare * flare * 0.8 - across.magnitude)
      if inNeck > 0 && y < 2 {
        canvas.lay(skin, inNeck, at: index)
        canvas.turn(across / neck * 0.6, 0.1, inNeck, at: index)
        let shadow = 1 - smoothStep(0.85, 1.35, y)
        canvas.shade(Ink(0.55, 0.5, 0.5, 0.3), shadow * inNeck, at: index)
      }
      let top = 1.18 + 0.22 * across * across
      let neckline = 1.22 + 0.3 * max(0, 0.5 - across.magnitude)
      let inClothes = canvas.edge(y - max(top, neckline))
      guard inClothes > 0 else { return }
      let rim = canvas.edge(0.05 - (y - max(top, neckline)))
      let folds = 1 + 0.15 * clutter(x * 2 + 3, y * 1.3)
      canvas.lay((clothes + (collar - clothes) * rim) * folds, inClothes, at: index)
      canvas.turn(max(-0.7, min(0.7, across * 0.35)), -0.25, inClothes, at: index)
    }
  }

  private func paintBackdrop(_ clutter: FaceLattice.Surface) {
    let backdrop = photo.backdrop
    let size = canvas.size
    let unit = 1 / Float(size)
    let spread = backdrop.second - backdrop.first
    for row in 0..<size {
      let y = (Float(row) + 0.5) * unit
      for column in 0..<size {
        let x = (Float(column) + 0.5) * unit
        var share = (x - 0.5) * backdrop.dx + (y - 0.5) * backdrop.dy + 0.5
        if backdrop.stripes > 0 {
          let wave = share * backdrop.stripes
          let saw = (wave - wave.rounded(.down) - 0.5).magnitude * 2
          share = smoothStep(0.35, 0.65, saw)
        }
        let rough = 1 + backdrop.roughness * clutter(x * backdrop.grain, y * backdrop.grain)
        var color = (backdrop.first + spread * clamp01(share)) * rough
        color.w = 0
        canvas.ink[row * size + column] = color
      }
    }
    for patch in backdrop.patches {
      let columns = max(0, Int((patch.x - patch.rx) * Float(size)))
      let lastColumn = min(size, Int((patch.x + patch.rx) * Float(size)))
      let rows = max(0, Int((patch.y - patch.ry) * Float(size)))
      let lastRow = min(size, Int((patch.y + patch.ry) * Float(size)))
      for row in rows..<max(rows, lastRow) {
        let dy = ((Float(row) + 0.5) * unit - patch.y) / patch.ry
        for column in columns..<max(columns, lastColumn) {
          let dx = ((Float(column) + 0.5) * unit - patch.x) / patch.rx
          let box = max(dx.magnitude, dy.magnitude)
          canvas.lay(patch.color, 0.8 * (1 - smoothStep(0.8, 1, box)), at: row * size + column)
        }
      }
    }
  }
}
