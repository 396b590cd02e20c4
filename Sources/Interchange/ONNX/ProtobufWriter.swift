/// The wire format of Protocol Buffers, as far as ONNX and TensorBoard need it: variable-length
/// integers, floats, and fields of bytes.
struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  private mutating func variable(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// Key and length of field `field` of `byteCount` bytes, which the caller appends.
  mutating func openBytes(_ field: Int, byteCount: Int) {
    variable(UInt64(field << 3 | 2))
    variable(UInt64(byteCount))
  }

  /// An integer, in two's complement where it is negative.
  mutating func integer(_ field: Int, _ value: Int) {
    variable(UInt64(field << 3))
    variable(UInt64(bitPattern: Int64(value)))
  }

  mutating func float(_ field: Int, _ value: Float) {
    variable(UInt64(field << 3 | 5))
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func fixed64(_ field: Int, _ value: UInt64) {
    variable(UInt64(field << 3 | 1))
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func data(_ field: Int, _ value: [UInt8]) {
    openBytes(field, byteCount: value.count)
    bytes += value
  }

  mutating func text(_ field: Int, _ value: String) {
    openBytes(field, byteCount: value.utf8.count)
    bytes.append(contentsOf: value.utf8)
  }

  /// A message inside this one.
  mutating func message(_ field: Int, _ body: (inout ProtobufWriter) -> Void) {
    var inner = ProtobufWriter()
    body(&inner)
    openBytes(field, byteCount: inner.bytes.count)
    bytes += inner.bytes
  }
}
