import Foundation
import Interchange
import Testing

/// A `.npy` file with that header text and data, not padded.
private func npy(_ header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
  let count = header.utf8.count
  let length = (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
  return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + Array(header.utf8) + data
}

private func dictionary(_ type: String, _ shape: String, fortran: String = "False") -> String {
  "{'descr': '\(type)', 'fortran_order': \(fortran), 'shape': \(shape), }\n"
}

private let readable: [(String, [UInt8], [Double])] = [
  ("<f4", [0, 0, 192, 63, 0, 0, 0, 192], [1.5, -2]),
  ("<f8", [0, 0, 0, 0, 0, 0, 248, 63, 0, 0, 0, 0, 0, 0, 0, 192], [1.5, -2]),
  ("<f2", [0x00, 0x3E, 0x00, 0xC0], [1.5, -2]),
  ("<f2", [0x01, 0x00, 0xFF, 0x7B], [0x1p-24, 65504]),
  ("|u1", [255, 7], [255, 7]),
  ("|i1", [255, 7], [-1, 7]),
  ("|b1", [1, 0], [1, 0]),
  ("<i2", [0xFE, 0xFF, 1, 1], [-2, 257]),
  ("<u2", [0xFE, 0xFF, 1, 1], [65534, 257]),
  ("<i4", [0xFE, 0xFF, 0xFF, 0xFF, 2, 0, 0, 1], [-2, 16_777_218]),
  ("<u4", [0, 0, 0, 128, 1, 0, 0, 0], [2_147_483_648, 1]),
  ("<i8", [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 1, 0, 0, 0], [-2, 0x1p32]),
  ("<u8", [0, 0, 0, 0, 0, 0, 0, 128, 1, 0, 0, 0, 0, 0, 0, 0], [0x1p63, 1]),
]

private let four: [UInt8] = [0, 0, 0, 0]

private let refused: [([UInt8], String)] = [
  (npy(dictionary("|O", "(1,)"), four + four), "Python objects"),
  (npy(dictionary("<c8", "(1,)"), four + four), "'<c8'"),
  (npy(dictionary("<f4", "(1, 1)", fortran: "Yes"), four), "truth value"),
  (npy(dictionary("<f4", "(2,)"), four), "needs 8 bytes of data, and 4 follow"),
  (npy(dictionary("<f4", "(1,)"), four + [0]), "needs 4 bytes of data, and 5 follow"),
  (npy(dictionary("<f4", "(9223372036854775807, 4)"), four), "too many"),
  (npy(dictionary("<f4", "(-1,)"), four), "whole numbers"),
  (npy("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }", four), "records"),
  (npy("{'descr': '<f4', 'shape': (1,), }", four), "fortran_order"),
  (npy("{'descr': '<f4', 'other': 1}", []), "unknown name 'other'"),
  (npy("", []), "dictionary"),
  (npy("{'descr", []), "quoted"),
  (npy(dictionary("<f4", "(1,)"), four, version: 4), "version 4.0"),
  (Array("\u{89}PNG......".utf8), "does not start"),
  ([0x93], "damaged"),
  ([], "damaged"),
]

@Suite struct NumPyFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func writesTheVeryBytesOfNumPy() throws {
    try NumPyFile.write([1, 2, 3, 4, 5, -0.5], shape: [2, 3], to: folder.file("a.npy"))
    let bytes = try folder.bytes("a.npy")
    // numpy.save of float32 [2, 3]: magic, version 1.0, header length 118 (numpy/lib/format.py).
    #expect(Array(bytes[..<10]) == [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, 0x76, 0])
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
    let padding = String(repeating: " ", count: 117 - text.count)
    #expect(String(decoding: bytes[10..<128], as: UTF8.self) == text + padding + "\n")
    #expect(bytes.count == 128 + 24)
    #expect(Array(bytes[128..<132]) == [0, 0, 128, 63])
    #expect(Array(bytes[148...]) == [0, 0, 0, 0xBF])
  }

  @Test func bytesAreInt8() throws {
    let tensor = SafetensorsTensor(name: "b", type: .int8, shape: [2, 2]) { lend in
      try [-127, 0, 1, 127].map { Int8($0) }.withUnsafeBytes { try lend($0) }
    }
    try NumPyFile.write(tensor, to: folder.file("b.npy"))
    let bytes = try folder.bytes("b.npy")
    #expect(String(decoding: bytes[10..<128], as: UTF8.self).hasPrefix("{'descr': '|i1', "))
    #expect(Array(bytes[128...]) == [0x81, 0, 1, 0x7F])
    #expect(
      try NumPyFile.read(folder.file("b.npy")) == .init(shape: [2, 2], values: [-127, 0, 1, 127]))
  }

  @Test func halvesAreFloat16() throws {
    let values: [Float16] = [1, -2.5, 65504, 6e-8]
    let tensor = SafetensorsTensor(name: "h", type: .float16, shape: [4]) { lend in
      try values.withUnsafeBytes { try lend($0) }
    }
    try NumPyFile.write(tensor, to: folder.file("h.npy"))
    let bytes = try folder.bytes("h.npy")
    #expect(String(decoding: bytes[10..<128], as: UTF8.self).hasPrefix("{'descr': '<f2', "))
    #expect(Array(bytes[128...]) == [0, 0x3C, 0, 0xC1, 0xFF, 0x7B, 1, 0])
    #expect(
      try NumPyFile.read(folder.file("h.npy")) == .init(shape: [4], values: values.map(Float.init)))
  }

  @Test(arguments: [[6], [], [0, 128], [1, 2, 3, 1], [2, 3]])
  func roundTrip(shape: [Int]) throws {
    let values = (0..<shape.reduce(1, *)).map { Float($0) - 2.5 }
    try NumPyFile.write(values, shape: shape, to: folder.file("r.npy"))
    #expect(try NumPyFile.read(folder.file("r.npy")) == .init(shape: shape, values: values))
    let bytes = try folder.bytes("r.npy")
    #expect(bytes.count == 128 + 4 * values.count)
    if shape == [6] {
      #expect(String(decoding: bytes[10..<128], as: UTF8.self).contains("'shape': (6,), }"))
    }
  }

  @Test(arguments: readable)
  func readsEveryType(type: String, data: [UInt8], values: [Double]) throws {
    for version: UInt8 in 1...3 {
      let bytes = npy(dictionary(type, "(2,)"), data, version: version)
      let path = try folder.write(bytes, "t.npy")
      #expect(try NumPyFile.read(path) == .init(shape: [2], values: values.map { Float($0) }))
    }
  }

  @Test(arguments: readable)
  func readsEveryTypeInTheOtherOrderOfBytes(type: String, data: [UInt8], values: [Double]) throws {
    let width = data.count / 2
    let turned = Array(data[..<width].reversed() + data[width...].reversed())
    let path = try folder.write(npy(dictionary(">" + type.dropFirst(), "(2,)"), turned), "b.npy")
    #expect(try NumPyFile.read(path) == .init(shape: [2], values: values.map { Float($0) }))
  }

  @Test func readsTheFirstIndexRunningFastest() throws {
    let header = dictionary("|u1", "(2, 3, 2)", fortran: "True")
    let path = try folder.write(npy(header, Array(0..<12)), "f.npy")
    // numpy.arange(12).reshape(2, 3, 2, order="F") in C order.
    #expect(
      try NumPyFile.read(path)
        == .init(shape: [2, 3, 2], values: [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]))
  }

  @Test func readsOtherSpellingsOfTheHeader() throws {
    let header = #"{"shape":(2 , 1), "descr":'|u1',"fortran_order":False}"#
    let path = try folder.write(npy(header, [3, 4]), "s.npy")
    #expect(try NumPyFile.read(path) == .init(shape: [2, 1], values: [3, 4]))
  }

  @Test(arguments: refused)
  func otherFilesAreRefusedByName(bytes: [UInt8], complaint: String) throws {
    let path = try folder.write(bytes, "bad.npy")
    #expect {
      _ = try NumPyFile.read(path)
    } throws: {
      $0 is InterchangeError && "\($0)".contains(complaint) && "\($0)".contains(path)
    }
  }

  @Test func truncationAtEveryLengthIsRefused() throws {
    try NumPyFile.write([1, 2], shape: [2], to: folder.file("w.npy"))
    let whole = try folder.bytes("w.npy")
    for count in 0..<whole.count {
      let path = try folder.write(Array(whole[..<count]), "cut.npy")
      #expect {
        _ = try NumPyFile.read(path)
      } throws: { error in
        guard case InterchangeError.corrupt(path: path, _) = error else { return false }
        return true
      }
    }
  }
}
