extension FaceIdentity {
  /// The hair of a person: one of ten families, then its own measures and colour.
  static func hair(
    _ dice: inout FaceDice, skin: Ink, masculine: Float, age: Float
  ) -> Hair {
    var hair = Hair(
      top: dice.uniform(0.06, 0.16), side: dice.uniform(0.03, 0.10), end: 0.15,
      line: dice.uniform(-0.68, -0.48), curve: dice.uniform(-0.02, 0.25),
      part: dice.uniform(-0.14, 0.14), peak: dice.chance(0.25) ? dice.uniform(0.04, 0.12) : 0,
      sideEdge: dice.uniform(0.86, 0.97), sideEnd: dice.uniform(-0.12, 0.12), curl: 0,
      strand: dice.uniform(0.10, 0.26), fringe: 0, hasBack: true, hasFront: true,
      coversEars: false, color: Self.hairColor(&dice, skin: skin, age: age))
    let short = [0, 1, 2, 3, 3, 4, 5, 5, 2, 9]
    let long = [3, 4, 5, 6, 6, 7, 7, 8, 8, 9]
    let family = (dice.uniform(0, 1) < masculine ? short : long)[dice.pick(10)]
    switch family {
    case 0:  // bald
      (hair.hasBack, hair.hasFront) = (false, false)
    case 1:  // a crown around a bald top
      (hair.line, hair.curve, hair.top) = (-1.6, 0.25, 0.01)
      (hair.sideEdge, hair.sideEnd, hair.side) = (0.84, 0.12, dice.uniform(0.05, 0.12))
    case 2:  // cropped
      (hair.top, hair.side) = (dice.uniform(0.02, 0.05), 0.015)
      hair.strand *= 0.5
    case 3:  // short with a parting
      hair.part = (dice.chance(0.5) ? 1 : -1) * dice.uniform(0.12, 0.26)
      hair.top = dice.uniform(0.10, 0.22)
    case 4:  // fringe
      (hair.line, hair.curve) = (dice.uniform(-0.38, -0.24), dice.uniform(-0.02, 0.08))
      (hair.fringe, hair.sideEnd, hair.end) = (dice.uniform(0.02, 0.06), 0.2, 0.35)
      hair.coversEars = dice.chance(0.6)
    case 5:  // curls
      (hair.top, hair.side) = (dice.uniform(0.16, 0.38), dice.uniform(0.14, 0.42))
      (hair.curl, hair.end) = (dice.uniform(0.03, 0.07), dice.uniform(0.15, 0.75))
      hair.coversEars = hair.end > 0.4
    case 6:  // bob
      (hair.side, hair.end) = (dice.uniform(0.12, 0.26), dice.uniform(0.55, 0.95))
      (hair.sideEdge, hair.sideEnd, hair.coversEars) = (dice.uniform(0.74, 0.9), 0.9, true)
      if dice.chance(0.5) { (hair.line, hair.curve, hair.fringe) = (-0.3, 0.03, 0.02) }
    case 7:  // long, parted
      (hair.side, hair.end) = (dice.uniform(0.10, 0.26), dice.uniform(1.2, 2))
      (hair.sideEdge, hair.sideEnd, hair.coversEars) = (dice.uniform(0.72, 0.9), 2, true)
      (hair.line, hair.curve) = (dice.uniform(-0.72, -0.55), dice.uniform(0.3, 0.6))
      hair.curl = dice.chance(0.4) ? dice.uniform(0.015, 0.035) : 0
    case 8:  // long, behind the ears
      (hair.side, hair.end) = (dice.uniform(0.06, 0.2), dice.uniform(1.1, 2))
      hair.curl = dice.chance(0.4) ? dice.uniform(0.015, 0.045) : 0
    default:  // combed back
      (hair.line, hair.curve, hair.peak) = (dice.uniform(-0.8, -0.66), 0.1, 0.08)
      hair.top = dice.uniform(0.05, 0.12)
    }
    return hair
  }

  private static func hairColor(_ dice: inout FaceDice, skin: Ink, age: Float) -> Ink {
    let colors = [
      Ink(0.07, 0.06, 0.06, 0.5), Ink(0.15, 0.09, 0.06, 0.5), Ink(0.26, 0.16, 0.09, 0.5),
      Ink(0.38, 0.23, 0.12, 0.5), Ink(0.50, 0.22, 0.09, 0.5), Ink(0.62, 0.44, 0.22, 0.5),
      Ink(0.82, 0.66, 0.38, 0.5), Ink(0.70, 0.32, 0.14, 0.5),
    ]
    let isDark = isDark(skin) && dice.chance(0.85)
    let base = colors[dice.pick(isDark ? 3 : colors.count)] * dice.uniform(0.85, 1.15)
    let grey = dice.uniform(0.5, 0.88)
    let greyness = age > 0.55 ? dice.uniform(0.2, 1) : 0
    let dyes = [
      Ink(0.55, 0.18, 0.50, 0.5), Ink(0.15, 0.35, 0.60, 0.5), Ink(0.85, 0.40, 0.55, 0.5),
      Ink(0.15, 0.50, 0.42, 0.5),
    ]
    let dye = dyes[dice.pick(dyes.count)]
    if dice.chance(0.05) { return dye }
    return base + (Ink(grey, grey, grey * 1.02, 0.5) - base) * greyness
  }
}
