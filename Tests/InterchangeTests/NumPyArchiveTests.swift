import Foundation
import Interchange
import Testing

@Suite struct NumPyArchiveTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func written() throws -> String {
    let path = folder.file("a.npz")
    try NumPyArchive.write(
      [
        NumPyMember(SafetensorsTensor(name: "weights", shape: [2, 2], floats: [1, -2, 3.5, 0])),
        NumPyMember(SafetensorsTensor(name: "count", shape: [], integers: [1 << 40])),
        NumPyMember(name: "names", strings: ["anna", "", "Jürgen, 🙂"]),
        NumPyMember(metadata: ["a": "1", "b": "x=y"]),
      ], to: path)
    return path
  }

  @Test func roundTrip() throws {
    let archive = try NumPyArchive(path: try written())
    #expect(archive.names == ["weights", "count", "names"])
    #expect(archive.shape(of: "weights") == [2, 2])
    #expect(try archive.elements(of: "weights") == [1, -2, 3.5, 0])
    #expect(archive.shape(of: "count") == [])
    #expect(try archive.elements(of: "count") == [0x1p40])
    #expect(try archive.strings(of: "names") == ["anna", "", "Jürgen, 🙂"])
    #expect(archive.metadata == ["a": "1", "b": "x=y"])
    #expect(throws: InterchangeError.self) { try archive.elements(of: "names") }
    #expect(throws: InterchangeError.self) { try archive.strings(of: "weights") }
  }

  /// The local header of a stored member, by PKWARE's APPNOTE; the checksum is that of "123456789".
  @Test func headersAreThoseOfZip() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: try written()))
    let start: [UInt8] = [0x50, 0x4B, 3, 4, 20, 0, 0, 8, 0, 0]
    #expect(Array(bytes[..<10]) == start)
    #expect(String(decoding: bytes[30..<41], as: UTF8.self) == "weights.npy")
    // Sizes of a header of 128 bytes and 4 floats.
    let sizes: [UInt8] = [144, 0, 0, 0, 144, 0, 0, 0]
    #expect(Array(bytes[18..<26]) == sizes)
    let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
    #expect(Array(bytes[41..<47]) == magic)
    let end: [UInt8] = [0x50, 0x4B, 5, 6]
    #expect(Array(bytes.suffix(22).prefix(4)) == end)
  }

  @Test func everyByteIsUnderAChecksumOrItsChangeAnError() throws {
    let path = try written()
    let bytes = try folder.bytes("a.npz")
    let expected = try NumPyArchive(path: path).elements(of: "weights")
    for place in 169..<bytes.count where place % 3 == 0 {
      var changed = bytes
      changed[place] ^= 0x10
      let other = try folder.write(changed, "b.npz")
      if let archive = try? NumPyArchive(path: other),
        let values = try? archive.elements(of: "weights")
      {
        #expect(values == expected, "byte \(place)")
      }
    }
  }
}

@Suite struct CSVTableTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func roundTripKeepsEveryBit() throws {
    let path = folder.file("a.csv")
    let names = ["anna/1.jpg", "a,b \"c\"\nd", ""]
    let values: [Float] = [1, -0.1, 0x1p-140, 3.4e38, .nan, 0]
    try CSVTable.write(names: names, columns: 2, to: path) { row in
      values[2 * row..<2 * row + 2].map { "\($0)" }
    }
    let table = try CSVTable(path: path)
    #expect(table.names == names && table.columns == 2)
    #expect(table.values.map { $0.isNaN ? "nan" : "\($0)" } == values.map { "\($0)" })
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.hasPrefix("name,0,1\nanna/1.jpg,1.0,-0.1\n\"a,b \"\"c\"\"\nd\","))
  }

  @Test func readsLinesOfWindowsAndNoLastEnd() throws {
    let path = try folder.write(Array("name,x\r\na,1\r\nb,-2e3".utf8), "w.csv")
    #expect(try CSVTable(path: path).values == [1, -2000])
  }

  @Test(arguments: [
    ("name\n", "names no columns"), ("name,x\na\n", "has 1 cells"), ("name,x\na,b\n", "no number"),
    ("name,x\n\"a,1\n", "has no end"), ("name,x\n\"a\"b,1\n", "has no end"), ("", "no columns"),
  ])
  func brokenTablesAreErrors(text: String, reason: String) throws {
    let path = try folder.write(Array(text.utf8), "b.csv")
    let error = #expect(throws: InterchangeError.self) { try CSVTable(path: path) }
    #expect("\(error!)".contains(reason), "\(error!)")
  }
}
