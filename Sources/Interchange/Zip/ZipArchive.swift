/// A zip file, with 64-bit sizes where it has them (PKWARE APPNOTE 6.3.10): members stored as they
/// are, which is how PyTorch and `numpy.savez` write, or packed by deflate.
final class ZipArchive {
  /// What a zip file with members begins with.
  static let magic: [UInt8] = [0x50, 0x4B, 3, 4]

  struct Entry {
    let name: String
    /// Bytes of the member, and what they take in the file.
    let byteCount, packedCount: Int
    /// Where the member's own header begins.
    let offset: Int
    let checksum: UInt32
    /// 0 for stored, 8 for deflate.
    let method: Int
    let isEncrypted: Bool

    var isStored: Bool { method == 0 && !isEncrypted }
  }

  let file: PositionedFile
  let entries: [Entry]

  /// Reads the directory; throws `InterchangeError`.
  init(_ file: PositionedFile) throws {
    self.file = file
    let (start, count) = try Self.directory(of: file)
    let bytes = LittleEndianBytes(try file.bytes(at: start.lowerBound, count: start.count))
    var entries: [Entry] = []
    entries.reserveCapacity(count)
    var at = 0
    for _ in 0..<count {
      guard at + 46 <= bytes.count, bytes.word32(at) == 0x0201_4B50 else {
        throw InterchangeError.corrupt(path: file.path, reason: "its zip directory is damaged")
      }
      let (nameCount, extraCount) = (bytes.word16(at + 28), bytes.word16(at + 30))
      let end = at + 46 + nameCount + extraCount + bytes.word16(at + 32)
      guard end <= bytes.count else {
        throw InterchangeError.corrupt(path: file.path, reason: "its zip directory is cut short")
      }
      let name = String(decoding: bytes[at + 46..<at + 46 + nameCount], as: UTF8.self)
      let method = bytes.word16(at + 10)
      let isEncrypted = bytes.word16(at + 8) & 1 == 1
      let extra = at + 46 + nameCount..<at + 46 + nameCount + extraCount
      let sizes = try Self.sizes(bytes, at, extra: extra, path: file.path)
      guard sizes.packed == sizes.plain || method != 0 || isEncrypted else {
        throw InterchangeError.corrupt(
          path: file.path, reason: "its member '\(name)' is stored and has two sizes")
      }
      if !name.hasSuffix("/") {
        entries.append(
          Entry(
            name: name, byteCount: sizes.plain, packedCount: sizes.packed, offset: sizes.offset,
            checksum: UInt32(bytes.word32(at + 16)), method: method, isEncrypted: isEncrypted))
      }
      at = end
    }
    // Members that share bytes would make a reader of each do the work of a far larger file.
    guard entries.reduce(0, { $0 &+ $1.packedCount }) <= file.byteCount,
      entries.allSatisfy({ $0.packedCount <= file.byteCount })
    else {
      throw InterchangeError.corrupt(
        path: file.path, reason: "its members have more bytes than the file")
    }
    self.entries = entries
  }

  /// The sizes and the offset of the directory's entry at `at`, from its 64-bit field where the
  /// 32-bit ones are full.
  private static func sizes(
    _ bytes: LittleEndianBytes, _ at: Int, extra: Range<Int>, path: String
  ) throws -> (packed: Int, plain: Int, offset: Int) {
    var sizes = (
      packed: bytes.word32(at + 20), plain: bytes.word32(at + 24), offset: bytes.word32(at + 42)
    )
    var place = extra.lowerBound
    while place + 4 <= extra.upperBound {
      let (kind, size) = (bytes.word16(place), bytes.word16(place + 2))
      let end = place + 4 + size
      if kind == 1, end <= extra.upperBound {
        var field = place + 4
        func next(_ word: Int) throws -> Int {
          guard word == 0xFFFF_FFFF else { return word }
          guard field + 8 <= end, let long = bytes.word64(field) else {
            throw InterchangeError.corrupt(path: path, reason: "its zip directory is damaged")
          }
          field += 8
          return long
        }
        sizes.plain = try next(sizes.plain)
        sizes.packed = try next(sizes.packed)
        sizes.offset = try next(sizes.offset)
      }
      place = end
    }
    return sizes
  }

  /// Where the directory lies, and how many members it has.
  private static func directory(of file: PositionedFile) throws -> (Range<Int>, Int) {
    let tailCount = min(file.byteCount, 65_557)
    let tailStart = file.byteCount - tailCount
    let tail = LittleEndianBytes(try file.bytes(at: tailStart, count: tailCount))
    var at = tailCount - 22
    while at >= 0, tail.word32(at) != 0x0605_4B50 { at -= 1 }
    guard at >= 0 else {
      throw InterchangeError.corrupt(
        path: file.path, reason: "its zip directory is missing; it is cut short")
    }
    var (count, size, start) = (
      tail.word16(at + 10), tail.word32(at + 12), tail.word32(at + 16)
    )
    if count == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF,
      at >= 20, tail.word32(at - 20) == 0x0706_4B50, let place = tail.word64(at - 12),
      place >= 0, place <= file.byteCount - 56
    {
      let long = LittleEndianBytes(try file.bytes(at: place, count: 56))
      guard long.word32(0) == 0x0606_4B50, let longCount = long.word64(32),
        let longSize = long.word64(40), let longStart = long.word64(48)
      else {
        throw InterchangeError.corrupt(path: file.path, reason: "its zip directory is damaged")
      }
      (count, size, start) = (longCount, longSize, longStart)
    }
    guard start <= file.byteCount, size <= file.byteCount - start, count <= size / 46 else {
      throw InterchangeError.corrupt(
        path: file.path, reason: "its zip directory lies outside the file")
    }
    return (start..<start + size, count)
  }

  /// Where the bytes of a stored member lie; throws `InterchangeError`, also for others.
  func range(of entry: Entry) throws -> Range<Int> {
    guard entry.isStored else {
      throw InterchangeError.unsupported(
        path: file.path,
        reason: "its member '\(entry.name)' is \(entry.isEncrypted ? "encrypted" : "compressed"); "
          + "save it as torch.save and numpy.savez do, without either")
    }
    return try packedRange(of: entry)
  }

  /// The bytes of a member, unpacked where deflate has packed them, their checksum compared; throws
  /// `InterchangeError`.
  func bytes(of entry: Entry) throws -> [UInt8] {
    guard entry.method == 8, !entry.isEncrypted else {
      let range = try range(of: entry)
      try verify(entry)
      return try file.bytes(at: range.lowerBound, count: range.count)
    }
    let range = try packedRange(of: entry)
    let packed = try file.bytes(at: range.lowerBound, count: range.count)
    func damage(_ reason: String) -> InterchangeError {
      .corrupt(path: file.path, reason: "its member '\(entry.name)' cannot be unpacked: \(reason)")
    }
    let bytes: [UInt8]
    do {
      bytes = try Inflate.bytes(of: packed, count: entry.byteCount)
    } catch let problem as Inflate.Problem {
      throw damage(problem.message)
    }
    var checksum = CRC32()
    bytes.withUnsafeBytes { checksum.add($0) }
    guard checksum.value == entry.checksum else {
      throw damage("another checksum than was written")
    }
    return bytes
  }

  private func packedRange(of entry: Entry) throws -> Range<Int> {
    func damage() -> InterchangeError {
      .corrupt(path: file.path, reason: "its member '\(entry.name)' lies outside the file")
    }
    guard entry.offset <= file.byteCount - 30 else { throw damage() }
    let header = LittleEndianBytes(try file.bytes(at: entry.offset, count: 30))
    guard header.word32(0) == 0x0403_4B50 else { throw damage() }
    let start = entry.offset + 30 + header.word16(26) + header.word16(28)
    guard start <= file.byteCount, entry.packedCount <= file.byteCount - start else {
      throw damage()
    }
    return start..<start + entry.packedCount
  }

  /// Reads a stored member piece by piece and compares its checksum; throws `InterchangeError`.
  func verify(_ entry: Entry) throws {
    let range = try range(of: entry)
    var checksum = CRC32()
    var at = range.lowerBound
    while at < range.upperBound {
      let bytes = try file.bytes(at: at, count: min(1 << 18, range.upperBound - at))
      bytes.withUnsafeBytes { checksum.add($0) }
      at += bytes.count
    }
    guard checksum.value == entry.checksum else {
      throw InterchangeError.corrupt(
        path: file.path,
        reason: "its member '\(entry.name)' has the checksum "
          + "\(String(checksum.value, radix: 16)), not \(String(entry.checksum, radix: 16))")
    }
  }
}

/// Bytes with little-endian words in them.
struct LittleEndianBytes {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var count: Int { bytes.count }

  subscript(range: Range<Int>) -> ArraySlice<UInt8> { bytes[range] }

  func word16(_ at: Int) -> Int { Int(bytes[at]) | Int(bytes[at + 1]) << 8 }

  func word32(_ at: Int) -> Int { word16(at) | word16(at + 2) << 16 }

  /// Nil where the word is no `Int`.
  func word64(_ at: Int) -> Int? { Int(exactly: UInt(word32(at)) | UInt(word32(at + 4)) << 32) }
}
