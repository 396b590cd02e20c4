/// The header of an image record (mxnet/recordio.py `IRHeader`).
struct RecordHeader {
  /// How many labels follow the header; 0 where `label` is the label.
  var labelCount: Int
  var label: Float
  var id: UInt64
}

/// The records of an MXNet RecordIO file (dmlc-core `recordio.h`): a magic word, a word of kind and
/// length, the payload, zeros up to a multiple of four. A payload with the magic word in it stands
/// in several parts, the word left out between them.
struct RecordFile: Sendable {
  /// dmlc-core's `RecordIOWriter::kMagic`.
  static let magic: UInt32 = 0xCED7_230A
  /// What stands in its place in packs of `ddp-train` 0.1, which no other program reads.
  static let formerMagic: UInt32 = 0x3ED7_230A
  static let headerBytes = 24
  private static let cutShort = "is cut short"
  /// The magic word stands in a photo by chance: once in a hundred thousand of them.
  private static let partLimit = 1024

  let file: RandomAccessFile
  /// The word that the records of this file begin with.
  let magic: UInt32

  /// The records of `file`, which begin as its first one does.
  init(file: RandomAccessFile) {
    self.file = file
    let start = (try? file.bytes(at: 0, count: 4)) ?? []
    magic = Self.magic(of: start) ?? Self.magic
  }

  /// The word of those known that `start`, the first bytes of a file, are; nil for other bytes.
  static func magic(of start: some Sequence<UInt8>) -> UInt32? {
    let bytes = Array(start.prefix(4))
    guard bytes.count == 4 else { return nil }
    let word = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return word == magic || word == formerMagic ? word : nil
  }

  /// A part of a record: 0 the whole of it, 1 the first, 2 one in the middle, 3 the last.
  private struct Part {
    var kind: Int
    var payload: Range<Int>
    /// Where the next record begins.
    var end: Int { (payload.upperBound + 3) & ~3 }
  }

  /// The part that begins at byte `offset`, checked against the length of the file; with the header
  /// that its payload begins with where it is long enough to have one.
  private func part(at offset: Int) throws(ImageError) -> (Part, RecordHeader?) {
    var words = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    var got = 0
    if offset >= 0, offset < file.byteCount {
      got = try withUnsafeMutableBytes(of: &words) { bytes throws(ImageError) in
        try file.readSome(at: offset, into: bytes)
      }
    }
    guard got >= 8 else {
      throw ImageError(
        description: "\(Self.cutShort): \(file.path) ends at byte \(file.byteCount), "
          + "its record is at \(offset)")
    }
    guard UInt32(truncatingIfNeeded: words.0.littleEndian) == magic else {
      throw ImageError(description: "has no record at byte \(offset) of \(file.path)")
    }
    let word = UInt32(truncatingIfNeeded: words.0.littleEndian >> 32)
    let count = Int(word & 0x1FFF_FFFF)
    guard count <= file.byteCount - offset - 8 else {
      throw ImageError(
        description:
          "\(Self.cutShort): its record at byte \(offset) of \(file.path) has \(count) bytes, "
          + "\(file.byteCount - offset - 8) follow")
    }
    let part = Part(kind: Int(word >> 29), payload: offset + 8..<offset + 8 + count)
    guard got == 32, count >= Self.headerBytes else { return (part, nil) }
    let first = words.1.littleEndian
    return (
      part,
      RecordHeader(
        labelCount: Int(UInt32(truncatingIfNeeded: first)),
        label: Float(bitPattern: UInt32(truncatingIfNeeded: first >> 32)),
        id: words.2.littleEndian)
    )
  }

  /// The parts of the record at `offset` joined again, and where the next record begins.
  private func joined(_ first: Part) throws(ImageError) -> (payload: [UInt8], end: Int) {
    guard first.kind == 1 else {
      throw ImageError(description: "has a part of kind \(first.kind) where a record begins")
    }
    var payload = try file.bytes(at: first.payload.lowerBound, count: first.payload.count)
    var part = first
    var partCount = 1
    while part.kind != 3 {
      partCount += 1
      guard partCount <= Self.partLimit else {
        throw ImageError(description: "has more than \(Self.partLimit) parts")
      }
      part = try self.part(at: part.end).0
      guard part.kind == 2 || part.kind == 3 else {
        throw ImageError(description: "has a part of kind \(part.kind) inside a record")
      }
      withUnsafeBytes(of: magic.littleEndian) { payload.append(contentsOf: $0) }
      payload += try file.bytes(at: part.payload.lowerBound, count: part.payload.count)
      guard payload.count < FileReader.sizeLimitBytes else {
        throw ImageError(description: "has more than \(FileReader.sizeLimitBytes) bytes")
      }
    }
    return (payload, part.end)
  }

  private static func header(of payload: [UInt8]) throws(ImageError) -> RecordHeader {
    guard payload.count >= headerBytes else { throw tooShort(payload.count) }
    return payload.withUnsafeBytes { bytes in
      func word(_ at: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
      }
      return RecordHeader(
        labelCount: Int(word(0)), label: Float(bitPattern: word(4)),
        id: UInt64(word(8)) | UInt64(word(12)) << 32)
    }
  }

  private static func tooShort(_ count: Int) -> ImageError {
    ImageError(description: "has a record of \(count) bytes, fewer than its header")
  }

  /// Where the data begin in a payload of `count` bytes; throws where the labels do not fit.
  private static func dataStart(_ header: RecordHeader, count: Int) throws(ImageError) -> Int {
    guard header.labelCount <= (count - headerBytes) / 4 else {
      throw ImageError(
        description: "has \(header.labelCount) labels in a record of \(count) bytes")
    }
    return headerBytes + 4 * header.labelCount
  }

  /// Overwrites `buffer` by the data of the record at byte `offset`; returns its header. Throws
  /// `ImageError`.
  @discardableResult
  func read(at offset: Int, into buffer: ByteBuffer) throws(ImageError) -> RecordHeader {
    let (part, header) = try part(at: offset)
    if part.kind == 0 {
      guard let header else { throw Self.tooShort(part.payload.count) }
      let start = try Self.dataStart(header, count: part.payload.count)
      let count = part.payload.count - start
      guard count <= FileReader.sizeLimitBytes else {
        throw ImageError(description: "\(count) bytes are more than \(FileReader.sizeLimitBytes)")
      }
      try file.read(at: part.payload.lowerBound + start, into: buffer.resize(to: count))
      return header
    }
    let payload = try joined(part).payload
    let joinedHeader = try Self.header(of: payload)
    let start = try Self.dataStart(joinedHeader, count: payload.count)
    payload.withUnsafeBytes { buffer.set(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    return joinedHeader
  }

  /// Where the record behind the one at `offset` begins. Throws `ImageError`.
  func end(ofRecordAt offset: Int) throws(ImageError) -> Int {
    let (part, _) = try part(at: offset)
    return part.kind == 0 ? part.end : try joined(part).end
  }

  /// The label of the record at `offset`: the one of its header, or the first that follow it.
  func label(at offset: Int) throws(ImageError) -> Float {
    let (part, header) = try part(at: offset)
    if part.kind == 0, let header, header.labelCount == 0 { return header.label }
    return try labels(at: offset).first ?? 0
  }

  /// All labels of the record at `offset`; the one of the header where none follow it.
  func labels(at offset: Int) throws(ImageError) -> [Float] {
    let (part, header) = try part(at: offset)
    var bytes: [UInt8]
    let known: RecordHeader
    if part.kind == 0 {
      guard let header else { throw Self.tooShort(part.payload.count) }
      known = header
      let start = try Self.dataStart(header, count: part.payload.count)
      bytes = try file.bytes(at: part.payload.lowerBound, count: start)
    } else {
      bytes = try joined(part).payload
      known = try Self.header(of: bytes)
      _ = try Self.dataStart(known, count: bytes.count)
    }
    if known.labelCount == 0 { return [known.label] }
    return bytes.withUnsafeBytes { bytes in
      (0..<known.labelCount).map {
        Float(
          bitPattern: UInt32(
            littleEndian: bytes.loadUnaligned(
              fromByteOffset: Self.headerBytes + 4 * $0, as: UInt32.self)))
      }
    }
  }

  /// The number and place of every record from the start of the file on; of one that is cut short
  /// at its end too. Throws `ImageError` where there is no record where one has to be, and for a
  /// file of records too short for headers, which would take more memory than it has bytes.
  func scan(onRecord: () -> Void = {}) throws(ImageError) -> [(id: UInt64, offset: Int)] {
    var found: [(id: UInt64, offset: Int)] = []
    var offset = 0
    while offset < file.byteCount {
      do throws(ImageError) {
        let (part, header) = try part(at: offset)
        var next = part.end
        var id = header?.id ?? 0
        if part.kind != 0 {
          let (payload, end) = try joined(part)
          next = end
          id = (try? Self.header(of: payload).id) ?? 0
        }
        found.append((id, offset))
        onRecord()
        guard found.count <= file.byteCount / (8 + Self.headerBytes) + 1024 else {
          throw ImageError(description: "has records that are shorter than their headers")
        }
        offset = next
      } catch  where error.description.hasPrefix(Self.cutShort) && !found.isEmpty {
        found.append((UInt64.max, offset))
        return found
      }
    }
    return found
  }
}
