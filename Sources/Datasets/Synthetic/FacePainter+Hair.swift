extension FacePainter {
  /// The colour of hair at (x, y): strands run down and outward from the parting.
  @inline(__always)
  private func hairColor(
    _ strands: FaceLattice.Surface, _ x: Float, _ y: Float, parting: Float
  ) -> Ink {
    let hair = person.hair
    let dx = x - parting
    let dy = y + 1.15
    let angle = dx / (dx.magnitude + dy.magnitude + 0.15)
    let curl = hair.curl
    var tone = strands(angle * 17 + curl * 40, y * (1.4 + curl * 60))
    if curl > 0 { tone += 0.8 * strands(x * 9, y * 9) }
    tone += 0.5 * strands(angle * 41, y * 2.3 + 9)
    return hair.color * (1 + hair.strand * tone)
  }

  private var parting: Float { person.hair.part * 1.6 * photo.hairdo.part }

  /// The back of the head swings against the face.
  private var hairShift: Float { canvas.view.sinYaw * -0.10 }

  /// The half-width of the hair.
  private var widestHair: Float {
    person.outline.width * (1 + person.outline.temple * 0.6)
      * (1 + person.hair.side * photo.hairdo.volume)
  }

  /// Hair before and behind the head has one surface; `s` is -1...1 across it.
  @inline(__always)
  private func turnHair(_ s: Float, _ y: Float, _ cover: Float, at index: Int) {
    let down = max(-0.75, min(0, y * 0.65))
    canvas.turn(s * (0.35 + 0.35 * s * s) * (1 + down * 0.4), down, cover, at: index)
  }

  /// The whole outline of the hair, behind the head.
  func paintBackHair(_ strands: FaceLattice.Surface) {
    let hair = person.hair
    guard hair.hasBack else { return }
    let volume = photo.hairdo.volume
    let top = 1 + hair.top * volume
    let shift = hairShift
    let parting = parting
    let widest = widestHair
    let reach = widest + 0.3
    let end = hair.end
    let fade: Float = hair.curl > 0 || end < 0.5 ? 0.14 : 0.05
    canvas.eachPixel(x: (-reach)...(reach), y: -1.6...(min(end, 2.4) + 0.15)) { index, x, y in
      let across = x - shift
      var distance: Float
      if y < -0.1 {
        let h = (y + 0.1) / (top - 0.1)
        let squared = 1 - h * h
        let half = widest
        distance =
          (half * half * squared - across * across)
          / (4 * across * across + (2 * h * half * half / top) * (2 * h * half * half / top) + 1e-4)
          .squareRoot()
      } else {
        distance = widest * (1 + 0.04 * y) - across.magnitude
      }
      if hair.curl > 0 { distance += hair.curl * 1.3 * strands(x * 7 + 5, y * 7) }
      distance += 0.012 * strands(x * 23, y * 5)
      // A crown leaves the top free.
      if hair.line < -1 { distance = min(distance, y + 0.55) }
      let ragged = end + 0.05 * strands(x * 12, 3)
      let cover = canvas.edge(distance) * (1 - smoothStep(ragged - fade, ragged + fade * 0.3, y))
      guard cover > 0 else { return }
      var color = hairColor(strands, x, y, parting: parting)
      // Hair below the ears lies behind the face.
      let deep =
        1 - 0.35 * smoothStep(-0.2, 0.6, y) * smoothStep(0.25, 0, across.magnitude - widest * 0.55)
      color *= Ink(deep, deep, deep, 1)
      canvas.lay(color, cover, at: index)
      turnHair(across / widest, y, cover, at: index)
    }
  }

  /// The hair before the skin: hairline, sides, fringe.
  func paintFrontHair(_ strands: FaceLattice.Surface) {
    let hair = person.hair
    guard hair.hasFront else { return }
    let width = person.outline.width
    let line = hair.line + photo.hairdo.line * (hair.line < -1 ? 0 : 1)
    let part = hair.part * photo.hairdo.part
    let parting = parting
    let (shift, widest) = (hairShift, widestHair)
    let view = canvas.view
    let inverse = 1 / width
    canvas.eachPixel(x: -1.05...1.05, y: -1.15...(min(hair.sideEnd, 1.1) + 0.4)) { index, x, y in
      let here = canvas.place[index]
      guard here.w > 0 else { return }
      let (u, v) = (here.x, here.y)
      let t = u * inverse
      var low = line + hair.curve * t * t + part * t
      low += hair.peak * hill(t * t * 22)
      let wisp = strands(u * 16 + 7, v * 2 + 1)
      low += (0.018 + hair.fringe) * wisp
      var distance = low - v
      let ragged = hair.sideEnd + 0.03 * wisp
      let behind: Float = here.z < 0 && v < 0.3 ? 1 : 0
      let edge = hair.sideEdge - 0.10 * smoothStep(-0.1, -0.6, v) + 0.02 * wisp
      let beside = (max(t.magnitude, behind * 1.2) - edge) * width
      // At the silhouette the side of the head is seen edge-on: nothing hides hair there.
      distance = max(distance, min(beside, ragged - v))
      if hair.curl > 0 { distance += hair.curl * 0.8 * strands(x * 8 + 2, y * 8) }
      let soft = min(view.scale, 45)
      // Over hair the edge of the head must not shine through.
      let head = hair.hasBack ? min(1, here.w * 4) : here.w
      let cover = clamp01(distance * soft + 0.5) * head
      guard cover > 0 else {
        // A little shade of the hair on the skin.
        if distance > -0.07 {
          canvas.shade(Ink(0.72, 0.68, 0.68, 0.8), (1 + distance / 0.07) * 0.5 * here.w, at: index)
        }
        return
      }
      canvas.lay(hairColor(strands, x, y, parting: parting), cover, at: index)
      canvas.flatten(cover, at: index)
      turnHair((x - shift) / widest, y, cover, at: index)
    }
  }
}
