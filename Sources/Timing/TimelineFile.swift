private import Foundation
private import Glibc
internal import Interchange

/// A file of spans in the format of chrome://tracing and Perfetto that grows, and is whole JSON
/// after each addition.
struct TimelineFile {
  private static let tail = Array("\n]}\n".utf8)
  private static let startKey: StaticString = "\"started\":"
  /// Where the head ends at the latest.
  private static let headBytes = 1 << 16

  let path: String
  /// The seconds since 1970 at which its times are 0; nil where there is no file of this form.
  let started: Double?

  /// Looks at what is at `path`.
  init(path: String) {
    self.path = path
    var facts = stat()
    // A pipe would be waited for.
    let isFile = stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
    let file = isFile ? FileHandle(forReadingAtPath: path) : nil
    defer { try? file?.close() }
    let head = (try? file?.read(upToCount: Self.headBytes)).flatMap { $0 } ?? Data()
    started = (Array(head) + [0]).withUnsafeBytes { bytes in
      guard bytes.starts(with: "{\"displayTimeUnit\""),
        let place = bytes.firstOffset(of: Self.startKey)
      else { return nil }
      let seconds = bytes.number(at: place + Self.startKey.utf8CodeUnitCount)
      return seconds.isFinite ? seconds : nil
    }
  }

  /// Puts a file with `events`, with commas between, in the place of what is there; times are from
  /// `started`. Throws `InterchangeError`.
  func write(_ events: String, started: Double, uncertainties: [Double]) throws {
    try TextFile.write(
      "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"started\":\(JSONNumber.text(started)),"
        + "\"clock_uncertainty_seconds\":["
        + uncertainties.map(JSONNumber.text).joined(separator: ",")
        + "]},\"traceEvents\":[\n\(events)" + String(decoding: Self.tail, as: UTF8.self), to: path)
  }

  /// Puts `events` behind those that are there; what a killed process has left of its last one is
  /// dropped. Throws `InterchangeError`.
  func append(_ events: String) throws {
    let file = open(path, O_RDWR | O_CLOEXEC)
    guard file >= 0 else { throw failure }
    defer { close(file) }
    var facts = stat()
    guard fstat(file, &facts) == 0 else { throw failure }
    let size = Int(facts.st_size)
    let count = min(size, 1 << 20)
    var end = [UInt8](repeating: 0, count: count)
    guard pread(file, &end, count, off_t(size - count)) == count else { throw failure }
    guard let kept = Self.lastEvent(end) else {
      throw InterchangeError.malformed(path: path, reason: "its last events are not to be found")
    }
    let place = size - count + kept
    let bytes = Array((",\n" + events).utf8) + Self.tail
    var written = 0
    while written < bytes.count {
      let step = bytes.withUnsafeBytes {
        pwrite(file, $0.baseAddress! + written, bytes.count - written, off_t(place + written))
      }
      if step < 0 && errno == EINTR { continue }
      guard step >= 0 else { throw failure }
      written += step
    }
    guard ftruncate(file, off_t(place + bytes.count)) == 0 else { throw failure }
  }

  /// Where the last whole event ends in the bytes of the end of a file: events are lines.
  private static func lastEvent(_ bytes: [UInt8]) -> Int? {
    if bytes.suffix(tail.count).elementsEqual(tail) { return bytes.count - tail.count }
    var end = bytes.lastIndex(of: 0x0A)
    while let newline = end {
      let line = bytes[..<newline]
      if line.last == UInt8(ascii: "}") { return newline }
      if line.suffix(2).elementsEqual("},".utf8) { return newline - 1 }
      end = line.lastIndex(of: 0x0A)
    }
    return nil
  }

  private var failure: InterchangeError {
    FullDisk.isTold(by: errno)
      ? .noSpace(path: path)
      : .unwritable(path: path, reason: SystemReason.text(errno))
  }
}
