extension FacePainter {
  /// The parts that stand out of the head or sink into it; light makes them visible.
  func paintRelief() {
    let nose = person.nose
    let tip = noseTip
    let smile = max(0, photo.expression.smile)
    func bump(_ u: Float, _ v: Float, _ ru: Float, _ rv: Float, _ height: Float) {
      let (scaleU, scaleV) = (1 / ru, 1 / rv)
      canvas.eachFacePixel(u: u, v: v, reachU: ru, reachV: rv) { index, pu, pv, cover in
        let (du, dv) = ((pu - u) * scaleU, (pv - v) * scaleV)
        canvas.raise(height * hill(du * du + dv * dv) * cover, at: index)
      }
    }
    let eyes = person.eyes
    for side: Float in [-1, 1] {
      bump(side * eyes.spacing, eyes.height - 0.02, 0.26, 0.19, -0.055)
      bump(side * eyes.spacing, eyes.height - 0.02, 0.16, 0.11, 0.035)
      bump(
        side * person.outline.width * 0.56, 0.26 - 0.05 * smile, 0.30, 0.24,
        0.025 + 0.035 * person.cheekbone + 0.025 * smile)
      if person.brow > 0 {
        bump(
          side * eyes.spacing * 0.85, eyes.height - person.brows.height, 0.3, 0.1,
          0.03 * person.brow)
      }
      bump(tip.u + side * nose.width * 0.85, tip.v + 0.01, nose.width * 0.6, 0.085, 0.035)
    }
    bump(tip.u * 0.5, tip.v * 0.45, nose.bridge * 1.5, nose.length * 0.85, 0.055)
    bump(tip.u, tip.v - 0.015, nose.tip * 1.55, nose.tip * 1.4, 0.085)
    bump(0, person.mouth.height + 0.15 + 0.05 * photo.expression.opening, 0.2, 0.07, -0.02)
    bump(0, 0.86, 0.24, 0.2, 0.04)
    if person.cleft > 0 { bump(0, 0.88, 0.035, 0.12, -0.035) }
  }

  /// Where the tip of the nose appears on the head: it stands before it and swings out with yaw.
  var noseTip: (u: Float, v: Float) {
    let view = canvas.view
    let reach = 0.10 + person.nose.tip * 0.5
    return (view.sinYaw * reach, person.nose.length + view.pitch * reach + person.nose.hook * 0.5)
  }

  func paintNose() {
    let nose = person.nose
    let tip = noseTip
    let dark = Ink(0.42, 0.32, 0.30, 0.4)
    canvas.eachFacePixel(u: tip.u, v: tip.v, reachU: nose.width + 0.1, reachV: 0.3) {
      index, u, v, cover in
      let du = u - tip.u
      let dv = v - tip.v - nose.hook * 0.4 * (1 - (du / nose.width).magnitude)
      let hole = nose.width * 0.52
      let hu = (du.magnitude - hole) / (nose.width * 0.30)
      let hv = (dv - 0.055) / (0.018 + 0.012 * nose.nostril)
      canvas.shade(
        dark, hill((hu * hu + hv * hv) * 0.5) * (0.6 + 0.4 * nose.nostril) * cover, at: index)
      let su = du / (nose.width * 1.25)
      let sv = (dv - 0.085) / 0.055
      canvas.shade(Ink(0.70, 0.62, 0.60, 1), hill(su * su + sv * sv) * 0.7 * cover, at: index)
      // The crease around the wings.
      let wing = du.magnitude / (nose.width * 1.02)
      let wv = (dv + 0.005) / 0.085
      let ring = (wing * wing + wv * wv * 0.9).squareRoot() - 1
      let crease = hill(ring * ring / 0.045) * clamp01(wing * 2 - 0.9)
      canvas.shade(Ink(0.68, 0.58, 0.56, 1), crease * 0.75 * cover, at: index)
      let gu = du / (nose.tip * 0.8)
      let gv = (dv + 0.02) / (nose.tip * 0.7)
      canvas.shade(Ink(1.05, 1.02, 1.0, 1.6), hill(gu * gu + gv * gv) * cover, at: index)
    }
  }

  func paintMouth() {
    let mouth = person.mouth
    let expression = photo.expression
    let smile = expression.smile
    let half = mouth.width * (1 + 0.22 * smile - 0.12 * expression.opening)
    let gap = 0.11 * expression.opening + 0.02 * max(0, smile)
    let corner = 0.075 * smile - mouth.droop
    let view = canvas.view
    let swing = view.sinYaw * 0.05
    let middle = mouth.height + view.pitch * 0.04
    let lips = mouth.color
    let upperLip = lips * Ink(0.88, 0.86, 0.87, 1)
    canvas.eachFacePixel(u: swing, v: middle, reachU: half + 0.06, reachV: 0.32) {
      index, u, v, cover in
      let t = (u - swing) / half
      let t2 = t * t
      guard t2 < 1.3 else { return }
      let arch = max(0, 1 - t2)
      let line = middle + corner * (0.35 - t2)
      let top = line - gap * 0.35 * arch
      let bottom = line + gap * 0.65 * arch
      let bow =
        1 - mouth.bow * hill(t2 * 14) + 0.25 * mouth.bow
        * hill((t.magnitude - 0.32) * (t.magnitude - 0.32) * 20)
      let stretch = 1 - 0.25 * max(0, smile)
      let upperEdge = top - mouth.upper * stretch * arch.squareRoot() * bow
      let lowerEdge = bottom + mouth.lower * stretch * (arch * 0.4 + arch.squareRoot() * 0.6)
      let inUpper = min(canvas.edge(v - upperEdge), canvas.edge(top - v))
      let inLower = min(canvas.edge(v - bottom), canvas.edge(lowerEdge - v))
      let inGap = min(canvas.edge(v - top), canvas.edge(bottom - v)) * canvas.edge(arch * half)
      if inUpper > 0 {
        canvas.lay(upperLip, inUpper * cover * 0.95, at: index)
        canvas.raise(0.012 * inUpper * cover, at: index)
      }
      if inLower > 0 {
        canvas.lay(lips, inLower * cover * 0.95, at: index)
        let shine = hill(
          t2 * 2 + (v - bottom - mouth.lower * 0.45) * (v - bottom - mouth.lower * 0.45) * 900)
        canvas.shade(Ink(1.12, 1.12, 1.12, 1.5), shine * inLower, at: index)
        canvas.raise(0.018 * inLower * cover, at: index)
      }
      if gap > 0.012 && inGap > 0 {
        canvas.lay(Ink(0.22, 0.07, 0.07, 0.2), inGap * cover, at: index)
        let teeth = min(
          canvas.edge(top + min(gap * 0.55, 0.05) * arch - v), canvas.edge(0.8 - t.magnitude))
        canvas.lay(Ink(0.93, 0.91, 0.86, 0.5), teeth * inGap * cover * 0.95, at: index)
      } else {
        let seam = hill((v - line) * (v - line) / 0.0005) * clamp01(arch * 4)
        canvas.shade(Ink(0.42, 0.30, 0.30, 0.5), seam * cover, at: index)
      }
      let du = (t.magnitude - 1) * half
      let dv = v - middle + corner * 0.65
      canvas.shade(
        Ink(0.6, 0.5, 0.5, 1), hill((du * du + dv * dv) / 0.0016) * 0.6 * cover, at: index)
      let under = (v - lowerEdge - 0.035) / 0.045
      canvas.shade(Ink(0.8, 0.75, 0.74, 1), hill(under * under + t2 * 2) * 0.6 * cover, at: index)
    }
  }

  func paintEye(_ side: Float) {
    let eyes = person.eyes
    let expression = photo.expression
    let center = side * eyes.spacing
    let open = min(1.35, expression.eyeOpening - 0.18 * max(0, expression.smile) * 0.6)
    let squint = 1 - 0.3 * max(0, expression.smile)
    let sinTilt = eyes.tilt
    let cosTilt = (1 - sinTilt * sinTilt).squareRoot()
    let lid = person.skin * Ink(0.86, 0.79, 0.77, 0.8)
    let irisU = 0.22 * expression.gazeX * eyes.width * side + canvas.view.sinYaw * 0.02 * side
    let irisV = 0.16 * expression.gazeY * eyes.upper - eyes.upper * 0.12
    let iris = eyes.iris
    canvas.eachFacePixel(
      u: center, v: eyes.height, reachU: eyes.width * 1.7, reachV: eyes.width * 1.5
    ) { index, u, v, cover in
      let ru = (u - center) * side
      let rv = v - eyes.height
      let lu = ru * cosTilt + rv * sinTilt
      let lv = rv * cosTilt - ru * sinTilt
      let t = lu / eyes.width
      let t2 = t * t
      let arch = 1 - t2
      let upper = -eyes.upper * open * arch * (1 + eyes.skew * t)
      let lower = eyes.lower * squint * arch * (1 - 0.3 * eyes.skew * t)
      // Lid, fold and paint above the eye; bag below.
      let overLid = hill(
        (t2 * 0.55) + (lv + eyes.upper * 1.1) * (lv + eyes.upper * 1.1)
          / (eyes.upper * eyes.upper * 2.2))
      canvas.lay(lid, overLid * 0.55 * cover, at: index)
      canvas.lay(eyes.shadow * Ink(1, 1, 1, 0), overLid * eyes.shadow.w * cover, at: index)
      let foldDistance =
        lv + eyes.upper * max(open, 0.6) * max(0, 1 - t2 * 0.6) + 0.032 + 0.02 * eyes.fold
      canvas.shade(
        Ink(0.55, 0.46, 0.44, 0.8),
        hill(foldDistance * foldDistance / 0.0005) * hill(t2 * 0.6) * eyes.fold * cover, at: index)
      let bagDistance = lv - eyes.lower - 0.055 * max(0, 1 - 0.5 * t2)
      canvas.shade(
        Ink(0.72, 0.63, 0.62, 1),
        hill(bagDistance * bagDistance / 0.0012) * hill(t2 * 0.7) * eyes.bag
          * (0.3 + 0.7 * person.age)
          * cover, at: index)
      guard t2 < 1.25 else { return }
      let inEye = arch > 0 ? min(canvas.edge(lv - upper), canvas.edge(lower - lv)) : 0
      if inEye > 0 {
        let shaded = 0.94 - 0.25 * clamp01(1 - (lv - upper) / 0.06)
        canvas.lay(Ink(shaded, shaded * 0.97, shaded * 0.95, 0.6), inEye * cover, at: index)
        let (du, dv) = (lu - irisU, lv - irisV)
        let radius = (du * du + dv * dv).squareRoot()
        let inIris = canvas.edge(iris - radius) * inEye * cover
        if inIris > 0 {
          let ring = 1 - 0.55 * smoothStep(iris * 0.65, iris, radius)
          canvas.lay(eyes.color * ring * Ink(1, 1, 1, 0) + Ink(0, 0, 0, 0.8), inIris, at: index)
          canvas.lay(
            Ink(0.03, 0.03, 0.03, 0.8), canvas.edge(iris * 0.42 - radius) * inIris, at: index)
          let (gu, gv) = (du * side + iris * 0.3, dv + iris * 0.35)
          canvas.lay(
            Ink(1, 1, 1, 0), hill((gu * gu + gv * gv) / (iris * iris * 0.12)) * inIris, at: index)
        }
      }
      let lash = clamp01(
        (eyes.lash + 0.006 + 0.35 * canvas.view.unit - (lv - min(upper, lower)).magnitude)
          * canvas.view.scale + 0.3)
      let ends = 1 - smoothStep(0.95, 1.12, t.magnitude)
      canvas.lay(Ink(0.09, 0.06, 0.05, 0.2), lash * ends * 0.85 * cover, at: index)
      let lowerLash = hill((lv - lower) * (lv - lower) / 0.0004) * ends
      canvas.shade(Ink(0.6, 0.5, 0.48, 0.6), lowerLash * cover * 0.7, at: index)
    }
  }

  func paintBrow(_ side: Float, _ strands: FaceLattice.Surface) {
    let brows = person.brows
    let expression = photo.expression
    let raised = 0.05 * expression.browRaise
    let frown = 0.035 * expression.browTilt
    let middle = person.eyes.height - brows.height - raised
    let center = side * (person.eyes.spacing + 0.01)
    canvas.eachFacePixel(u: center, v: middle, reachU: brows.length + 0.05, reachV: 0.22) {
      index, u, v, cover in
      let t = ((u - center) * side - brows.inner) / brows.length
      guard t.magnitude < 1.15 else { return }
      let arc = middle - brows.arch * (1 - (t - 0.25) * (t - 0.25)) + (brows.slope - frown) * -t
      let half = brows.thickness * (0.98 - 0.38 * t - 0.2 * t * t)
      let across = (v - arc).magnitude
      let hairs = 0.85 + 0.3 * strands(u * 60 + v * 30, v * 22)
      let soft = clamp01((half - across) * min(canvas.view.scale, 55) + 0.5)
      let ends = 1 - smoothStep(0.85, 1.12, t.magnitude)
      canvas.lay(brows.color, soft * ends * min(1, brows.density * hairs) * cover, at: index)
    }
  }
}
