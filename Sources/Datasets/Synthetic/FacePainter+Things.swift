extension FacePainter {
  /// The person's glasses, or dark ones over anybody.
  func paintGlasses() {
    guard photo.wearsGlasses || photo.wearsSunglasses else { return }
    let dark = photo.wearsSunglasses
    let glasses = person.glasses
    let eyes = person.eyes
    let view = canvas.view
    let height = (dark ? 0.19 : glasses.height)
    let width = min(dark ? 0.26 : glasses.width, eyes.spacing - 0.04)
    let rim = dark ? 0.02 : max(glasses.rim, 0.55 * view.unit)
    let frame = dark ? Ink(0.06, 0.06, 0.07, 0.6) : glasses.color
    let tint = dark ? 0.93 : glasses.tint
    let middle = eyes.height + 0.02 + view.pitch * 0.06
    let swing = view.sinYaw * 0.09
    let power = dark ? 0.5 : glasses.squareness
    let temple = person.outline.width
    canvas.eachFacePixel(u: swing, v: middle, reachU: temple + 0.15, reachV: 0.34) {
      index, u, v, cover in
      let across = (u - swing).magnitude
      let (dx, dy) = ((across - eyes.spacing) / width, (v - middle) / height)
      let (x2, y2) = (dx * dx, dy * dy)
      let round = (x2 + y2).squareRoot()
      let square = (x2 * x2 + y2 * y2).squareRoot().squareRoot()
      let distance = (1 - round - (square - round) * power) * min(width, height)
      let lens = canvas.edge(distance)
      if lens > 0 {
        canvas.lay(Ink(0.07, 0.08, 0.09, 1), lens * tint * cover, at: index)
        let glint = hill((dx + dy * 0.6 + 0.35) * (dx + dy * 0.6 + 0.35) * 9)
        canvas.lay(Ink(1, 1, 1, 0.3), glint * lens * (dark ? 0.12 : 0.16) * cover, at: index)
      }
      let ring = canvas.edge(rim - distance.magnitude)
      let inner = eyes.spacing - width
      let bridgeLine = (v - middle + height * 0.25 + 0.04 * (1 - across * across / (inner * inner)))
        .magnitude
      let bridge = across < inner ? canvas.edge(rim * 0.9 - bridgeLine) : 0
      let arm =
        across > eyes.spacing + width
        ? canvas.edge(rim * 0.9 - (v - middle + height * 0.3).magnitude) : 0
      canvas.lay(frame, max(ring, max(bridge, arm)) * cover, at: index)
    }
  }

  /// A cap pulled over the hair.
  func paintHat(_ color: Ink) {
    let half = person.outline.width * 1.1 + person.hair.side * 0.4
    let top = 1.12 + person.hair.top * 0.5
    let view = canvas.view
    let brim = -0.48 + view.pitch * 0.4
    let band = color * Ink(0.6, 0.6, 0.6, 1)
    canvas.eachPixel(x: -1.5...1.5, y: -1.7...0) { index, x, y in
      let s = x / half
      let bend = brim + 0.10 * s * s - 0.05
      let h = (y - bend) / (top + bend)
      let dome = (1 - h * h) * half * half - x * x
      let inside = y < bend ? dome / (4 * x * x + 4 * h * h * half * half + 1e-3).squareRoot() : -1
      let under = bend + 0.09
      let bill =
        min(canvas.edge(under - y), canvas.edge(y - bend + 0.06))
        * canvas.edge(half * 1.03 - x.magnitude)
      let cover = max(canvas.edge(inside), bill)
      guard cover > 0 else { return }
      canvas.lay(color + (band - color) * bill, cover, at: index)
      canvas.turn(s * 0.7, min(0, h * 0.8), cover, at: index)
      canvas.flatten(cover, at: index)
    }
  }

  /// Something held before the face.
  func paintOccluder(_ thing: FaceConditions.Occluder) {
    canvas.eachPixel(x: -3...3, y: -3...3) { index, x, y in
      let (dx, dy) = (x - thing.x, y - thing.y)
      let along = max(0, dx * thing.dx + dy * thing.dy)
      let (ox, oy) = (dx - along * thing.dx, dy - along * thing.dy)
      let distance = (ox * ox + oy * oy).squareRoot()
      let cover = canvas.edge(thing.radius - distance)
      guard cover > 0 else { return }
      canvas.lay(thing.color, cover, at: index)
      canvas.turn(ox / thing.radius * 0.8, oy / thing.radius * 0.8, cover, at: index)
      canvas.flatten(cover, at: index)
    }
  }
}
