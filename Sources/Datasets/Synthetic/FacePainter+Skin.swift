extension FacePainter {
  /// Blush, wrinkles, moles and a scar.
  func paintSkinMarks() {
    let smile = max(0, photo.expression.smile)
    let age = person.age
    let skin = person.skin
    for side: Float in [-1, 1] {
      let cheek = side * person.outline.width * 0.58
      canvas.eachFacePixel(u: cheek, v: 0.3, reachU: 0.3, reachV: 0.25) { index, u, v, cover in
        let (du, dv) = ((u - cheek) / 0.28, (v - 0.3) / 0.22)
        canvas.shade(
          Ink(1.04, 0.78, 0.78, 1), hill(du * du + dv * dv) * person.blush * cover, at: index)
      }
      // The fold from nose to mouth.
      let depth = min(1, 0.15 + 0.55 * age + 0.4 * smile)
      let fromU = person.nose.width * 1.05
      let span = person.mouth.height + 0.04 - person.nose.length
      let toU = person.mouth.width * 1.15 + 0.05 * smile
      let middleV = person.nose.length + span * 0.5
      canvas.eachFacePixel(u: side * 0.5 * (fromU + toU), v: middleV, reachU: 0.22, reachV: 0.25) {
        index, u, v, cover in
        let t = (v - person.nose.length) / span
        guard t > -0.1 && t < 1.15 else { return }
        let line = fromU + (toU - fromU) * t.squareRoot1
        let off = u * side - line
        canvas.shade(
          Ink(0.66, 0.57, 0.55, 1),
          hill(off * off / 0.0016) * hill((t - 0.45) * (t - 0.45) / 0.42) * depth * cover, at: index
        )
      }
    }
    if age > 0.35 { paintForehead(depth: age - 0.15) }
    for mark in person.marks {
      let color = skin * Ink(0.42, 0.32, 0.30, 1)
      canvas.eachFacePixel(u: mark.u, v: mark.v, reachU: 0.06, reachV: 0.06) { index, u, v, cover in
        let (du, dv) = (u - mark.u, v - mark.v)
        let inside = canvas.edge(mark.radius - (du * du + dv * dv).squareRoot())
        canvas.lay(color, inside * mark.strength * cover, at: index)
      }
    }
    let scar = person.scar
    guard scar.strength > 0 else { return }
    let length2 = scar.du * scar.du + scar.dv * scar.dv
    let pale = skin * Ink(1.12, 0.88, 0.86, 1.5)
    canvas.eachFacePixel(u: scar.u, v: scar.v, reachU: 0.2, reachV: 0.25) { index, u, v, cover in
      let (du, dv) = (u - scar.u, v - scar.v)
      let t = max(-0.5, min(0.5, (du * scar.du + dv * scar.dv) / length2))
      let (ou, ov) = (du - t * scar.du, dv - t * scar.dv)
      let inside = hill((ou * ou + ov * ov) / 0.0014)
      canvas.lay(pale, inside * scar.strength * cover, at: index)
    }
  }

  private func paintForehead(depth: Float) {
    let raised = 0.03 * photo.expression.browRaise
    canvas.eachFacePixel(u: 0, v: -0.48, reachU: 0.5, reachV: 0.25) { index, u, v, cover in
      let wave = (v + 0.48 + raised + 0.12 * u * u) * 9
      let saw = (wave - wave.rounded(.down) - 0.5).magnitude * 2
      let line =
        hill((1 - saw) * (1 - saw) * 6) * hill((wave / 2.2) * (wave / 2.2)) * hill(u * u * 5)
      canvas.shade(Ink(0.74, 0.66, 0.64, 1), line * depth * 0.7 * cover, at: index)
    }
  }

  func paintFreckles(_ strands: FaceLattice.Surface) {
    let color = person.skin * Ink(0.68, 0.50, 0.40, 1)
    canvas.eachFacePixel(u: 0, v: 0.2, reachU: 0.7, reachV: 0.4) { index, u, v, cover in
      let zone = hill(
        ((u.magnitude - 0.3) / 0.42) * ((u.magnitude - 0.3) / 0.42) + ((v - 0.22) / 0.3)
          * ((v - 0.22) / 0.3))
      guard zone > 0 else { return }
      let (column, row) = ((u * 15).rounded(.down), (v * 15).rounded(.down))
      let (size, jitter) = strands.cell(column, row)
      let (du, dv) = (u * 15 - column - 0.5 - jitter * 0.3, v * 15 - row - 0.5 + size * 0.3)
      let spots = hill((du * du + dv * dv) / (0.06 + 0.08 * size.magnitude))
      canvas.lay(color, spots * min(1, zone * 2.5) * person.freckles * cover, at: index)
    }
  }

  /// Beard and moustache, from stubble to full.
  func paintBeard(_ strands: FaceLattice.Surface) {
    let beard = person.beard
    guard beard.chin + beard.moustache > 0 else { return }
    let mouth = person.mouth
    let smile = max(0, photo.expression.smile)
    let open = photo.expression.opening
    let lipTop = mouth.height - mouth.upper - 0.03
    let width = person.outline.width
    canvas.eachFacePixel(u: 0, v: 0.6, reachU: width + 0.1, reachV: 0.55) { index, u, v, cover in
      let across = u.magnitude
      var amount: Float = 0
      if beard.moustache > 0 {
        let reach = mouth.width * (1.1 + 0.15 * smile)
        let t = across / reach
        let center = lipTop - 0.012 + 0.09 * t * t - 0.05 * smile * t * t
        let half: Float = 0.055 * (1 - 0.35 * t * t)
        let inside =
          smoothStep(-0.02, 0.02, half - (v - center).magnitude) * (1 - smoothStep(0.9, 1.1, t))
        amount = max(amount, beard.moustache * inside)
      }
      let clear = smoothStep(
        0.9, 1.25,
        ((u / (mouth.width * 1.1)) * (u / (mouth.width * 1.1))
          + ((v - mouth.height - 0.02) / (0.11 + 0.06 * open))
            * ((v - mouth.height - 0.02) / (0.11 + 0.06 * open)))
          .squareRoot())
      if beard.chin > 0 {
        let zone =
          smoothStep(-0.04, 0.04, mouth.width * 1.25 - across)
          * smoothStep(mouth.height - 0.08, mouth.height, v)
        amount = max(amount, beard.chin * zone * clear)
      }
      if beard.cheek > 0 {
        let edge = beard.level + 0.35 * (1 - across / width) - 0.1 * (across / width)
        let zone =
          smoothStep(-0.03, 0.08, v - edge)
          * smoothStep(0.02, 0.16, across - 0.1 + max(0, v - lipTop))
        amount = max(amount, beard.cheek * zone * clear)
      }
      guard amount > 0 else { return }
      let hairs = 1 + 0.3 * strands(u * 34 + 11, v * 13)
      canvas.lay(beard.color * hairs, amount * cover, at: index)
    }
  }
}

extension Float {
  /// The square root of the value limited to 0...1.
  @inline(__always)
  fileprivate var squareRoot1: Float { clamp01(self).squareRoot() }
}
