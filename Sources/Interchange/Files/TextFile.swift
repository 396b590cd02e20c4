#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// Text files, written whole or not at all.
package enum TextFile {
  /// Puts `text` in UTF-8 in place of what is at `path`; throws `InterchangeError.unwritable` or
  /// `.noSpace`, and then that is as it was. Without `syncing` a crash of the host may lose it.
  package static func write(_ text: String, to path: String, syncing: Bool = true) throws {
    let file = try AtomicFile(path: path)
    var text = text
    try text.withUTF8 { try file.append(UnsafeRawBufferPointer($0)) }
    try file.commit(syncing: syncing)
  }
}

/// Files of bytes, written whole or not at all.
package enum BytesFile {
  /// Puts `bytes` in place of what is at `path`; as `TextFile.write`.
  package static func write(_ bytes: [UInt8], to path: String, syncing: Bool = true) throws {
    let file = try AtomicFile(path: path)
    try file.append(bytes)
    try file.commit(syncing: syncing)
  }
}

/// Folders for files to be written in.
package enum Folders {
  /// Makes the folder `path` with those above it, where they are not there; throws
  /// `InterchangeError.unwritable`.
  package static func make(_ path: String) throws {
    if let code = failure(ofMaking: path) {
      throw InterchangeError.unwritable(path: path, reason: String(cString: strerror(code)))
    }
  }

  /// What the system has against making the folder `path` with those above it; nil where it is
  /// there.
  package static func failure(ofMaking path: String) -> Int32? {
    var made = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      made += (made.isEmpty || made == "/" ? "" : "/") + part
      if mkdir(made, 0o777) != 0, errno != EEXIST { return errno }
    }
    var facts = stat()
    guard stat(made.isEmpty ? "." : made, &facts) == 0 else { return errno }
    return facts.st_mode & S_IFMT == S_IFDIR ? nil : ENOTDIR
  }
}
