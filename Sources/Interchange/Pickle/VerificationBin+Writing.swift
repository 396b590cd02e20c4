extension VerificationBin {
  /// Writes a set of `isSame.count` pairs, whose encoded images 2i and 2i + 1 `image` gives, whole
  /// or not at all: a pickle of protocol 4, which insightface reads by
  /// `pickle.load(file, encoding='bytes')`. Throws `InterchangeError` and what `image` throws.
  package static func write(
    isSame: [Bool], to path: String, image: (Int) throws -> [UInt8]
  ) throws {
    let file = try AtomicFile(path: path)
    // PROTO 4, then of a list that is empty all that follows up to APPENDS.
    try file.append([0x80, 4, UInt8(ascii: "]"), UInt8(ascii: "(")])
    for photo in 0..<2 * isSame.count {
      let bytes = try image(photo)
      guard let count = UInt32(exactly: bytes.count) else {
        throw InterchangeError.unsupported(path: path, reason: "an image of 4 GiB and more")
      }
      try file.append(
        [UInt8(ascii: "B")] + withUnsafeBytes(of: count.littleEndian) { Array($0) })
      try file.append(bytes)
    }
    try file.append([UInt8(ascii: "e"), UInt8(ascii: "]"), UInt8(ascii: "(")])
    // NEWTRUE and NEWFALSE.
    try file.append(isSame.map { $0 ? 0x88 : 0x89 })
    // APPENDS, TUPLE2, STOP.
    try file.append([UInt8(ascii: "e"), 0x86, UInt8(ascii: ".")])
    try file.commit()
  }
}
