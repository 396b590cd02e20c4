#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// The lines of a file that may be long, one after the other, in memory of the longest.
package enum TextLines {
  private static let pieceBytes = 1 << 20

  /// Lends `body` each line of the file at `path` without its end, where it begins in the file, and
  /// whether it has an end; `onBytes` is told of every count of bytes read. Does nothing where
  /// there is no file. Throws `InterchangeError.unreadable` and what `body` throws.
  ///
  /// Behind the bytes of a line stands one more that is no part of a number.
  package static func forEach(
    _ path: String, onBytes: (Int) -> Void = { _ in },
    _ body: (_ line: UnsafeRawBufferPointer, _ offset: Int, _ isWhole: Bool) throws -> Void
  ) throws {
    guard access(path, F_OK) == 0 else { return }
    let file = try PositionedFile(path: path)
    var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * pieceBytes, alignment: 64)
    defer { buffer.deallocate() }
    var filled = 0
    var start = 0
    var position = 0
    while position < file.byteCount {
      if start > 0 {
        memmove(buffer.baseAddress!, buffer.baseAddress! + start, filled - start)
        (filled, start) = (filled - start, 0)
      }
      if filled + pieceBytes + 1 > buffer.count {
        let larger = UnsafeMutableRawBufferPointer.allocate(
          byteCount: 2 * buffer.count, alignment: 64)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[..<filled]))
        buffer.deallocate()
        buffer = larger
      }
      let count = min(pieceBytes, file.byteCount - position)
      try file.read(
        at: position, into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<filled + count])
      )
      (position, filled) = (position + count, filled + count)
      onBytes(count)
      while let end = memchr(buffer.baseAddress! + start, 0x0A, filled - start) {
        let length = UnsafeRawPointer(end) - UnsafeRawPointer(buffer.baseAddress! + start)
        let line = UnsafeRawBufferPointer(rebasing: buffer[start..<start + length])
        try body(line, position - filled + start, true)
        start += length + 1
      }
    }
    guard start < filled else { return }
    buffer[filled] = 0
    try body(
      UnsafeRawBufferPointer(rebasing: buffer[start..<filled]), position - filled + start, false)
  }

  /// Keeps the lines of the file at `path` that `isKept` says, counted from 0, each with an end; it
  /// is as it was, or as it is to be, at any moment. Throws `InterchangeError`.
  package static func filter(
    _ path: String,
    _ isKept: (_ line: UnsafeRawBufferPointer, _ number: Int, _ isWhole: Bool) -> Bool
  ) throws {
    var firstDropped: Int?
    var isTail = true
    var number = 0
    var needsEnd = false
    try forEach(path) { line, offset, isWhole in
      defer { number += 1 }
      if !isKept(line, number, isWhole) {
        firstDropped = firstDropped ?? offset
      } else {
        if firstDropped != nil { isTail = false }
        needsEnd = !isWhole
      }
    }
    guard firstDropped != nil || needsEnd else { return }
    // What is dropped is most often all behind a step.
    if let firstDropped, isTail {
      guard truncate(path, off_t(firstDropped)) == 0 else {
        throw InterchangeError.unwritable(path: path, reason: SystemReason.text(errno))
      }
      return
    }
    let file = try AtomicFile(path: path)
    number = 0
    let end: [UInt8] = [0x0A]
    try forEach(path) { line, _, isWhole in
      defer { number += 1 }
      guard isKept(line, number, isWhole) else { return }
      try file.append(line)
      try file.append(end)
    }
    try file.commit()
  }
}

extension UnsafeRawBufferPointer {
  /// The bytes without blanks, tabs and carriage returns behind them, white space in JSON.
  package var withoutWhiteSpaceBehind: UnsafeRawBufferPointer {
    let blanks: [UInt8] = [0x09, 0x0D, 0x20]
    guard let last, blanks.contains(last) else { return self }
    let end = lastIndex { !blanks.contains($0) }.map { $0 + 1 } ?? 0
    return UnsafeRawBufferPointer(rebasing: self[..<end])
  }

  /// Where `text` begins in the bytes from `start` on; nil where it does not.
  package func firstOffset(of text: StaticString, from start: Int = 0) -> Int? {
    guard let base = baseAddress else { return nil }
    let length = text.utf8CodeUnitCount
    var place = start
    while place + length <= count,
      let found = memchr(base + place, Int32(text.utf8Start[0]), count - length - place + 1)
    {
      place = UnsafeRawPointer(found) - base
      if memcmp(found, text.utf8Start, length) == 0 { return place }
      place += 1
    }
    return nil
  }

  /// Whether the bytes begin with `text`.
  package func starts(with text: StaticString) -> Bool {
    guard let base = baseAddress, count >= text.utf8CodeUnitCount else { return false }
    return memcmp(base, text.utf8Start, text.utf8CodeUnitCount) == 0
  }

  /// The number that stands at `offset`, NaN for none; of a line that `TextLines` lends.
  package func number(at offset: Int) -> Double {
    let place = (baseAddress! + offset).assumingMemoryBound(to: CChar.self)
    var end: UnsafeMutablePointer<CChar>?
    let value = strtod(place, &end)
    return end.map { UnsafePointer($0) } == place ? .nan : value
  }
}
