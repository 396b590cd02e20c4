private import Preconditions

/// Writes a zip file of stored members, whole or not at all; 64-bit fields where they are needed.
struct ZipWriter: ~Copyable {
  /// Bytes of a member: calls the given closure with its pieces, in order.
  typealias Lender = ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

  private struct Written {
    let name: [UInt8]
    let byteCount, offset: Int
    let checksum: UInt32
  }

  private let file: AtomicFile
  private var offset = 0
  private var members: [Written] = []

  /// Opens the file; throws `InterchangeError.unwritable`.
  init(path: String) throws { file = try AtomicFile(path: path) }

  /// Appends a member of `byteCount` bytes, which `lend` gives twice; throws
  /// `InterchangeError.unwritable`.
  mutating func add(name: String, byteCount: Int, _ lend: Lender) throws {
    var checksum = CRC32()
    var given = 0
    try lend {
      checksum.add($0)
      given += $0.count
    }
    require(given == byteCount, "ZipWriter: '\(name)' has \(given) bytes, not \(byteCount)")
    let member = Written(
      name: Array(name.utf8), byteCount: byteCount, offset: offset, checksum: checksum.value)
    let header = Self.header(member, isDirectory: false)
    try file.append(header)
    try lend { try file.append($0) }
    offset += header.count + byteCount
    members.append(member)
  }

  /// Writes the directory and gives the file its name; throws `InterchangeError.unwritable`.
  consuming func finish() throws {
    let directory = members.flatMap { Self.header($0, isDirectory: true) }
    var bytes = directory
    let isLong =
      offset >= 0xFFFF_FFFF || members.count >= 0xFFFF || directory.count >= 0xFFFF_FFFF
    if isLong {
      bytes += Self.words(4, [0x0606_4B50]) + Self.words(8, [44]) + Self.words(2, [45, 45])
      bytes += Self.words(4, [0, 0])
      bytes += Self.words(8, [members.count, members.count, directory.count, offset])
      bytes += Self.words(4, [0x0706_4B50, 0]) + Self.words(8, [offset + directory.count])
      bytes += Self.words(4, [1])
    }
    let count = isLong ? 0xFFFF : members.count
    bytes += Self.words(4, [0x0605_4B50]) + Self.words(2, [0, 0, count, count])
    bytes += Self.words(
      4, isLong ? [0xFFFF_FFFF, 0xFFFF_FFFF] : [directory.count, offset])
    bytes += Self.words(2, [0])
    try file.append(bytes)
    try file.commit()
  }

  /// The header before a member's bytes, or its entry in the directory.
  private static func header(_ member: Written, isDirectory: Bool) -> [UInt8] {
    let isLong = member.byteCount >= 0xFFFF_FFFF || member.offset >= 0xFFFF_FFFF
    let size = isLong ? 0xFFFF_FFFF : member.byteCount
    var extra: [UInt8] = []
    if isLong {
      let sizes = [member.byteCount, member.byteCount] + (isDirectory ? [member.offset] : [])
      extra = words(2, [1, 8 * sizes.count]) + words(8, sizes)
    }
    let version = isLong ? 45 : 20
    var bytes = words(4, [isDirectory ? 0x0201_4B50 : 0x0403_4B50])
    if isDirectory { bytes += words(2, [version]) }
    // 1 January 1980, as numpy writes; names are UTF-8.
    bytes += words(2, [version, 0x0800, 0, 0, 0x21])
    bytes += words(4, [Int(member.checksum), size, size])
    bytes += words(2, [member.name.count, extra.count])
    if isDirectory {
      bytes += words(2, [0, 0, 0]) + words(4, [0, isLong ? 0xFFFF_FFFF : member.offset])
    }
    return bytes + member.name + extra
  }

  private static func words(_ byteCount: Int, _ values: [Int]) -> [UInt8] {
    values.flatMap { value in (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
  }
}
