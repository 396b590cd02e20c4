/// What the ending of a file's name says of it, before anybody looks inside.
enum PhotoName: Equatable {
  /// A photo, whatever its bytes turn out to be.
  case photo
  /// Its first bytes tell.
  case unknown
  /// No photo: text, a table, an archive, a copy that a program keeps.
  case other

  /// What `name`, the last part of a path, says.
  init(_ name: some BidirectionalCollection<UInt8>) {
    let ending = Self.ending(of: name)
    if Self.photos.contains(ending) {
      self = .photo
    } else if Self.others.contains(ending) || name.last == UInt8(ascii: "~") {
      self = .other
    } else {
      self = .unknown
    }
  }

  /// The ending in lower case, without the dot; empty where the name has none. A dot at its start
  /// begins no ending.
  static func ending(of name: some BidirectionalCollection<UInt8>) -> String {
    guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else { return "" }
    return String(decoding: name[name.index(after: dot)...], as: UTF8.self).lowercased()
  }

  /// The endings that JPEG, PNG and WebP go by.
  static let photos: Set<String> = [
    "jpg", "jpeg", "jpe", "jfif", "jif", "jfi", "pjpeg", "pjp", "png", "apng", "webp",
  ]

  /// Endings of files that are no photos, or that must not count twice as copies of some.
  private static let others: Set<String> = [
    "txt", "md", "rst", "csv", "tsv", "json", "jsonl", "ndjson", "xml", "html", "htm", "yaml",
    "yml", "toml", "ini", "cfg", "log", "lst", "idx", "rec", "bin", "npy", "npz", "pkl", "pickle",
    "pt", "pth", "safetensors", "onnx", "h5", "hdf5", "mat", "parquet", "arrow", "mdb", "lmdb",
    "db", "sqlite", "tar", "tgz", "gz", "bz2", "xz", "zst", "zip", "7z", "rar", "py", "sh", "c",
    "pts", "cls", "mp4", "mov", "avi", "mkv", "webm", "m4v", "mp3", "wav", "pdf", "svg", "xmp",
    "aae", "thm", "bak", "old", "orig", "tmp", "part", "partial", "crdownload", "swp", "lock",
    "jpg_original", "jpeg_original", "png_original", "webp_original",
  ]
}
