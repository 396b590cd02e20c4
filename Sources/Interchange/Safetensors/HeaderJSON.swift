/// JSON as the headers of safetensors files need it: strict, exact integers, duplicates kept.
enum HeaderJSON {
  case object([Member])
  case array([HeaderJSON])
  /// Text, and the range of its bytes between the quotes.
  case string(String, Range<Int>)
  case integer(Int)
  /// A number that is no `Int`, as it stands there.
  case number(String)
  /// True, false, null, and what `members` passes over.
  case other

  struct Member {
    let key: String
    let value: HeaderJSON
  }

  struct Problem: Error {
    let message: String
  }

  /// Reads one value that fills `bytes` from `start` on but for white space; ranges in it are
  /// indices into `bytes`. Throws `Problem`, also for more than `valueLimit` values: one of two
  /// bytes takes a hundred in memory.
  static func parse(
    _ bytes: [UInt8], from start: Int = 0, valueLimit: Int
  ) throws -> HeaderJSON {
    var reader = Reader(bytes: bytes, start: start, valueLimit: valueLimit)
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    if reader.position != bytes.count { throw reader.problem("text behind the header's end") }
    return value
  }

  /// The members of the one object that fills `bytes`, at most `limit`; the lists and objects in it
  /// are passed over, be they as long as they may. Throws `Problem`.
  static func members(of bytes: [UInt8], limit: Int) throws -> [(key: String, value: HeaderJSON)] {
    var reader = Reader(bytes: bytes, start: 0, valueLimit: limit)
    let members = try reader.shallowObject()
    reader.skipSpace()
    if reader.position != bytes.count { throw reader.problem("text behind the object's end") }
    return members
  }

  /// `text` as a JSON string with its quotes.
  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      default:
        if scalar.value < 0x20 {
          quoted += scalar.value < 0x10 ? "\\u000" : "\\u00"
          quoted += String(scalar.value, radix: 16)
        } else {
          quoted.unicodeScalars.append(scalar)
        }
      }
    }
    return quoted + "\""
  }

  private struct Reader {
    let bytes: [UInt8]
    let start: Int
    var position: Int
    var valuesLeft: Int

    init(bytes: [UInt8], start: Int, valueLimit: Int) {
      self.bytes = bytes
      self.start = start
      position = start
      valuesLeft = valueLimit
    }

    func problem(_ message: String) -> Problem {
      Problem(message: "\(message) at byte \(position - start) of the header")
    }

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private static func isSpace(_ byte: UInt8) -> Bool {
      byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    private static func endsWord(_ byte: UInt8) -> Bool {
      switch Unicode.Scalar(byte) {
      case ",", "]", "}", ":", "\"", "[", "{": true
      default: isSpace(byte)
      }
    }

    mutating func skipSpace() {
      while let byte = next, Self.isSpace(byte) { position += 1 }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
      skipSpace()
      guard let byte = next, Unicode.Scalar(byte) == character else { return false }
      position += 1
      return true
    }

    mutating func value(depth: Int) throws -> HeaderJSON {
      if depth > 8 { throw problem("too deep a nesting") }
      valuesLeft -= 1
      if valuesLeft < 0 { throw problem("more values than its size allows") }
      if take("{") { return try object(depth: depth) }
      if take("[") { return try array(depth: depth) }
      if take("\"") { return try string() }
      return try bareWord()
    }

    private mutating func object(depth: Int) throws -> HeaderJSON {
      var members: [Member] = []
      if take("}") { return .object(members) }
      repeat {
        guard take("\""), case .string(let key, _) = try string() else {
          throw problem("no key")
        }
        guard take(":") else { throw problem("no colon") }
        members.append(Member(key: key, value: try value(depth: depth + 1)))
      } while take(",")
      guard take("}") else { throw problem("an object without end") }
      return .object(members)
    }

    mutating func shallowObject() throws -> [(key: String, value: HeaderJSON)] {
      guard take("{") else { throw problem("no object") }
      var members: [(key: String, value: HeaderJSON)] = []
      if take("}") { return members }
      repeat {
        guard take("\""), case .string(let key, _) = try string() else { throw problem("no key") }
        guard take(":") else { throw problem("no colon") }
        valuesLeft -= 1
        if valuesLeft < 0 { throw problem("too many members") }
        if take("\"") {
          members.append((key, try string()))
        } else if let byte = next, byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
          try passOver()
          members.append((key, .other))
        } else {
          members.append((key, try bareWord()))
        }
      } while take(",")
      guard take("}") else { throw problem("an object without end") }
      return members
    }

    /// Goes past a list or an object, whose brackets must match and whose words must be JSON's.
    private mutating func passOver() throws {
      var ends: [UInt8] = []
      repeat {
        skipSpace()
        guard let byte = next else { throw problem("a list without end") }
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
          ends.append(byte + 2)
          if ends.count > 512 { throw problem("too deep a nesting") }
          position += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
          guard ends.popLast() == byte else { throw problem("another bracket than was opened") }
          position += 1
        case UInt8(ascii: ","), UInt8(ascii: ":"): position += 1
        case UInt8(ascii: "\""):
          position += 1
          _ = try string()
        default: _ = try bareWord()
        }
      } while !ends.isEmpty
    }

    private mutating func array(depth: Int) throws -> HeaderJSON {
      var elements: [HeaderJSON] = []
      if take("]") { return .array(elements) }
      repeat { elements.append(try value(depth: depth + 1)) } while take(",")
      guard take("]") else { throw problem("an array without end") }
      return .array(elements)
    }

    private mutating func bareWord() throws -> HeaderJSON {
      let start = position
      while let byte = next, !Self.endsWord(byte) { position += 1 }
      let word = String(decoding: bytes[start..<position], as: UTF8.self)
      if ["true", "false", "null"].contains(word) { return .other }
      let digits = word.hasPrefix("-") ? word.dropFirst() : Substring(word)
      let isInteger = !digits.isEmpty && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
      if isInteger, digits == "0" || digits.first != "0" {
        return Int(word).map(Self.int) ?? .number(word)
      }
      if !word.isEmpty, !isInteger, let value = Double(word) {
        // Python writes NaN and Infinity, which are no numbers of JSON.
        let isNumber = word.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) }
        return value.isFinite && isNumber ? .number(word) : .other
      }
      throw problem("no JSON value")
    }

    private static func int(_ value: Int) -> HeaderJSON { .integer(value) }

    private mutating func string() throws -> HeaderJSON {
      let start = position
      var text: [UInt8] = []
      text.reserveCapacity(plainCount)
      while let byte = next {
        switch byte {
        case UInt8(ascii: "\""):
          guard let valid = String(validating: text, as: UTF8.self) else {
            throw problem("a string that is not UTF-8")
          }
          position += 1
          return .string(valid, start..<position - 1)
        case UInt8(ascii: "\\"):
          position += 1
          text += try escape()
        case 0..<0x20: throw problem("a control character in a string")
        default:
          text.append(byte)
          position += 1
        }
      }
      throw problem("a string without end")
    }

    /// Bytes up to the next quote.
    private var plainCount: Int {
      (bytes[position...].firstIndex(of: UInt8(ascii: "\"")) ?? position) - position
    }

    private mutating func escape() throws -> [UInt8] {
      let plain: [UInt8: UInt8] = [
        0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x62: 8, 0x66: 12, 0x6E: 10, 0x72: 13, 0x74: 9,
      ]
      guard let byte = next else { throw problem("a string without end") }
      position += 1
      if let character = plain[byte] { return [character] }
      guard byte == UInt8(ascii: "u") else { throw problem("an unknown escape") }
      var code = try hexadecimal()
      if (0xD800..<0xDC00).contains(code), next == 0x5C {
        position += 1
        guard next == UInt8(ascii: "u") else { throw problem("half a surrogate pair") }
        position += 1
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low) else { throw problem("half a surrogate pair") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw problem("half a surrogate pair") }
      return Array(String(Character(scalar)).utf8)
    }

    private mutating func hexadecimal() throws -> UInt32 {
      guard position + 4 <= bytes.count,
        bytes[position..<position + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
        let code = UInt32(
          String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
      else { throw problem("an escape without four hexadecimal digits") }
      position += 4
      return code
    }
  }
}
