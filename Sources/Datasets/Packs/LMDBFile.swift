/// An LMDB database (liblmdb 0.9, 64 bits, little endian), read by position: a tree of pages that
/// are checked against the file, so that a damaged one is an error, where liblmdb itself would read
/// beyond its mapping.
struct LMDBFile: Sendable {
  /// Where a value is in the file.
  struct Value {
    var offset: Int
    var count: Int
  }

  let file: RandomAccessFile
  private let pageBytes: Int
  /// The page that the tree begins at; nil for an empty database.
  private let root: Int?
  /// How many values the database says it has.
  let count: Int

  private static let magic: UInt32 = 0xBEEF_C0DE
  private static let headerBytes = 16
  private static let metaBytes = 152
  /// A tree of pages of 512 bytes is no deeper than this.
  private static let depthLimit = 32

  private enum PageKind {
    static let branch = 0x01
    static let leaf = 0x02
    static let overflow = 0x04
  }

  private enum NodeKind {
    static let isLarge = 0x01
    static let isDatabase = 0x02
    static let hasSeveral = 0x04
  }

  /// Whether a file that begins with `start` is a database of LMDB.
  static func isOne(_ start: ArraySlice<UInt8>) -> Bool {
    start.count >= 20
      && start.dropFirst(16).prefix(4).elementsEqual([0xDE, 0xC0, 0xEF, 0xBE])
  }

  /// Opens the database at `path`; throws `DatasetError`.
  init(path: String) throws(DatasetError) {
    let file = try RandomAccessFile(path: path)
    self.file = file
    let first = try Self.meta(file, at: 0)
    guard let first else {
      throw .badPack(path: path, reason: "is no LMDB database of 64 bits and version 1")
    }
    guard first.pageBytes >= 512, first.pageBytes <= 1 << 16,
      first.pageBytes & (first.pageBytes - 1) == 0
    else {
      throw .badPack(path: path, reason: "says that its pages have \(first.pageBytes) bytes")
    }
    pageBytes = first.pageBytes
    // The two pages take turns; the later transaction is the state of the database.
    var newest = first
    if let second = try Self.meta(file, at: pageBytes), second.transaction > first.transaction {
      newest = second
    }
    root = newest.root
    count = newest.count
    guard count >= 0, count <= file.byteCount / 8 else {
      throw .badPack(
        path: path, reason: "says that it has \(count) values in \(file.byteCount) bytes")
    }
  }

  private struct Meta {
    var pageBytes: Int
    var count: Int
    var root: Int?
    var transaction: UInt64
  }

  private static func meta(
    _ file: RandomAccessFile, at offset: Int
  ) throws(DatasetError) -> Meta? {
    guard offset + metaBytes <= file.byteCount else { return nil }
    let bytes = try page(file, at: offset, count: metaBytes)
    return bytes.withUnsafeBytes { bytes in
      func word(_ at: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
      }
      func long(_ at: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      }
      guard word(16) == magic, word(20) == 1 else { return nil }
      let root = long(128)
      return Meta(
        pageBytes: Int(word(40)), count: Int(exactly: long(120)) ?? -1,
        root: root == UInt64.max ? nil : Int(exactly: root) ?? Int.max, transaction: long(144))
    }
  }

  private static func page(
    _ file: RandomAccessFile, at offset: Int, count: Int
  ) throws(DatasetError) -> [UInt8] {
    do throws(ImageError) {
      return try file.bytes(at: offset, count: count)
    } catch  where error.isOfMachine {
      throw .unreadable(path: file.path, reason: error.description)
    } catch {
      throw .badPack(path: file.path, reason: "has a page at byte \(offset) that is not there")
    }
  }

  /// Calls `body` with each key and the place of its value, in the order of the tree. Throws
  /// `DatasetError`, and what `body` throws.
  func forEach(
    _ body: (ArraySlice<UInt8>, Value) throws(DatasetError) -> Void
  ) throws(DatasetError) {
    guard let root else { return }
    var pagesLeft = file.byteCount / pageBytes
    try visit(root, depth: 0, &pagesLeft, body)
  }

  private func broken(_ page: Int, _ what: String) -> DatasetError {
    .badPack(path: file.path, reason: "is damaged in page \(page): \(what)")
  }

  private func visit(
    _ number: Int, depth: Int, _ pagesLeft: inout Int,
    _ body: (ArraySlice<UInt8>, Value) throws(DatasetError) -> Void
  ) throws(DatasetError) {
    guard depth < Self.depthLimit, pagesLeft > 0 else { throw broken(number, "a circle of pages") }
    guard number >= 2, number < file.byteCount / pageBytes else {
      throw broken(number, "the file ends before it, at byte \(file.byteCount)")
    }
    pagesLeft -= 1
    let start = number * pageBytes
    let page = try Self.page(file, at: start, count: pageBytes)
    let kind = Self.half(page, 10) & (PageKind.branch | PageKind.leaf | PageKind.overflow)
    let lower = Self.half(page, 12)
    guard kind == PageKind.branch || kind == PageKind.leaf, lower >= Self.headerBytes,
      lower <= pageBytes, Self.number(page, 0, 8) == number
    else { throw broken(number, "no page of a tree") }
    for place in stride(from: Self.headerBytes, to: lower - 1, by: 2) {
      let node = Self.half(page, place)
      guard node >= lower, node + 8 <= pageBytes else { throw broken(number, "a wild entry") }
      let flags = Self.half(page, node + 4)
      let keyEnd = node + 8 + Self.half(page, node + 6)
      guard keyEnd <= pageBytes else { throw broken(number, "a wild key") }
      let low = Self.number(page, node, 4)
      if kind == PageKind.branch {
        try visit(low | flags << 32, depth: depth + 1, &pagesLeft, body)
        continue
      }
      guard flags & (NodeKind.isDatabase | NodeKind.hasSeveral) == 0 else {
        throw .badPack(
          path: file.path,
          reason: "holds databases in its database, or several values of a key; photos are read "
            + "from one value a key")
      }
      var value = Value(offset: start + keyEnd, count: low)
      if flags & NodeKind.isLarge != 0 {
        guard keyEnd + 8 <= pageBytes else { throw broken(number, "a wild entry") }
        let first = Self.number(page, keyEnd, 8)
        guard first >= 2, first < file.byteCount / pageBytes else {
          throw broken(number, "a value in page \(first), which is not there")
        }
        value.offset = first * pageBytes + Self.headerBytes
        guard value.count <= file.byteCount - value.offset else {
          throw broken(number, "a value of \(value.count) bytes, the file is cut short")
        }
      } else {
        guard keyEnd + low <= pageBytes else { throw broken(number, "a wild value") }
      }
      try body(page[(node + 8)..<keyEnd], value)
    }
  }

  private static func half(_ bytes: [UInt8], _ at: Int) -> Int {
    Int(bytes[at]) | Int(bytes[at + 1]) << 8
  }

  /// A little-endian number of `count` bytes; `Int.max` for one that is larger.
  private static func number(_ bytes: [UInt8], _ at: Int, _ count: Int) -> Int {
    var value: UInt64 = 0
    for place in 0..<count { value |= UInt64(bytes[at + place]) << UInt64(8 * place) }
    return Int(exactly: value) ?? Int.max
  }
}
