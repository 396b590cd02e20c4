/// A value that ranks send one another: each of its parts in a fixed number of bytes, numbers by
/// their bits, so that what arrives is what was sent, a NaN too.
///
/// A structure writes its members one after another and reads them in the same order. There is no
/// version and no name of a member in it: sender and receiver are the same program.
package protocol Message {
  /// Appends the value.
  func write(to writer: inout MessageWriter)
  /// Reads what `write` has appended; throws `MessageReader.Malformed` where it is not there.
  init(from reader: inout MessageReader) throws
}

/// The bytes of a message while it is written.
package struct MessageWriter {
  /// What has been written.
  package private(set) var bytes: [UInt8] = []

  /// An empty message.
  package init() {}

  /// Appends `value`.
  package mutating func write(_ value: some Message) { value.write(to: &self) }

  fileprivate mutating func append(bitsOf value: some BitwiseCopyable) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }

  fileprivate mutating func append(_ more: some Collection<UInt8>) { bytes += more }
}

/// The bytes of a message while it is read.
package struct MessageReader {
  /// The message ends amid a value, or a part of it is no value of its type.
  package struct Malformed: Error {}

  private let bytes: [UInt8]
  private var offset = 0

  /// Reads from the start of `bytes`.
  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Whether everything has been read.
  package var isAtEnd: Bool { offset == bytes.count }

  /// The next value; throws where the bytes are none of its kind.
  package mutating func read<Value: Message>() throws -> Value { try Value(from: &self) }

  fileprivate mutating func bits<Value: BitwiseCopyable>(_: Value.Type) throws -> Value {
    let part = try next(MemoryLayout<Value>.size)
    return part.withUnsafeBytes { $0.loadUnaligned(as: Value.self) }
  }

  fileprivate mutating func next(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.count - offset else { throw Malformed() }
    defer { offset += count }
    return bytes[offset..<offset + count]
  }
}

extension Message {
  /// The value as a message of its own.
  package var messageBytes: [UInt8] {
    var writer = MessageWriter()
    writer.write(self)
    return writer.bytes
  }

  /// The value whose message `bytes` are, all of them; throws `MessageReader.Malformed`.
  package init(messageBytes bytes: [UInt8]) throws {
    var reader = MessageReader(bytes)
    self = try reader.read()
    guard reader.isAtEnd else { throw MessageReader.Malformed() }
  }
}

extension Message where Self: FixedWidthInteger & BitwiseCopyable {
  package func write(to writer: inout MessageWriter) { writer.append(bitsOf: self) }
  package init(from reader: inout MessageReader) throws { self = try reader.bits(Self.self) }
}

extension Int: Message {}
extension Int32: Message {}
extension Int64: Message {}
extension UInt8: Message {}
extension UInt32: Message {}
extension UInt64: Message {}

extension Double: Message {
  package func write(to writer: inout MessageWriter) { writer.write(bitPattern) }
  package init(from reader: inout MessageReader) throws {
    self.init(bitPattern: try reader.read())
  }
}

extension Float: Message {
  package func write(to writer: inout MessageWriter) { writer.write(bitPattern) }
  package init(from reader: inout MessageReader) throws {
    self.init(bitPattern: try reader.read())
  }
}

extension Bool: Message {
  package func write(to writer: inout MessageWriter) { writer.write(UInt8(self ? 1 : 0)) }
  package init(from reader: inout MessageReader) throws {
    let byte: UInt8 = try reader.read()
    guard byte <= 1 else { throw MessageReader.Malformed() }
    self = byte == 1
  }
}

extension String: Message {
  package func write(to writer: inout MessageWriter) {
    writer.write(utf8.count)
    writer.append(utf8)
  }
  package init(from reader: inout MessageReader) throws {
    guard let text = String(validating: try reader.next(try reader.read()), as: UTF8.self) else {
      throw MessageReader.Malformed()
    }
    self = text
  }
}

extension Optional: Message where Wrapped: Message {
  package func write(to writer: inout MessageWriter) {
    writer.write(self != nil)
    if let self { writer.write(self) }
  }
  package init(from reader: inout MessageReader) throws {
    let isThere: Bool = try reader.read()
    self = isThere ? .some(try reader.read()) : .none
  }
}

extension Array: Message where Element: Message {
  package func write(to writer: inout MessageWriter) {
    writer.write(count)
    for element in self { writer.write(element) }
  }
  package init(from reader: inout MessageReader) throws {
    let count: Int = try reader.read()
    self.init()
    for _ in 0..<Swift.max(0, count) { append(try reader.read()) }
    guard count >= 0 else { throw MessageReader.Malformed() }
  }
}

extension Message where Self: RawRepresentable, RawValue: Message {
  package func write(to writer: inout MessageWriter) { writer.write(rawValue) }
  package init(from reader: inout MessageReader) throws {
    guard let value = Self(rawValue: try reader.read()) else { throw MessageReader.Malformed() }
    self = value
  }
}
