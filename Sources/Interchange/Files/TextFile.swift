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
