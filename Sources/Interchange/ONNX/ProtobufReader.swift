/// Reads the wire format of Protocol Buffers field by field, from bytes that are held in memory and
/// of which nothing is believed: every length is compared with what is left.
struct ProtobufReader {
  /// What is wrong with the bytes, in words, and whether they only end too early.
  struct Problem: Error {
    let message: String
    var isCut = false
  }

  /// One field of a message.
  struct Field {
    let number: Int
    let value: Value
    /// Where it begins, in bytes of the file.
    let place: Int
  }

  enum Value {
    case variable(UInt64)
    case fixed32(UInt32)
    case fixed64(UInt64)
    /// Text, a message inside this one, or packed numbers: where they are.
    case bytes(Range<Int>)
  }

  private let bytes: [UInt8]
  private var at: Int
  private let end: Int

  /// Reads the message that `range` of `bytes` holds.
  init(_ bytes: [UInt8], _ range: Range<Int>) {
    self.bytes = bytes
    at = range.lowerBound
    end = range.upperBound
  }

  var isAtEnd: Bool { at >= end }

  /// The next field, nil at the end; throws `Problem`.
  mutating func next() throws -> Field? {
    guard at < end else { return nil }
    let place = at
    let key = try variable()
    guard let number = Int(exactly: key >> 3), (1...536_870_911).contains(number) else {
      throw Problem(message: "byte \(place) begins no field of a message")
    }
    switch key & 7 {
    case 0: return Field(number: number, value: .variable(try variable()), place: place)
    case 1: return Field(number: number, value: .fixed64(try fixed(UInt64.self)), place: place)
    case 5: return Field(number: number, value: .fixed32(try fixed(UInt32.self)), place: place)
    case 2:
      let length = try variable()
      guard length <= UInt64(end - at) else {
        throw Problem(
          message:
            "the field at byte \(place) would have \(length) bytes, and \(end - at) are left",
          isCut: true)
      }
      let start = at
      at += Int(length)
      return Field(number: number, value: .bytes(start..<at), place: place)
    default:
      throw Problem(message: "the field at byte \(place) is of no kind that messages have")
    }
  }

  /// The next of the numbers of variable length that a packed field holds; throws `Problem`.
  mutating func variable() throws -> UInt64 {
    let place = at
    var (value, shift) = (UInt64(0), UInt64(0))
    while at < end {
      let byte = bytes[at]
      at += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 {
        // The tenth byte has one bit of 64.
        guard shift < 63 || byte < 2 else { break }
        return value
      }
      shift += 7
      guard shift < 64 else { break }
    }
    throw Problem(message: "no number ends behind byte \(place)", isCut: at >= end)
  }

  /// The next of the numbers of one length that a packed field holds; throws `Problem`.
  mutating func fixed<Word: FixedWidthInteger>(_: Word.Type) throws -> Word {
    guard end - at >= MemoryLayout<Word>.size else {
      throw Problem(
        message: "no number of \(MemoryLayout<Word>.size) bytes is at \(at)", isCut: true)
    }
    let word = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: Word.self) }
    at += MemoryLayout<Word>.size
    return Word(littleEndian: word)
  }
}
