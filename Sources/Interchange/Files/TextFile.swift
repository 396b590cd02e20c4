#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// Text files, written whole or not at all.
package enum TextFile {
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Puts `text` in UTF-8 in place of what is at `path`; throws `InterchangeError.unwritable` or
  /// `.noSpace`, and then that is as it was. Without `syncing` a crash of the host may lose it.
  package static func write(_ text: String, to path: String, syncing: Bool = true) throws {
    let file = try AtomicFile(path: path)
    var text = text
    try text.withUTF8 { try file.append(UnsafeRawBufferPointer($0)) }
    try file.commit(syncing: syncing)
  }

  /// The UTF-8 text at `path` without its byte order mark; throws `InterchangeError` for what is no
  /// text, in words where it is something well known.
  package static func read(_ path: String) throws -> String {
    let bytes = try bytes(of: path)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw InterchangeError.badLine(
        path: path, line: firstBadLine(of: bytes), reason: "is not UTF-8 text")
    }
    return text
  }

  /// The lines of the text at `path`, which end as on Unix, Windows or old Macs; no line behind the
  /// last end. Throws as `read`.
  package static func lines(of path: String) throws -> [String] {
    let bytes = try bytes(of: path)
    var lines: [String] = []
    var start = bytes.startIndex
    func append(_ line: ArraySlice<UInt8>) throws {
      guard let text = String(validating: line, as: UTF8.self) else {
        throw InterchangeError.badLine(
          path: path, line: lines.count + 1, reason: "is not UTF-8 text")
      }
      lines.append(text)
    }
    while let end = bytes[start...].firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
      try append(bytes[start..<end])
      start = bytes.index(after: end)
      if bytes[end] == 0x0D, start < bytes.endIndex, bytes[start] == 0x0A { start += 1 }
    }
    if start < bytes.endIndex { try append(bytes[start...]) }
    return lines
  }

  /// The bytes of the text at `path` without its byte order mark; throws `InterchangeError`, also
  /// for files that are known to be no UTF-8 text.
  static func bytes(of path: String) throws -> ArraySlice<UInt8> {
    let file = try PositionedFile(path: path)
    let bytes = try file.bytes(at: 0, count: file.byteCount)
    if let complaint = FileKind.complaint(aboutStart: bytes) {
      throw InterchangeError.foreign(path: path, reason: complaint)
    }
    return bytes.starts(with: byteOrderMark) ? bytes.dropFirst(byteOrderMark.count) : bytes[...]
  }

  private static func firstBadLine(of bytes: ArraySlice<UInt8>) -> Int {
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    let bad = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }
    return (bad ?? 0) + 1
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
      throw InterchangeError.unwritable(path: path, reason: SystemReason.text(code))
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
