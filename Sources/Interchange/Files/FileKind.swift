/// Files that readers are given by mistake, told by what they begin with.
package enum FileKind {
  private struct Kind {
    let start: [UInt8]
    let sentence: String
    /// Whether it may hold other files.
    var isPacked = false
  }

  private static let kinds: [Kind] =
    [
      ([0x1F, 0x8B], "is compressed with gzip; unpack it with gunzip"),
      ([0xFD] + Array("7zXZ".utf8), "is compressed with xz; unpack it with unxz"),
      ([0x28, 0xB5, 0x2F, 0xFD], "is compressed with zstd; unpack it with unzstd"),
      ([0x04, 0x22, 0x4D, 0x18], "is compressed with lz4; unpack it with lz4 -d"),
      ([0x50, 0x4B, 3, 4], "is a zip archive; unpack it with unzip"),
      ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "is a 7z archive; unpack it with 7z x"),
      (Array("Rar!".utf8) + [0x1A, 0x07], "is a rar archive; unpack it with unrar x"),
      (
        Array("PAR1".utf8) + [0x15],
        "is a Parquet file, which is not read here; write its photos as a folder or as WebDataset"
      ),
    ].map { Kind(start: $0.0, sentence: $0.1, isPacked: true) }
    + [
      ([0xFF, 0xD8, 0xFF], "is a JPEG photo; give its folder, or a list that names it"),
      ([0x89] + Array("PNG".utf8), "is a PNG photo; give its folder, or a list that names it"),
      ([0x89] + Array("HDF".utf8), "is an HDF5 file, which is not read here"),
      (Array("SQLite format 3".utf8), "is an SQLite database, which is not read here"),
      ([0x93] + Array("NUMPY".utf8), "is a NumPy array, not text"),
      ([0xFF, 0xFE], "is UTF-16 text; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"),
      ([0xFE, 0xFF], "is UTF-16 text; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"),
    ].map { Kind(start: $0.0, sentence: $0.1) }

  /// What a file that begins with `start` is and what to do with it, to stand behind its path; nil
  /// where it may be text. With `packedOnly` only for what may hold other files.
  package static func complaint(
    aboutStart start: some Collection<UInt8>, packedOnly: Bool = false
  ) -> String? {
    let first = Array(start.prefix(16))
    let found = kinds.first { first.starts(with: $0.start) && ($0.isPacked || !packedOnly) }
    if let found { return found.sentence }
    if first.starts(with: "BZh".utf8), first.dropFirst(4).starts(with: "1AY&SY".utf8) {
      return "is compressed with bzip2; unpack it with bunzip2"
    }
    let isWide =
      first.count >= 4 && first[1] == 0 && first[3] == 0 && first[0] != 0 && first[2] != 0
    return isWide && !packedOnly
      ? "is UTF-16 text; save it as UTF-8 (iconv -f UTF-16LE -t UTF-8)" : nil
  }
}
