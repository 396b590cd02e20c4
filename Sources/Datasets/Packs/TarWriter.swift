private import Interchange

/// Writes tar archives of photos: POSIX ustar, with pax headers for long names.
enum TarWriter {
  /// Writes `PATH`: for each photo `person/photo.jpg` and, with the person's number,
  /// `person/photo.cls`; one whose name WebDataset would read as another's is called by its number,
  /// its path in a `.json`. Where the folders do not tell what people are called, each photo has a
  /// `.json` with the `person`.
  static func write(
    _ set: PhotoSet, to path: String, progress: (Int) throws -> Void
  ) throws -> [String] {
    let file = try AtomicFile(path: path)
    var pending: [UInt8] = []
    let buffer = ByteBuffer()
    let photos = set.index.photos
    var used: Set<String> = []
    let namesShow = PackWriter.namesShow(in: set.index)
    for photo in photos.indices {
      try PackWriter.read(photo, of: set, into: buffer)
      let facts = photos[photo]
      var key = plainKey(of: facts.path)
      if let plain = key, !used.insert(plain).inserted { key = nil }
      let name = key ?? "photo-\(photo)"
      let member = name + ending(of: buffer.bytes)
      try append(member, buffer.bytes, to: &pending)
      try append(name + ".cls", "\(facts.person)", to: &pending)
      if member != facts.path || !namesShow {
        let fields: KeyValuePairs = ["path": facts.path, "person": set.index.people[facts.person]]
        try append(name + ".json", JSONFields.text(fields), to: &pending)
      }
      if pending.count > 1 << 20 {
        try file.append(pending)
        pending.removeAll(keepingCapacity: true)
      }
      try progress(photo + 1)
    }
    pending += repeatElement(0, count: 2 * TarArchive.blockBytes)
    try file.append(pending)
    try file.commit()
    return [path]
  }

  /// What WebDataset knows a photo of these bytes by.
  private static func ending(of photo: UnsafeRawBufferPointer) -> String {
    switch ImageFormat(photo) {
    case .png: ".png"
    case .webP: ".webp"
    default: ".jpg"
    }
  }

  /// The path without its ending, where WebDataset takes that for the key; nil where it does not,
  /// and where who unpacks it would write beside the folder.
  private static func plainKey(of path: String) -> String? {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.firstIndex(of: "."), dot > name.startIndex,
      PhotoName.photos.contains(name[name.index(after: dot)...].lowercased()),
      !path.hasPrefix("/"), !path.hasPrefix("./"), !path.utf8.contains(0x0A),
      !path.split(separator: "/").contains("..")
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
