/// One member of a tar archive that is no folder.
struct TarMember {
  enum Kind: Equatable {
    case file
    /// The same file as the member of that name, before it in the archive.
    case hardLink(to: String)
    /// A path from the member's own folder.
    case symbolicLink(to: String)
    /// A device, a sparse file or whatever else.
    case other
  }

  var name: String
  /// Where its bytes are in the archive; empty for links.
  var range: Range<Int>
  var kind = Kind.file
}

/// Goes through the members of tar archives (POSIX ustar and pax, GNU long names), reading headers
/// and passing over the data.
enum TarArchive {
  static let blockBytes = 512

  /// Calls `body` with each member but folders in order, and with its bytes where they are at most
  /// one block. Throws `DatasetError`, and what `body` throws.
  ///
  /// Returns whether the archive has its end, a block of zeros: without one it may be cut short
  /// between two members.
  @discardableResult static func forEach(
    _ file: RandomAccessFile,
    _ body: (TarMember, UnsafeRawBufferPointer) throws(DatasetError) -> Void
  ) throws(DatasetError) -> Bool {
    // Header and first block of the data come in one call.
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * blockBytes, alignment: 16)
    defer { room.deallocate() }
    var offset = 0
    var longName: String?
    var longLink: String?
    var longSize: Int?
    while true {
      let got = try read(file, at: offset, into: room)
      if got == 0 { return false }
      let header = UnsafeRawBufferPointer(rebasing: room[..<min(got, blockBytes)])
      guard got >= blockBytes else { throw cutShort(file, offset) }
      if header.allSatisfy({ $0 == 0 }) {
        try requireEnd(file, from: offset, room)
        return true
      }
      guard let stored = octal(header[148..<156]), stored == checksum(header) else {
        throw .badPack(path: file.path, reason: "has no tar header at byte \(offset)")
      }
      let kind = header[156]
      guard let size = longSize ?? number(header[124..<136]), size >= 0,
        size <= file.byteCount - offset - blockBytes
      else { throw cutShort(file, offset) }
      let start = offset + blockBytes
      offset = start + (size + blockBytes - 1) / blockBytes * blockBytes
      switch kind {
      case UInt8(ascii: "x"), UInt8(ascii: "L"), UInt8(ascii: "K"):
        let bytes = try contents(file, start, size)
        if kind == UInt8(ascii: "L") {
          longName = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        } else if kind == UInt8(ascii: "K") {
          longLink = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        } else {
          let records = paxRecords(bytes)
          longName = records["path"] ?? longName
          longLink = records["linkpath"] ?? longLink
          longSize = records["size"].flatMap { Int($0) } ?? longSize
        }
        continue
      case UInt8(ascii: "5"), UInt8(ascii: "g"), UInt8(ascii: "V"): break
      case UInt8(ascii: "1"), UInt8(ascii: "2"):
        let target = longLink ?? text(header[157..<257])
        let isHard = kind == UInt8(ascii: "1")
        try body(
          TarMember(
            name: longName ?? Self.name(header), range: start..<start,
            kind: isHard ? .hardLink(to: target) : .symbolicLink(to: target)),
          UnsafeRawBufferPointer(start: nil, count: 0))
      case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
        let name = longName ?? Self.name(header)
        let data = UnsafeRawBufferPointer(
          rebasing: room[blockBytes..<blockBytes + (size <= got - blockBytes ? size : 0)])
        try body(TarMember(name: name, range: start..<start + size), data)
      default:
        let member = TarMember(
          name: longName ?? Self.name(header), range: start..<start + size, kind: .other)
        try body(member, UnsafeRawBufferPointer(start: nil, count: 0))
      }
      longName = nil
      longLink = nil
      longSize = nil
    }
  }

  /// Throws where another archive stands behind the end of the first, as `cat` of several has it.
  private static func requireEnd(
    _ file: RandomAccessFile, from end: Int, _ room: UnsafeMutableRawBufferPointer
  ) throws(DatasetError) {
    for offset in stride(from: end, to: file.byteCount, by: blockBytes) {
      let got = try read(file, at: offset, into: room)
      guard got >= blockBytes else { return }
      let block = UnsafeRawBufferPointer(rebasing: room[..<blockBytes])
      if block.allSatisfy({ $0 == 0 }) { continue }
      guard let stored = octal(block[148..<156]), stored == checksum(block) else { return }
      throw .unusable(
        path: file.path,
        reason:
          "holds another archive behind its end, at byte \(offset); give each as a file of its "
          + "own, or join them with tar --concatenate")
    }
  }

  private static func read(
    _ file: RandomAccessFile, at offset: Int, into room: UnsafeMutableRawBufferPointer
  ) throws(DatasetError) -> Int {
    do throws(ImageError) {
      return try file.readSome(at: offset, into: room)
    } catch {
      throw .unreadable(path: file.path, reason: error.description)
    }
  }

  /// Names and pax records longer than this are refused.
  private static let textLimit = 1 << 16

  private static func contents(
    _ file: RandomAccessFile, _ start: Int, _ size: Int
  ) throws(DatasetError) -> [UInt8] {
    guard size <= textLimit else {
      throw .badPack(path: file.path, reason: "has a name of \(size) bytes at byte \(start)")
    }
    do throws(ImageError) {
      return try file.bytes(at: start, count: size)
    } catch {
      throw .unreadable(path: file.path, reason: error.description)
    }
  }

  private static func cutShort(_ file: RandomAccessFile, _ offset: Int) -> DatasetError {
    .badPack(
      path: file.path,
      reason: "is cut short: it ends at byte \(file.byteCount), inside the member at byte \(offset)"
    )
  }

  private static func text(_ field: Slice<UnsafeRawBufferPointer>) -> String {
    String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
  }

  private static func name(_ header: UnsafeRawBufferPointer) -> String {
    let name = text(header[0..<100])
    let isUSTAR = header[257..<262].elementsEqual("ustar".utf8)
    // GNU tar keeps other things where POSIX has the prefix.
    let isGNU = header[263] == 0x20
    let prefix = isUSTAR && !isGNU ? text(header[345..<500]) : ""
    return prefix.isEmpty ? name : prefix + "/" + name
  }

  private static func octal(_ field: Slice<UnsafeRawBufferPointer>) -> Int? {
    var value = 0
    var digits = 0
    for byte in field {
      if (0x30...0x37).contains(byte) {
        value = value << 3 | Int(byte - 0x30)
        digits += 1
      } else if digits > 0 {
        break
      } else if byte != 0x20 {
        return nil
      }
    }
    return digits > 0 && digits <= 20 ? value : nil
  }

  /// Octal digits, or GNU's big-endian number with the first bit set.
  private static func number(_ field: Slice<UnsafeRawBufferPointer>) -> Int? {
    guard let first = field.first, first & 0x80 != 0 else { return octal(field) }
    guard first == 0x80, field.dropFirst().prefix(4).allSatisfy({ $0 == 0 }) else { return nil }
    return field.suffix(7).reduce(0) { $0 << 8 | Int($1) }
  }

  private static func checksum(_ header: UnsafeRawBufferPointer) -> Int {
    var sum = 8 * 0x20
    for (place, byte) in header.enumerated() where !(148..<156).contains(place) { sum += Int(byte) }
    return sum
  }

  /// The `length key=value\n` records of a pax header.
  private static func paxRecords(_ bytes: [UInt8]) -> [String: String] {
    var records: [String: String] = [:]
    var rest = bytes[...]
    while let space = rest.firstIndex(of: 0x20),
      let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > 0,
      length <= rest.count, space < rest.startIndex + length
    {
      let record = rest[(space + 1)..<(rest.startIndex + length)]
      if let equals = record.firstIndex(of: UInt8(ascii: "=")) {
        records[String(decoding: record[..<equals], as: UTF8.self)] = String(
          decoding: record[(equals + 1)...].dropLast(), as: UTF8.self)
      }
      rest = rest[(rest.startIndex + length)...]
    }
    return records
  }
}
