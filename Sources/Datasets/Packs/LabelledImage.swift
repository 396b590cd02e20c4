private import Interchange

/// What a value of an LMDB of photos begins and ends with: the image's place in it, and who it
/// shows.
///
/// Three forms are read: MessagePack of `(image, label)` as HSFace has it, or of `(image, feature,
/// label)` as Vec2Face's own `prepare_training_set.py` writes it; a pickle of either; and the bytes
/// of the image alone.
struct LabelledImage {
  /// Where the image is, from the start of the value.
  var image: Range<Int>
  /// Where what follows the image begins: the label, or the feature before it; nil for an image
  /// alone.
  var rest: Int?
  /// Whether a feature stands between image and label of MessagePack.
  private(set) var hasFeature = false
  /// How the value begins where it is a pickle, an empty image in the place of its own; nil for
  /// MessagePack.
  private(set) var pickleStart: [UInt8]?

  /// As many bytes from the start of a value, and from that of its label, as are looked at.
  static let lookAhead = 32
  /// A pickle has no more than this behind its image.
  static let pickleLimitBytes = 1 << 16

  /// Reads `start`, the first bytes of a value of `count`; nil for another form.
  init?(_ start: ArraySlice<UInt8>, count: Int) {
    let start = Array(start)
    let alone = start.withUnsafeBytes { ImageFormat($0) }
    if alone != nil {
      (image, rest) = (0..<count, nil)
      return
    }
    var at = 0
    func number(_ bytes: Int, bigEndian: Bool) -> Int? {
      guard at + bytes <= start.count else { return nil }
      let digits = start[at..<(at + bytes)]
      at += bytes
      let value = (bigEndian ? Array(digits) : digits.reversed()).reduce(UInt64(0)) {
        $0 << 8 | UInt64($1)
      }
      return Int(exactly: value)
    }
    guard let first = start.first else { return nil }
    var length: Int?
    let isLong = start.starts(with: [0xDC, 0, 2]) || start.starts(with: [0xDC, 0, 3])
    if first == 0x92 || first == 0x93 || isLong {
      hasFeature = isLong ? start[2] == 3 : first == 0x93
      at = isLong ? 3 : 1
      guard at < start.count else { return nil }
      let kind = start[at]
      at += 1
      switch kind {
      case 0xC4, 0xD9: length = number(1, bigEndian: true)
      case 0xC5, 0xDA: length = number(2, bigEndian: true)
      case 0xC6, 0xDB: length = number(4, bigEndian: true)
      case 0xA0...0xBF: length = Int(kind & 0x1F)
      default: return nil
      }
    } else if first == 0x80, start.count > 2, start[1] <= 5 {
      at = start[2] == 0x95 ? 11 : 2
      // A mark, where the tuple is written with one.
      let isMarked = at < start.count && start[at] == 0x28
      if isMarked { at += 1 }
      pickleStart = [0x80, start[1]] + (isMarked ? [0x28] : []) + [UInt8(ascii: "C"), 0]
      guard at < start.count else { return nil }
      let kind = start[at]
      at += 1
      switch kind {
      case UInt8(ascii: "C"), UInt8(ascii: "U"): length = number(1, bigEndian: false)
      case UInt8(ascii: "B"), UInt8(ascii: "T"): length = number(4, bigEndian: false)
      case 0x8E: length = number(8, bigEndian: false)
      default: return nil
      }
    }
    guard let length, length <= count - at else { return nil }
    image = at..<(at + length)
    rest = at + length
  }

  /// How many bytes the feature at the start of `bytes` takes, by its first bytes; nil for another
  /// form.
  static func featureByteCount(_ bytes: [UInt8]) -> Int? {
    func number(_ count: Int) -> Int? {
      guard bytes.count > count else { return nil }
      return 1 + count + bytes[1...count].reduce(0) { $0 << 8 | Int($1) }
    }
    switch bytes.first {
    case 0xC4, 0xD9: return number(1)
    case 0xC5, 0xDA: return number(2)
    case 0xC6, 0xDB: return number(4)
    case .some(let kind) where (0xA0...0xBF).contains(kind): return 1 + Int(kind & 0x1F)
    default: return nil
    }
  }

  /// The label that `bytes` of MessagePack begin with, as text; nil for another form.
  static func text(of bytes: [UInt8]) -> String? {
    guard let kind = bytes.first else { return nil }
    let rest = bytes.dropFirst()
    func number(_ count: Int) -> UInt64? {
      guard rest.count >= count else { return nil }
      return rest.prefix(count).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    func string(_ count: Int?, after lengthBytes: Int) -> String? {
      guard let count, rest.count >= lengthBytes + count else { return nil }
      return String(validating: rest.dropFirst(lengthBytes).prefix(count), as: UTF8.self)
    }
    switch kind {
    case 0...0x7F: return String(kind)
    case 0xE0...0xFF: return String(Int8(bitPattern: kind))
    case 0xCC: return number(1).map { String($0) }
    case 0xCD: return number(2).map { String($0) }
    case 0xCE: return number(4).map { String($0) }
    case 0xCF: return number(8).map { String($0) }
    case 0xD0: return number(1).map { String(Int8(bitPattern: UInt8($0))) }
    case 0xD1: return number(2).map { String(Int16(bitPattern: UInt16($0))) }
    case 0xD2: return number(4).map { String(Int32(bitPattern: UInt32($0))) }
    case 0xD3: return number(8).map { String(Int64(bitPattern: $0)) }
    case 0xA0...0xBF: return string(Int(kind & 0x1F), after: 0)
    case 0xD9: return string(number(1).map { Int($0) }, after: 1)
    default: return nil
    }
  }

  /// The whole number that all of `bytes` is, in MessagePack or as a pickle; nil for another form.
  static func number(_ bytes: [UInt8]) -> Int? {
    guard bytes.first == 0x80, bytes.count > 2, bytes[1] <= 5 else {
      return text(of: bytes).flatMap { Int($0) }
    }
    return PickledLabel.number(bytes)
  }
}
