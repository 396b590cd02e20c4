private import Interchange

/// Writes photos as a pack that MXNet or WebDataset reads, whole or not at all.
package enum PackWriter {
  /// What a pack can be.
  package enum Form: String, Sendable, CaseIterable {
    /// MXNet RecordIO as InsightFace lays it out.
    case rec
    /// A tar archive as WebDataset reads it.
    case tar
  }

  /// Writes all photos of `set` in their order, bytes as they are; returns the files written, the
  /// pack itself last. `progress` is told the number of photos done.
  ///
  /// Throws `DatasetError.photoOutOfReach` for a photo that cannot be read, and what the file system
  /// has against writing.
  package static func write(
    _ set: PhotoSet, as form: Form, to path: String, progress: (Int) -> Void = { _ in }
  ) throws -> [String] {
    switch form {
    case .rec: try RecordWriter.write(set, to: path, progress: progress)
    case .tar: try TarWriter.write(set, to: path, progress: progress)
    }
  }

  /// The bytes of a photo in `buffer`; throws `DatasetError.photoOutOfReach`.
  static func read(_ photo: Int, of set: PhotoSet, into buffer: ByteBuffer) throws(DatasetError) {
    do throws(ImageError) {
      try set.source.read(photo, into: buffer)
    } catch {
      throw .photoOutOfReach(photo: set.source.name(of: photo), reason: error.description)
    }
  }
}

/// Writes RecordIO files; see `RecordFile`.
struct RecordWriter: ~Copyable {
  private let file: AtomicFile
  private(set) var byteCount = 0
  private var pending: [UInt8] = []

  init(path: String) throws { file = try AtomicFile(path: path) }

  /// Appends a record of header, labels and data; returns where it begins.
  mutating func append(
    label: Float, labels: [Float] = [], id: Int, data: UnsafeRawBufferPointer
  ) throws -> Int {
    let start = byteCount
    var payload: [UInt8] = []
    payload.reserveCapacity(RecordFile.headerBytes + 4 * labels.count + data.count)
    func put(_ word: some FixedWidthInteger) {
      withUnsafeBytes(of: word.littleEndian) { payload.append(contentsOf: $0) }
    }
    put(UInt32(labels.count))
    put(label.bitPattern)
    put(UInt64(id))
    put(UInt64(0))
    for label in labels { put(label.bitPattern) }
    payload.append(contentsOf: data)
    let parts = Self.parts(of: payload)
    for (number, part) in parts.enumerated() {
      let kind =
        parts.count == 1 ? 0 : number == 0 ? 1 : number == parts.count - 1 ? 3 : 2
      withUnsafeBytes(of: RecordFile.magic.littleEndian) { pending.append(contentsOf: $0) }
      withUnsafeBytes(of: UInt32(kind << 29 | part.count).littleEndian) {
        pending.append(contentsOf: $0)
      }
      pending += payload[part]
      pending += repeatElement(0, count: -part.count & 3)
      byteCount += 8 + (part.count + 3) & ~3
    }
    if pending.count > 1 << 20 { try flush() }
    return start
  }

  /// The payload cut at the magic words that stand at multiples of four.
  private static func parts(of payload: [UInt8]) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var start = 0
    payload.withUnsafeBytes { bytes in
      var at = 0
      while at + 4 <= bytes.count {
        if UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
          == RecordFile.magic
        {
          parts.append(start..<at)
          start = at + 4
        }
        at += 4
      }
    }
    return parts + [start..<payload.count]
  }

  private mutating func flush() throws {
    try file.append(pending)
    pending.removeAll(keepingCapacity: true)
  }

  consuming func commit() throws {
    try flush()
    try file.commit()
  }

  /// Writes PATH.rec with .idx, .lst and property beside it, or all of them as `train.*` into the
  /// folder PATH.
  ///
  /// InsightFace's layout takes people whose photos stand together and keys that a float can count;
  /// other data have a record a photo, from key 0 on, and no records of people.
  static func write(
    _ set: PhotoSet, to path: String, progress: (Int) -> Void
  ) throws -> [String] {
    let stem: String
    if path.hasSuffix(".rec") {
      stem = String(path.dropLast(4))
    } else {
      try FolderMaker.make(path)
      stem = path + "/train"
    }
    let photos = set.index.photos
    let ranges = personRanges(of: set.index)
    let first = ranges == nil ? 0 : 1
    var records = try RecordWriter(path: stem + ".rec")
    var index = try TextWriter(path: stem + ".idx")
    var list = try TextWriter(path: stem + ".lst")
    let buffer = ByteBuffer()
    var size: (width: Int, height: Int)?
    for photo in photos.indices {
      try PackWriter.read(photo, of: set, into: buffer)
      let facts = photos[photo]
      let offset = try records.append(
        label: Float(facts.person), id: first + photo, data: buffer.bytes)
      try index.append("\(first + photo)\t\(offset)\n")
      guard !facts.path.utf8.contains(where: { $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }) else {
        throw DatasetError.badPack(
          path: facts.path, reason: "has a tab or a line end in its name, which a .lst cannot hold")
      }
      try list.append("\(first + photo)\t\(facts.person)\t\(facts.path)\n")
      if size == nil { size = JPEGDecoder().size(of: buffer.bytes) }
      progress(photo + 1)
    }
    if let ranges {
      let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
      let start = photos.count + 1
      for (person, range) in ranges.enumerated() {
        let bounds = [Float(range.lowerBound + 1), Float(range.upperBound + 1)]
        let offset = try records.append(
          label: 0, labels: bounds, id: start + person, data: nothing)
        try index.append("\(start + person)\t\(offset)\n")
      }
      let bounds = [Float(start), Float(start + ranges.count)]
      try index.append("0\t\(try records.append(label: 0, labels: bounds, id: 0, data: nothing))\n")
    }
    let folder = stem.lastIndex(of: "/").map { String(stem[...$0]) } ?? ""
    var property = try TextWriter(path: folder + "property")
    try property.append("\(set.index.people.count),\(size?.height ?? 0),\(size?.width ?? 0)\n")
    try index.commit()
    try list.commit()
    try property.commit()
    try records.commit()
    return [stem + ".idx", stem + ".lst", folder + "property", stem + ".rec"]
  }

  /// The photos of each person, where they stand together and all keys are floats; else nil.
  private static func personRanges(of index: PhotoIndex) -> [Range<Int>]? {
    guard index.photos.count + index.people.count + 2 < 1 << 24 else { return nil }
    var ranges = [Range<Int>](repeating: 0..<0, count: index.people.count)
    for photo in index.photos.indices {
      let person = index.photos.person(of: photo)
      if ranges[person].isEmpty {
        ranges[person] = photo..<photo + 1
      } else if ranges[person].upperBound == photo {
        ranges[person] = ranges[person].lowerBound..<photo + 1
      } else {
        return nil
      }
    }
    return ranges.contains { $0.isEmpty } ? nil : ranges
  }
}

/// A text file that grows, whole or not at all.
struct TextWriter: ~Copyable {
  private let file: AtomicFile
  private var pending: [UInt8] = []

  init(path: String) throws { file = try AtomicFile(path: path) }

  mutating func append(_ text: String) throws {
    pending += text.utf8
    if pending.count > 1 << 20 {
      try file.append(pending)
      pending.removeAll(keepingCapacity: true)
    }
  }

  consuming func commit() throws {
    try file.append(pending)
    try file.commit()
  }
}

/// Writes tar archives of photos: POSIX ustar, with pax headers for long names.
enum TarWriter {
  /// Writes `PATH`: for each photo `person/photo.jpg` and `person/photo.cls`; one whose name
  /// WebDataset would read as another's is called by its number, its path in a `.json`.
  static func write(
    _ set: PhotoSet, to path: String, progress: (Int) -> Void
  ) throws -> [String] {
    let file = try AtomicFile(path: path)
    var pending: [UInt8] = []
    let buffer = ByteBuffer()
    let photos = set.index.photos
    var used: Set<String> = []
    for photo in photos.indices {
      try PackWriter.read(photo, of: set, into: buffer)
      let facts = photos[photo]
      var key = plainKey(of: facts.path)
      if let plain = key, !used.insert(plain).inserted { key = nil }
      let name = key ?? "photo-\(photo)"
      try append(name + ".jpg", buffer.bytes, to: &pending)
      try append(name + ".cls", "\(facts.person)", to: &pending)
      if key.map({ $0 + ".jpg" }) != facts.path {
        let fields: KeyValuePairs = ["path": facts.path, "person": set.index.people[facts.person]]
        try append(name + ".json", JSONFields.text(fields), to: &pending)
      }
      if pending.count > 1 << 20 {
        try file.append(pending)
        pending.removeAll(keepingCapacity: true)
      }
      progress(photo + 1)
    }
    pending += repeatElement(0, count: 2 * TarArchive.blockBytes)
    try file.append(pending)
    try file.commit()
    return [path]
  }

  /// The path without `.jpg`, where WebDataset takes that for the key; nil where it does not.
  private static func plainKey(of path: String) -> String? {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.firstIndex(of: "."), dot > name.startIndex,
      ["jpg", "jpeg"].contains(name[name.index(after: dot)...].lowercased()),
      !path.hasPrefix("/"), !path.hasPrefix("./"), !path.utf8.contains(0x0A)
    else { return nil }
    return String(path.dropLast(name.count - name.distance(from: name.startIndex, to: dot)))
  }

  private static func append(_ name: String, _ text: String, to bytes: inout [UInt8]) throws {
    try Array(text.utf8).withUnsafeBytes { try append(name, $0, to: &bytes) }
  }

  private static func append(
    _ name: String, _ data: UnsafeRawBufferPointer, to bytes: inout [UInt8]
  ) throws {
    var place: (name: String, prefix: String)? = (name, "")
    if name.utf8.count > 100 { place = split(name) }
    if place == nil {
      let record = paxRecord(name)
      header("pax-header", "", size: record.count, kind: "x", to: &bytes)
      bytes += record
      pad(record.count, &bytes)
    }
    let (short, prefix) = place ?? (String(decoding: name.utf8.prefix(100), as: UTF8.self), "")
    header(short, prefix, size: data.count, kind: "0", to: &bytes)
    bytes.append(contentsOf: data)
    pad(data.count, &bytes)
  }

  /// A long name at a slash, as ustar keeps it.
  private static func split(_ name: String) -> (name: String, prefix: String)? {
    let bytes = Array(name.utf8)
    let cut = bytes.indices.first { bytes[$0] == 0x2F && bytes.count - $0 - 1 <= 100 }
    guard let cut, cut <= 155, cut > 0 else { return nil }
    return (
      String(decoding: bytes[(cut + 1)...], as: UTF8.self),
      String(decoding: bytes[..<cut], as: UTF8.self)
    )
  }

  /// `length path=NAME\n`, the length counting its own digits.
  private static func paxRecord(_ name: String) -> [UInt8] {
    let rest = " path=\(name)\n"
    var length = rest.utf8.count
    while String(length).utf8.count + rest.utf8.count != length {
      length = String(length).utf8.count + rest.utf8.count
    }
    return Array("\(length)\(rest)".utf8)
  }

  private static func pad(_ count: Int, _ bytes: inout [UInt8]) {
    bytes += repeatElement(0, count: -count & (TarArchive.blockBytes - 1))
  }

  private static func header(
    _ name: String, _ prefix: String, size: Int, kind: Character, to bytes: inout [UInt8]
  ) {
    var block = [UInt8](repeating: 0, count: TarArchive.blockBytes)
    func put(_ text: String, at place: Int) {
      for (offset, byte) in text.utf8.enumerated() { block[place + offset] = byte }
    }
    func octal(_ value: Int, _ digits: Int) -> String {
      let text = String(value, radix: 8)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    put(String(decoding: name.utf8.prefix(100), as: UTF8.self), at: 0)
    put("0000644", at: 100)
    put("0000000", at: 108)
    put("0000000", at: 116)
    put(octal(size, 11), at: 124)
    put("00000000000", at: 136)
    put("        ", at: 148)
    put(String(kind), at: 156)
    put("ustar", at: 257)
    put("00", at: 263)
    put(prefix, at: 345)
    put(octal(block.reduce(0) { $0 + Int($1) }, 6), at: 148)
    block[154] = 0
    bytes += block
  }
}
