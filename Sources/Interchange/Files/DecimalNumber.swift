/// Numbers as people write them: decimal, with or without an exponent.
package enum DecimalNumber {
  /// The number that `text` says; nil for hexadecimal digits, for words such as `inf`, and for what
  /// is too large or, like `1e-400`, too small to be told from 0.
  package static func read(_ text: some StringProtocol) -> Double? {
    guard text.utf8.allSatisfy({ isPart($0) }), let value = Double(text), value.isFinite else {
      return nil
    }
    let digits = text.utf8.prefix { $0 | 0x20 != UInt8(ascii: "e") }
    let saysZero = !digits.contains { (UInt8(ascii: "1")...UInt8(ascii: "9")).contains($0) }
    return value != 0 || saysZero ? value : nil
  }

  private static func isPart(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || [UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e")]
        .contains(byte | (byte == UInt8(ascii: "E") ? 0x20 : 0))
  }
}
