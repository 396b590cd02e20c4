internal import Determinism

/// What stays the same in every photo of a synthetic person.
///
/// Lengths are in face units: half the height of the head is 1, u runs right and v runs down from
/// the middle of the head seen from the front; so the chin is at v = 1 and the eyes near v = 0.
struct FaceIdentity: Equatable {
  /// The outline, as an ellipse of half-width `width` widened or narrowed at four heights.
  struct Outline: Equatable {
    var width, temple, cheek, jaw, chin: Float
  }
  struct Eyes: Equatable {
    var spacing, height, width, upper, lower, tilt, skew, iris, fold, lash, bag: Float
    var color, shadow: Ink
  }
  struct Brows: Equatable {
    var height, length, thickness, arch, slope, inner, density: Float
    var color: Ink
  }
  struct Nose: Equatable {
    var length, width, tip, bridge, hook, nostril: Float
  }
  struct Mouth: Equatable {
    var height, width, upper, lower, bow, droop: Float
    var color: Ink
  }
  struct Hair: Equatable {
    var top, side, end, line, curve, part, peak, sideEdge, sideEnd: Float
    var curl, strand, fringe: Float
    var hasBack, hasFront, coversEars: Bool
    var color: Ink
  }
  struct Beard: Equatable {
    var chin, cheek, moustache, level: Float
    var color: Ink
  }
  struct Glasses: Equatable {
    var width, height, squareness, rim, tint: Float
    var color: Ink
    var areWorn: Bool
  }
  struct Mark: Equatable {
    var u, v, radius, strength: Float
  }

  var outline: Outline
  var skin: Ink
  var eyes: Eyes
  var brows: Brows
  var nose: Nose
  var mouth: Mouth
  var hair: Hair
  var beard: Beard
  var glasses: Glasses
  var ears: (height: Float, width: Float, level: Float)
  var marks: [Mark]
  var freckles: Float
  var scar: (u: Float, v: Float, du: Float, dv: Float, strength: Float)
  var age: Float
  var blush: Float
  var cheekbone: Float
  var cleft: Float
  var brow: Float
  /// The key of the person's own textures (strands of hair, freckles).
  var textureSeed: UInt64

  static func == (a: Self, b: Self) -> Bool {
    a.outline == b.outline && a.skin == b.skin && a.eyes == b.eyes && a.brows == b.brows
      && a.nose == b.nose && a.mouth == b.mouth && a.hair == b.hair && a.beard == b.beard
      && a.glasses == b.glasses && a.ears == b.ears && a.marks == b.marks
      && a.freckles == b.freckles && a.scar == b.scar && a.age == b.age && a.blush == b.blush
      && a.cheekbone == b.cheekbone && a.cleft == b.cleft && a.brow == b.brow
      && a.textureSeed == b.textureSeed
  }

  /// The person that `random` stands for.
  init(_ random: CounterRandom) {
    var dice = FaceDice(random)
    textureSeed = random.key
    let masculine = dice.uniform(0, 1)
    age = max(0, dice.uniform(-0.5, 1))
    skin = Self.skin(&dice)
    outline = Outline(
      width: dice.uniform(0.65, 0.88), temple: dice.uniform(-0.08, 0.08),
      cheek: dice.uniform(-0.03, 0.10),
      jaw: dice.uniform(-0.10, 0.15) + 0.08 * masculine, chin: dice.uniform(-0.24, 0.32))
    eyes = Self.eyes(&dice, skin: skin, width: outline.width, masculine: masculine)
    hair = Self.hair(&dice, skin: skin, masculine: masculine, age: age)
    brows = Self.brows(&dice, hair: hair, masculine: masculine)
    nose = Nose(
      length: dice.uniform(0.25, 0.48), width: dice.uniform(0.09, 0.23),
      tip: dice.uniform(0.06, 0.15), bridge: dice.uniform(0.05, 0.12),
      hook: dice.uniform(-0.04, 0.05), nostril: dice.uniform(0.3, 1))
    mouth = Self.mouth(&dice, skin: skin, nose: nose, masculine: masculine)
    beard = Self.beard(&dice, hair: hair, masculine: masculine)
    glasses = Self.glasses(&dice)
    ears = (dice.uniform(0.14, 0.26), dice.uniform(0.04, 0.15), dice.uniform(0.02, 0.16))
    marks = []
    for _ in 0..<[0, 0, 1, 1, 2, 3][dice.pick(6)] {
      marks.append(
        Mark(
          u: dice.uniform(-0.5, 0.5), v: dice.uniform(-0.35, 0.85),
          radius: dice.uniform(0.018, 0.036), strength: dice.uniform(0.5, 0.95)))
    }
    freckles = dice.chance(0.15) ? dice.uniform(0.3, 0.8) : 0
    let scarred = dice.chance(0.1)
    scar = (
      dice.uniform(-0.45, 0.45), dice.uniform(-0.45, 0.7), dice.uniform(-0.1, 0.1),
      dice.uniform(0.08, 0.2), scarred ? dice.uniform(0.5, 0.9) : 0
    )
    blush = dice.uniform(0, 0.35)
    cheekbone = dice.uniform(0, 1)
    cleft = dice.chance(0.2) ? 1 : 0
    brow = masculine * dice.uniform(0.3, 1)
  }

  private static func skin(_ dice: inout FaceDice) -> Ink {
    var tone = dice.along([
      Ink(0.98, 0.84, 0.75, 0.22), Ink(0.93, 0.74, 0.61, 0.22), Ink(0.83, 0.62, 0.46, 0.24),
      Ink(0.69, 0.47, 0.33, 0.28), Ink(0.52, 0.34, 0.24, 0.34), Ink(0.36, 0.23, 0.17, 0.4),
    ])
    let ruddy = dice.uniform(-0.03, 0.04)
    let golden = dice.uniform(-0.04, 0.04)
    tone += Ink(0, -ruddy, -ruddy - golden, 0)
    return tone
  }

  private static func eyes(
    _ dice: inout FaceDice, skin: Ink, width: Float, masculine: Float
  ) -> Eyes {
    let halfWidth = dice.uniform(0.098, 0.178)
    let irises = [
      Ink(0.20, 0.11, 0.06, 0), Ink(0.36, 0.20, 0.09, 0), Ink(0.45, 0.32, 0.12, 0),
      Ink(0.30, 0.42, 0.20, 0), Ink(0.35, 0.50, 0.55, 0), Ink(0.28, 0.50, 0.78, 0),
      Ink(0.52, 0.60, 0.66, 0), Ink(0.14, 0.09, 0.06, 0),
    ]
    let painted = masculine < 0.45 && dice.chance(0.3)
    let paints = [
      Ink(0.25, 0.45, 0.65, 0), Ink(0.5, 0.3, 0.55, 0), Ink(0.25, 0.5, 0.4, 0),
      Ink(0.35, 0.22, 0.2, 0),
    ]
    let paint = paints[dice.pick(4)]
    let upper = halfWidth * dice.uniform(0.34, 0.74)
    let lash = dice.uniform(0.008, 0.026) * (1.3 - 0.6 * masculine)
    return Eyes(
      spacing: max(width * dice.uniform(0.34, 0.53), halfWidth + 0.1),
      height: dice.uniform(-0.12, 0.11), width: halfWidth,
      upper: upper, lower: halfWidth * dice.uniform(0.16, 0.38),
      tilt: dice.uniform(-0.32, 0.28), skew: dice.uniform(-0.4, 0.4),
      iris: min(halfWidth * dice.uniform(0.40, 0.56), upper * 1.1), fold: dice.uniform(0, 1),
      lash: min(lash, upper * 0.28), bag: dice.uniform(0, 1),
      color: irises[dice.pick(isDark(skin) && dice.chance(0.8) ? 3 : irises.count)],
      shadow: Ink(paint.x, paint.y, paint.z, painted ? dice.uniform(0.35, 0.7) : 0))
  }

  /// Dark skin mostly goes with dark eyes and hair.
  static func isDark(_ skin: Ink) -> Bool { skin.x + skin.y + skin.z < 1.6 }

  private static func brows(_ dice: inout FaceDice, hair: Hair, masculine: Float) -> Brows {
    let dark = dice.uniform(0.45, 0.9)
    return Brows(
      height: dice.uniform(0.13, 0.29), length: dice.uniform(0.12, 0.25),
      thickness: dice.uniform(0.010, 0.044) + 0.026 * masculine, arch: dice.uniform(-0.01, 0.085),
      slope: dice.uniform(-0.075, 0.065), inner: dice.uniform(-0.02, 0.03),
      density: dice.uniform(0.55, 0.98),
      color: Ink(hair.color.x * dark, hair.color.y * dark, hair.color.z * dark, 0.1))
  }

  private static func mouth(
    _ dice: inout FaceDice, skin: Ink, nose: Nose, masculine: Float
  ) -> Mouth {
    var lips = Ink(skin.x * 0.88, skin.y * 0.66, skin.z * 0.68, 0.4)
    if masculine < 0.45 && dice.chance(0.6) {
      let sticks = [
        Ink(0.72, 0.12, 0.16, 0.6), Ink(0.80, 0.33, 0.40, 0.6), Ink(0.45, 0.10, 0.18, 0.6),
        Ink(0.85, 0.42, 0.30, 0.6), Ink(0.55, 0.25, 0.38, 0.6),
      ]
      let share = dice.uniform(0.4, 0.9)
      lips += (sticks[dice.pick(sticks.count)] - lips) * share
    }
    let low = nose.length + 0.2
    return Mouth(
      height: max(low, dice.uniform(0.53, 0.70)), width: dice.uniform(0.15, 0.33),
      upper: dice.uniform(0.014, 0.078), lower: dice.uniform(0.026, 0.10),
      bow: dice.uniform(0, 0.7), droop: dice.uniform(-0.045, 0.045), color: lips)
  }

  private static func beard(_ dice: inout FaceDice, hair: Hair, masculine: Float) -> Beard {
    var beard = Beard(chin: 0, cheek: 0, moustache: 0, level: 0, color: hair.color)
    let kind = dice.pick(10)
    let strength = dice.uniform(0.55, 0.95)
    beard.level = dice.uniform(0.22, 0.5)
    beard.color *= Ink(0.85, 0.8, 0.78, 0.3)
    guard masculine > 0.5 else { return beard }
    switch kind {
    case 0, 1: (beard.chin, beard.cheek, beard.moustache) = (strength, strength, strength)
    case 2: (beard.chin, beard.moustache) = (strength, strength)
    case 3: beard.moustache = strength
    case 4: beard.chin = strength
    case 5, 6: (beard.chin, beard.cheek, beard.moustache) = (0.3, 0.28, 0.3)
    default: break
    }
    return beard
  }

  private static func glasses(_ dice: inout FaceDice) -> Glasses {
    let frames = [
      Ink(0.08, 0.08, 0.09, 0.5), Ink(0.30, 0.17, 0.09, 0.5), Ink(0.62, 0.52, 0.30, 0.9),
      Ink(0.60, 0.10, 0.14, 0.5), Ink(0.12, 0.20, 0.45, 0.5), Ink(0.66, 0.68, 0.70, 0.9),
    ]
    return Glasses(
      width: dice.uniform(0.19, 0.26), height: dice.uniform(0.12, 0.22),
      squareness: dice.uniform(0, 1), rim: dice.uniform(0.012, 0.034), tint: dice.uniform(0, 0.2),
      color: frames[dice.pick(frames.count)], areWorn: dice.chance(0.22))
  }
}
