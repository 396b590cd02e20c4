private import Interchange
private import Determinism

/// Where in a run a sample is used; with the seed, all that its augmentation depends on.
package struct SampleCoordinates: Hashable, Sendable {
  /// Steps before the one that the sample is for.
  package var step: Int
  /// The place of the sample in its global batch.
  package var slot: Int

  /// The place of a sample in a run.
  package init(step: Int, slot: Int) {
    self.step = step
    self.slot = slot
  }
}

/// Which random changes a training sample goes through, and how strong they are.
///
/// As text, `none`, `default` (`flip,shift,scale,color`), or a list of names, each with an optional
/// amount: `flip,shift:0.06,scale:0.1,color:0.2,blur:0.2,erase:0.2`.
package struct Augmentation: Equatable, Sendable, CustomStringConvertible {
  /// The probability of a mirror image.
  package var flip = 0.0
  /// The largest shift, as a part of the side.
  package var shift = 0.0
  /// The largest change of the side of the crop, as a part of it.
  package var scale = 0.0
  /// The largest change of brightness, contrast and saturation, as a part of each.
  package var color = 0.0
  /// The probability of a lower resolution, a quarter to all of the side.
  package var blur = 0.0
  /// The probability that a rectangle is erased.
  package var erase = 0.0

  /// Nothing is changed.
  package init() {}

  /// Photos as they are.
  package static let none = Augmentation()
  /// The changes that `--augment default` means.
  package static let `default`: Augmentation = {
    var usual = Augmentation()
    for name in ["flip", "shift", "scale", "color"] { usual.set(name, to: nil) }
    return usual
  }()

  private static let known: [(name: String, usual: Double, limit: Double)] = [
    ("flip", 0.5, 1), ("shift", 0.06, 0.5), ("scale", 0.1, 0.9), ("color", 0.2, 1),
    ("blur", 0.2, 1), ("erase", 0.2, 1),
  ]

  /// The names of all changes.
  package static var names: [String] { known.map(\.name) }

  /// Reads a list; throws `DatasetError.badOption` for an unknown name or an amount out of range.
  package init(parsing text: String) throws(DatasetError) {
    self = .none
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let words = part.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(words[0])
      if words.count == 1, name == "none" || name == "default" {
        guard text == name else {
          throw .badOption(name: "--augment", text: text, reason: "\(name) stands alone")
        }
        self = name == "none" ? .none : .default
        return
      }
      guard let facts = Self.known.first(where: { $0.name == name }) else {
        throw .badOption(
          name: "--augment", text: text,
          reason: "'\(name)' is none of none, default, "
            + Self.known.map(\.name).joined(separator: ", "))
      }
      var amount: Double?
      if words.count == 2 {
        guard let value = DecimalNumber.read(words[1]), value > 0, value <= facts.limit else {
          throw .badOption(
            name: "--augment", text: text,
            reason: "the amount of \(name) lies above 0 and up to \(facts.limit)")
        }
        amount = value
      }
      set(name, to: amount)
    }
  }

  private mutating func set(_ name: String, to amount: Double?) {
    let value = amount ?? Self.known.first { $0.name == name }?.usual ?? 0
    switch name {
    case "flip": flip = value
    case "shift": shift = value
    case "scale": scale = value
    case "color": color = value
    case "blur": blur = value
    default: erase = value
    }
  }

  /// The list with every amount, as `init(parsing:)` reads it.
  package var description: String {
    let amounts = [flip, shift, scale, color, blur, erase]
    let parts = zip(Self.known, amounts).filter { $1 > 0 }.map { "\($0.name):\($1)" }
    return parts.isEmpty ? "none" : parts.joined(separator: ",")
  }

  private enum Part: Int { case flip, shift, scale, color, blur, erase }

  /// What happens to the sample at `coordinates`: a function of them and of `seed`, where each
  /// change has its own stream, so that switching one leaves the others as they were.
  package func draw(seed: UInt64, at coordinates: SampleCoordinates) -> AugmentationDraw {
    func stream(_ part: Part) -> CounterRandom {
      CounterRandom(
        seed: seed, purpose: .augmentation, coordinates.step, coordinates.slot, part.rawValue)
    }
    func around(_ center: Double, by amount: Double, _ part: Part, _ index: Int) -> Double {
      amount > 0 ? center + amount * (2 * stream(part).uniform(index) - 1) : center
    }
    var drawn = AugmentationDraw()
    drawn.isMirrored = flip > 0 && stream(.flip).uniform(0) < flip
    drawn.shiftX = around(0, by: shift, .shift, 0)
    drawn.shiftY = around(0, by: shift, .shift, 1)
    drawn.zoom = around(1, by: scale, .scale, 0)
    drawn.brightness = around(1, by: color, .color, 0)
    drawn.contrast = around(1, by: color, .color, 1)
    drawn.saturation = around(1, by: color, .color, 2)
    let softness = stream(.blur)
    if blur > 0, softness.uniform(0) < blur {
      drawn.resolution = softness.uniform(1, in: 0.25..<1)
    }
    let erasure = stream(.erase)
    if erase > 0, erasure.uniform(0) < erase { drawn.erased = Self.rectangle(erasure) }
    return drawn
  }

  /// A rectangle of 2 % to 25 % of the area, sides up to 1 to 3 (after Zhong et al. 2017).
  private static func rectangle(_ stream: CounterRandom) -> AugmentationDraw.Rectangle {
    let area = stream.uniform(1, in: 0.02..<0.25)
    let slimness = stream.uniform(2, in: 1..<3).squareRoot()
    let isWide = stream.uniform(3) < 0.5
    let side = area.squareRoot()
    let width = min(isWide ? side * slimness : side / slimness, 1)
    let height = min(isWide ? side / slimness : side * slimness, 1)
    return AugmentationDraw.Rectangle(
      x: stream.uniform(4) * (1 - width), y: stream.uniform(5) * (1 - height), width: width,
      height: height, red: UInt8(stream.integer(6, below: 256)),
      green: UInt8(stream.integer(7, below: 256)), blue: UInt8(stream.integer(8, below: 256)))
  }
}
