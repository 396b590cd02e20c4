internal import Determinism

#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// What changes from photo to photo of a synthetic person.
struct FaceConditions {
  struct Pose {
    var sinYaw, cosYaw, pitch, sinRoll, cosRoll: Float
    /// Half the height of the head and the place of its middle, as fractions of the photo's side.
    var scale, centerX, centerY: Float
  }
  struct Expression {
    var smile, opening, browRaise, browTilt, eyeOpening, gazeX, gazeY: Float
  }
  struct Light {
    var direction: SIMD3<Float>
    var color, ambient: Ink
    var shadowEdge: (x: Float, y: Float, offset: Float, softness: Float, depth: Float)
  }
  struct Hairdo {
    var volume, line, part: Float
  }
  struct Backdrop {
    var first, second: Ink
    var dx, dy, roughness, grain, stripes: Float
    var patches: [(x: Float, y: Float, rx: Float, ry: Float, color: Ink)]
  }
  struct Occluder {
    var x, y, dx, dy, radius: Float
    var color: Ink
  }
  struct Finish {
    var exposure, contrast, saturation, blur, noise, vignette: Float
    var warmth, tint: Float
  }

  var pose: Pose
  var expression: Expression
  var light: Light
  var hairdo: Hairdo
  var backdrop: Backdrop
  var clothes, collar: Ink
  var wearsGlasses, wearsSunglasses: Bool
  var hat: Ink?
  var occluder: Occluder?
  var finish: Finish
  /// The quality of libjpeg, 0...100.
  var jpegQuality: Int

  /// The conditions that `random` stands for.
  init(_ random: CounterRandom, wearer: Bool) {
    var dice = FaceDice(random)
    pose = Self.pose(&dice)
    expression = Expression(
      smile: dice.bell(-0.7, 1.2), opening: max(0, dice.uniform(-1, 0.9)),
      browRaise: dice.bell(-0.7, 0.8), browTilt: dice.bell(-1, 1),
      eyeOpening: dice.chance(0.03) ? 0.08 : dice.bell(0.55, 1.3), gazeX: dice.bell(-1, 1),
      gazeY: dice.bell(-0.6, 0.6))
    light = Self.light(&dice)
    hairdo = Hairdo(
      volume: dice.uniform(0.75, 1.3), line: dice.bell(-0.07, 0.07),
      part: dice.chance(0.12) ? -1 : dice.uniform(0.6, 1.2))
    backdrop = Self.backdrop(&dice)
    clothes = Self.anyColor(&dice)
    collar = Self.anyColor(&dice)
    wearsGlasses = wearer && dice.chance(0.97)
    wearsSunglasses = dice.chance(0.015)
    let hatColor = Self.anyColor(&dice)
    hat = dice.chance(0.025) ? hatColor : nil
    occluder = Self.occluder(&dice)
    finish = Finish(
      exposure: dice.bell(0.8, 1.25), contrast: dice.bell(0.7, 1.35),
      saturation: dice.chance(0.012) ? 0 : dice.bell(0.65, 1.3),
      blur: max(0, dice.uniform(-0.010, 0.009)), noise: max(0, dice.uniform(-0.02, 0.025)),
      vignette: max(0, dice.uniform(-0.4, 0.6)), warmth: dice.bell(-0.12, 0.12),
      tint: dice.bell(-0.04, 0.04))
    jpegQuality = 40 + dice.pick(56)
  }

  private static func pose(_ dice: inout FaceDice) -> Pose {
    let yaw = dice.bell(-0.6, 0.6)
    let roll = dice.bell(-0.26, 0.26)
    return Pose(
      sinYaw: sinf(yaw), cosYaw: cosf(yaw), pitch: dice.bell(-0.24, 0.24), sinRoll: sinf(roll),
      cosRoll: cosf(roll), scale: dice.bell(0.355, 0.44), centerX: 0.5 + dice.bell(-0.055, 0.055),
      centerY: 0.5 + dice.bell(-0.06, 0.06))
  }

  private static func light(_ dice: inout FaceDice) -> Light {
    let x = dice.uniform(-1, 1)
    let y = dice.uniform(-0.9, 0.35)
    let z = dice.uniform(0.35, 1)
    let norm = (x * x + y * y + z * z).squareRoot()
    let ambient = dice.uniform(0.32, 0.72)
    let warm = dice.bell(-0.15, 0.15)
    let cool = dice.bell(-0.1, 0.1)
    let power = (1.12 - ambient) * dice.uniform(0.9, 1.25)
    let angle = dice.uniform(0, 2 * .pi)
    return Light(
      direction: SIMD3(x, y, z) / norm,
      color: Ink(1 + warm, 1, 1 - warm, 0) * power,
      ambient: Ink(1 + cool, 1, 1 - cool, 0) * ambient,
      shadowEdge: (
        cosf(angle), sinf(angle), dice.uniform(-0.2, 0.9), dice.uniform(0.03, 0.4),
        dice.chance(0.25) ? dice.uniform(0.2, 0.5) : 0
      ))
  }

  private static func anyColor(_ dice: inout FaceDice) -> Ink {
    let value = dice.uniform(0.08, 0.95)
    let spread = dice.uniform(0, 1) * dice.uniform(0, 0.42)
    return Ink(
      clamp01(value + dice.uniform(-spread, spread)),
      clamp01(value + dice.uniform(-spread, spread)),
      clamp01(value + dice.uniform(-spread, spread)), 0)
  }

  private static func backdrop(_ dice: inout FaceDice) -> Backdrop {
    let first = anyColor(&dice)
    var second = anyColor(&dice)
    second = first + (second - first) * dice.uniform(0.1, 0.9)
    let angle = dice.uniform(0, 2 * .pi)
    var backdrop = Backdrop(
      first: first, second: second, dx: cosf(angle), dy: sinf(angle),
      roughness: dice.uniform(0, 0.16), grain: dice.uniform(2, 12),
      stripes: dice.chance(0.2) ? dice.uniform(3, 9) : 0, patches: [])
    for _ in 0..<dice.pick(5) {
      let x = dice.uniform(0, 1)
      let y = dice.uniform(0, 1)
      let rx = dice.uniform(0.06, 0.35)
      backdrop.patches.append((x, y, rx, dice.uniform(0.06, 0.5), anyColor(&dice)))
    }
    return backdrop
  }

  private static func occluder(_ dice: inout FaceDice) -> Occluder? {
    let present = dice.chance(0.06)
    let angle = dice.uniform(0, 2 * .pi)
    let slant = angle + dice.bell(-0.8, 0.8)
    let reach = dice.uniform(0.6, 0.95)
    let occluder = Occluder(
      x: cosf(angle) * reach, y: sinf(angle) * reach + 0.1, dx: cosf(slant), dy: sinf(slant),
      radius: dice.uniform(0.1, 0.28), color: anyColor(&dice))
    return present ? occluder : nil
  }
}
