#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif
private import Interchange

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

  /// Brings all to the disk; `commit` then only gives it its name.
  mutating func sync() throws {
    try flush()
    try file.sync()
  }

  consuming func commit() throws { try file.commit() }

  /// Writes PATH.rec with .idx, .lst and property beside it, or all of them as `train.*` into the
  /// folder PATH; and .people where the list does not tell what people are called.
  ///
  /// InsightFace's layout takes people whose photos stand together and keys that a float can count;
  /// other data have a record a photo, from key 0 on, and no records of people.
  static func write(
    _ set: PhotoSet, to path: String, progress: (Int) throws -> Void
  ) throws -> [String] {
    let paths = PackWriter.paths(of: .rec, to: path)
    if paths.makesFolder { try Folders.make(path) }
    let stem = String(paths.pack.dropLast(4))
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
        throw DatasetError.unusable(
          path: facts.path, reason: "has a tab or a line end in its name, which a .lst cannot hold")
      }
      try list.append("\(first + photo)\t\(facts.person)\t\(facts.path)\n")
      if size == nil { size = ImageDecoder().size(of: buffer.bytes) }
      try progress(photo + 1)
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
    let propertyPath = paths.property!
    var property = try TextWriter(path: propertyPath)
    try property.append("\(set.index.people.count),\(size?.height ?? 0),\(size?.width ?? 0)\n")
    // Where the disk has no room for all of them, there is none.
    try property.sync()
    try index.sync()
    try list.sync()
    try records.sync()
    let people = try writePeople(of: set.index, stem: stem)
    try index.commit()
    try list.commit()
    try property.commit()
    try records.commit()
    return [stem + ".idx", stem + ".lst"] + people + [propertyPath, stem + ".rec"]
  }

  /// Writes what people are called where the list does not tell; returns the path, in an array.
  private static func writePeople(of index: PhotoIndex, stem: String) throws -> [String] {
    let path = stem + RecordPack.peopleEnding
    guard !PackWriter.namesShow(in: index) else {
      // Of the pack whose place this one takes.
      unlink(path)
      return []
    }
    var names = try TextWriter(path: path)
    for name in index.people {
      guard !name.utf8.contains(0x0A) else {
        throw DatasetError.unusable(
          path: name, reason: "has a line end in its name, which a .people cannot hold")
      }
      try names.append(name + "\n")
    }
    try names.sync()
    try names.commit()
    return [path]
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

  /// Brings all to the disk; `commit` then only gives it its name.
  mutating func sync() throws {
    try file.append(pending)
    pending.removeAll()
    try file.sync()
  }

  consuming func commit() throws { try file.commit() }
}
