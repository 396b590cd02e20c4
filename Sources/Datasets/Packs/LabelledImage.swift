/// What a value of an LMDB of photos begins and ends with: the image's place in it, and who it
/// shows.
///
/// Three forms are read: MessagePack of `(image, label)` as Vec2Face and HSFace have it, a pickle
/// of the same, and the bytes of the image alone.
struct LabelledImage {
  /// Where the image is, from the start of the value.
  var image: Range<Int>
  /// Where the label begins; nil for an image alone.
  var label: Int?
  private var isPickle = false

  /// As many bytes from the start of a value, and from that of its label, as are looked at.
  static let lookAhead = 32

  /// Reads `start`, the first bytes of a value of `count`; nil for another form.
  init?(_ start: ArraySlice<UInt8>, count: Int) {
    let start = Array(start)
    let alone = start.withUnsafeBytes { ImageFormat($0) }
    if alone != nil {
      (image, label) = (0..<count, nil)
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
    if first == 0x92 || first == 0xDC && start.starts(with: [0xDC, 0, 2]) {
      at = first == 0x92 ? 1 : 3
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
      isPickle = true
      at = start[2] == 0x95 ? 11 : 2
      // A mark, where the tuple is written with one.
      if at < start.count, start[at] == 0x28 { at += 1 }
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
    label = at + length
  }

  /// The label that `bytes`, from `label` on, hold as text; nil for another form.
  func text(of bytes: [UInt8]) -> String? {
    var at = 0
    if isPickle {
      // What the image is remembered by.
      while at < bytes.count, let skipped = [0x94: 1, 0x71: 2, 0x72: 5][Int(bytes[at])] {
        at += skipped
      }
    }
    guard at < bytes.count else { return nil }
    let kind = bytes[at]
    let rest = bytes[(at + 1)...]
    func number(_ count: Int) -> UInt64? {
      guard rest.count >= count else { return nil }
      let digits = rest.prefix(count)
      return (isPickle ? digits.reversed() : Array(digits)).reduce(UInt64(0)) {
        $0 << 8 | UInt64($1)
      }
    }
    func string(_ count: Int?, after lengthBytes: Int) -> String? {
      guard let count, rest.count >= lengthBytes + count else { return nil }
      return String(validating: rest.dropFirst(lengthBytes).prefix(count), as: UTF8.self)
    }
    if isPickle {
      switch kind {
      case UInt8(ascii: "K"): return number(1).map { String($0) }
      case UInt8(ascii: "M"): return number(2).map { String($0) }
      case UInt8(ascii: "J"):
        return number(4).map { String(Int32(bitPattern: UInt32($0))) }
      case 0x8C: return string(number(1).map { Int($0) }, after: 1)
      case UInt8(ascii: "X"): return string(number(4).map { Int($0) }, after: 4)
      default: return nil
      }
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
    let isPickle = bytes.first == 0x80 && bytes.count > 2 && bytes[1] <= 5
    let start = isPickle ? (bytes[2] == 0x95 ? 11 : 2) : 0
    return LabelledImage(isPickle: isPickle).text(of: Array(bytes.dropFirst(start))).flatMap {
      Int($0)
    }
  }

  private init(isPickle: Bool) {
    (image, label) = (0..<0, nil)
    self.isPickle = isPickle
  }
}
