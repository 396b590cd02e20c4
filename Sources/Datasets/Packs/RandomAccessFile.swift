#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif
private import Interchange

/// A file that is read by position, by several threads at once.
///
/// Positioned reads and not a mapping: a file that another host cuts short while it is mapped kills
/// the process, one that is read gives a bad photo.
final class RandomAccessFile: Sendable {
  let path: String
  /// Length in bytes when the file was opened.
  let byteCount: Int
  private let descriptor: Int32

  /// Opens a regular file; throws `DatasetError.unreadable`.
  init(path: String) throws(DatasetError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw .unreadable(path: path, reason: FileReader.reason(errno))
    }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .unreadable(path: path, reason: "it is not a regular file")
    }
    self.path = path
    self.descriptor = descriptor
    byteCount = Int(facts.st_size)
  }

  deinit { close(descriptor) }

  /// Overwrites `bytes` by those of the file from `offset`, as many as there are, and returns their
  /// number; throws `ImageError` where the machine fails.
  func readSome(
    at offset: Int, into bytes: UnsafeMutableRawBufferPointer
  ) throws(ImageError) -> Int {
    var done = 0
    while done < bytes.count {
      let count = pread(
        descriptor, bytes.baseAddress! + done, min(bytes.count - done, 1 << 28),
        off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        throw ImageError(
          description: "cannot be read from \(path): \(FileReader.reason(errno))",
          isOfMachine: true)
      }
      if count == 0 { break }
      done += count
    }
    return done
  }

  /// Overwrites all of `bytes` by those of the file from `offset`; throws `ImageError`, not of the
  /// machine where the file ends first.
  func read(at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws(ImageError) {
    guard try readSome(at: offset, into: bytes) == bytes.count else {
      throw ImageError(description: "is cut short: \(path) ends at byte \(byteCount)")
    }
  }

  /// The `count` bytes from `offset`; throws as `read(at:into:)`, before it asks for memory.
  func bytes(at offset: Int, count: Int) throws(ImageError) -> [UInt8] {
    guard offset >= 0, count >= 0, count <= byteCount - offset else {
      throw ImageError(description: "is cut short: \(path) ends at byte \(byteCount)")
    }
    var bytes = [UInt8](repeating: 0, count: count)
    let failure = bytes.withUnsafeMutableBytes { room -> ImageError? in
      do throws(ImageError) {
        try read(at: offset, into: room)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
    return bytes
  }
}

/// Goes through the lines of a text file of any length, a piece of it in memory at a time.
enum LineReader {
  /// A line longer than this is no line.
  static let lengthLimit = 1 << 20

  /// Calls `body` with each line without its end (of Unix, Windows or old Macs) and its number from
  /// 1, a byte order mark passed over. Throws `DatasetError`, also for files that are known to be
  /// no UTF-8 text, and what `body` throws.
  static func forEach(
    _ path: String, _ body: (UnsafeRawBufferPointer, Int) throws(DatasetError) -> Void
  ) throws(DatasetError) {
    try forEachUntilDone(path) { (line, number) throws(DatasetError) in
      try body(line, number)
      return true
    }
  }

  /// As `forEach`, no further than to the line for which `body` says false.
  static func forEachUntilDone(
    _ path: String, _ body: (UnsafeRawBufferPointer, Int) throws(DatasetError) -> Bool
  ) throws(DatasetError) {
    let file = try RandomAccessFile(path: path)
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(2 * lengthLimit, file.byteCount + 1), alignment: 16)
    defer { buffer.deallocate() }
    var (offset, held, number) = (0, 0, 1)
    while true {
      let room = UnsafeMutableRawBufferPointer(rebasing: buffer[held...])
      let count: Int
      do throws(ImageError) {
        count = try file.readSome(at: offset, into: room)
      } catch {
        throw .unreadable(path: path, reason: error.description)
      }
      if offset == 0, let complaint = FileKind.complaint(aboutStart: buffer[..<(held + count)]) {
        throw .unusable(path: path, reason: complaint)
      }
      let isMarked = offset == 0 && held + count >= 3 && buffer.starts(with: [0xEF, 0xBB, 0xBF])
      offset += count
      held += count
      var start = isMarked ? 3 : 0
      while let (end, next) = lineEnd(buffer, start..<held, isLast: count == 0) {
        let line = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
        guard try body(line, number) else { return }
        number += 1
        start = next
      }
      if count == 0 {
        if start < held {
          _ = try body(UnsafeRawBufferPointer(rebasing: buffer[start..<held]), number)
        }
        return
      }
      held -= start
      guard held < lengthLimit else {
        throw .badLine(path: path, line: number, reason: "is longer than \(lengthLimit) bytes")
      }
      if held > 0, start > 0 {
        buffer.baseAddress!.copyMemory(from: buffer.baseAddress! + start, byteCount: held)
      }
    }
  }

  /// Where the first line in `range` ends and the next begins; nil where more must be read to tell.
  private static func lineEnd(
    _ buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>, isLast: Bool
  ) -> (end: Int, next: Int)? {
    func place(of byte: Int32, in range: Range<Int>) -> Int? {
      guard !range.isEmpty else { return nil }
      return memchr(buffer.baseAddress! + range.lowerBound, byte, range.count).map {
        UnsafeRawPointer($0) - UnsafeRawPointer(buffer.baseAddress!)
      }
    }
    let feed = place(of: 0x0A, in: range)
    guard let back = place(of: 0x0D, in: range.lowerBound..<(feed ?? range.upperBound)) else {
      return feed.map { ($0, $0 + 1) }
    }
    if back + 1 == range.upperBound { return isLast ? (back, back + 1) : nil }
    return (back, buffer[back + 1] == 0x0A ? back + 2 : back + 1)
  }
}
