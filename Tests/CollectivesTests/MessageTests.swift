import Collectives
import Testing

@Suite struct MessageTests {
  private enum Side: String, Message, CaseIterable { case left, right }

  private struct Photo: Message, Equatable {
    var name: String
    var rows: [[Float]]
    var side: Side?

    init(name: String, rows: [[Float]], side: Side?) {
      self.name = name
      self.rows = rows
      self.side = side
    }
    func write(to writer: inout MessageWriter) {
      writer.write(name)
      writer.write(rows)
      writer.write(side)
    }
    init(from reader: inout MessageReader) throws {
      name = try reader.read()
      rows = try reader.read()
      side = try reader.read()
    }
  }

  private static let photo = Photo(name: "größer\u{1F}\0", rows: [[], [1.5, -0.0]], side: .right)

  @Test func whatIsWrittenIsRead() throws {
    #expect(try Photo(messageBytes: Self.photo.messageBytes) == Self.photo)
    for value in [Int.min, -1, 0, Int.max] {
      #expect(try Int(messageBytes: value.messageBytes) == value)
    }
    for value: String? in [nil, "", "a"] {
      #expect(try String?(messageBytes: value.messageBytes) == value)
    }
    for value in [true, false] { #expect(try Bool(messageBytes: value.messageBytes) == value) }
    let nothing: [Int] = []
    #expect(try [Int](messageBytes: nothing.messageBytes) == [])
  }

  @Test func numbersKeepTheirBits() throws {
    for bits: UInt64 in [0x7FF0_0000_0000_0001, 0xFFF8_0000_0000_0042, 1 << 63, 1] {
      let value = Double(bitPattern: bits)
      #expect(try Double(messageBytes: value.messageBytes).bitPattern == bits)
    }
    for bits: UInt32 in [0x7F80_0001, 1 << 31, 1] {
      let value = Float(bitPattern: bits)
      #expect(try Float(messageBytes: value.messageBytes).bitPattern == bits)
    }
  }

  /// A message of a number is the number: no name, no text.
  @Test func messagesAreShort() {
    #expect(1.5.messageBytes.count == 8)
    #expect([1, 2, 3].messageBytes.count == 32)
    #expect("abc".messageBytes.count == 11)
    #expect(Int?.none.messageBytes == [0])
  }

  @Test func anyOtherBytesAreRefused() {
    let bytes = Self.photo.messageBytes
    for count in bytes.indices {
      #expect(throws: MessageReader.Malformed.self) {
        try Photo(messageBytes: Array(bytes[..<count]))
      }
    }
    #expect(throws: MessageReader.Malformed.self) { try Photo(messageBytes: bytes + [0]) }
    #expect(throws: MessageReader.Malformed.self) { try Bool(messageBytes: [2]) }
    #expect(throws: MessageReader.Malformed.self) { try Side(messageBytes: "top".messageBytes) }
    #expect(throws: MessageReader.Malformed.self) { try String(messageBytes: (-1).messageBytes) }
    #expect(throws: MessageReader.Malformed.self) { try [Int](messageBytes: (-1).messageBytes) }
    #expect(throws: MessageReader.Malformed.self) { try [Int](messageBytes: Int.max.messageBytes) }
    #expect(throws: MessageReader.Malformed.self) {
      try String(messageBytes: 1.messageBytes + [0xFF])
    }
  }
}
