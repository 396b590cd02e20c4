private import Preconditions

/// Arrays in NumPy's `.npy` format (numpy/lib/format.py), versions 1 to 3.
package enum NumPyFile {
  /// An array as read: `values` in C order, whose count is the product of `shape`.
  package struct Contents: Sendable, Equatable {
    /// Dimensions, the slowest first; empty for a scalar.
    package let shape: [Int]
    /// The numbers in C order.
    package let values: [Float]

    package init(shape: [Int], values: [Float]) {
      self.shape = shape
      self.values = values
    }
  }

  /// Reads an array of floats, integers or bytes as `Float`, in either order of bytes and of
  /// indices; throws `InterchangeError`.
  package static func read(_ path: String) throws -> Contents {
    let file = try PositionedFile(path: path)
    let array = try NumPyArray(.stored(file, 0..<file.byteCount))
    return Contents(shape: array.header.shape, values: try array.floats())
  }

  /// Writes `values` [shape] as float32 in version 1, the very bytes of `numpy.save`, whole or not
  /// at all; throws `InterchangeError.unwritable`.
  package static func write(
    _ values: UnsafeBufferPointer<Float>, shape: [Int], to path: String
  ) throws {
    require(
      shape.reduce(1, *) == values.count,
      "NumPyFile.write: shape \(shape) for \(values.count) values")
    let file = try AtomicFile(path: path)
    try file.append(header(shape: shape))
    try file.append(UnsafeRawBufferPointer(values))
    try file.commit()
  }

  /// Writes `values` [shape]; see `write(_:shape:to:)` on memory.
  package static func write(_ values: [Float], shape: [Int], to path: String) throws {
    try values.withUnsafeBufferPointer { try write($0, shape: shape, to: path) }
  }

  /// Writes `tensor` of a type that `NumPyMember` knows, as above.
  package static func write(_ tensor: SafetensorsTensor, to path: String) throws {
    let member = NumPyMember(tensor)
    let file = try AtomicFile(path: path)
    try file.append(member.header)
    try member.withBytes { try file.append($0) }
    try file.commit()
  }

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// The prefix and header of an array, a multiple of 64 bytes.
  static func header(shape: [Int], type: String = "<f4") -> [UInt8] {
    let sides = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sides)), }"
    text += String(repeating: " ", count: 63 - (10 + text.utf8.count) % 64) + "\n"
    let length = text.utf8.count
    require(length <= 0xFFFF, "NumPyFile.write: \(shape.count) dimensions are too many")
    return magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(text.utf8)
  }
}
