#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// One value of an event of TensorBoard (tensorboard/compat/proto/summary.proto).
package enum SummaryValue: Sendable {
  case scalar(Float)
  /// An encoded image, JPEG or PNG, of so many pixels.
  case image(bytes: [UInt8], width: Int, height: Int)
  case histogram(EventHistogram)
}

/// Counts of values between limits, as TensorBoard stores them.
package struct EventHistogram: Sendable {
  /// What the values come to, without the buckets.
  package let minimum, maximum, count, sum, sumOfSquares: Double
  /// The upper limits of the buckets, ascending.
  package let limits: [Double]
  /// How many values each bucket has.
  package let counts: [Double]

  /// Buckets counted elsewhere; values in them count as their middles.
  package init(counts: [Int], width: Double) {
    let middles = counts.indices.map { (Double($0) + 0.5) * width }
    let filled = counts.indices.filter { counts[$0] > 0 }
    minimum = filled.first.map { Double($0) * width } ?? 0
    maximum = filled.last.map { Double($0 + 1) * width } ?? 0
    count = Double(counts.reduce(0, +))
    sum = zip(counts, middles).reduce(0) { $0 + Double($1.0) * $1.1 }
    sumOfSquares = zip(counts, middles).reduce(0) { $0 + Double($1.0) * $1.1 * $1.1 }
    limits = counts.indices.map { Double($0 + 1) * width }
    self.counts = counts.map(Double.init)
  }

  /// Counts `values` in `bucketCount` buckets of one width between the least and the largest; those
  /// that are not finite are left out.
  package init(_ values: UnsafeBufferPointer<Float>, bucketCount: Int = 60) {
    var (least, most) = (Float.infinity, -Float.infinity)
    var (sum, squares, number) = (0.0, 0.0, 0)
    for value in values where value.isFinite {
      least = min(least, value)
      most = max(most, value)
      sum += Double(value)
      squares += Double(value) * Double(value)
      number += 1
    }
    let low = number > 0 ? Double(least) : 0
    let high = number > 0 ? Double(most) : 0
    let width = (high - low) / Double(bucketCount)
    var counts = [Double](repeating: 0, count: width > 0 ? bucketCount : 1)
    for value in values where value.isFinite {
      let bucket = width > 0 ? Int((Double(value) - low) / width) : 0
      counts[min(bucket, counts.count - 1)] += 1
    }
    (minimum, maximum, count) = (low, high, Double(number))
    (self.sum, sumOfSquares) = (sum, squares)
    limits = counts.indices.map { low + Double($0 + 1) * max(width, 1e-12) }
    self.counts = counts
  }
}

/// A file of events that TensorBoard reads while it grows: TFRecord frames of protocol buffers.
package final class EventFile {
  /// What the names of such files begin with.
  package static let namePrefix = "events.out.tfevents."
  /// Where the file is.
  package let path: String
  private let descriptor: Int32

  /// Makes `events.out.tfevents.SECONDS.HOST.PID.NUMBER` in `folder`, which is there. A run that
  /// goes on after `step` steps says so, and TensorBoard forgets what earlier files have of later
  /// ones. Throws `InterchangeError.unwritable`.
  package init(folder: String, seconds: Double, resumedAfter step: Int) throws {
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)
    let name = String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let digits = String(Int(seconds))
    var number = 0
    var made: (String, Int32)
    repeat {
      let path =
        folder + "/" + Self.namePrefix
        + String(repeating: "0", count: max(0, 10 - digits.count)) + digits
        + ".\(name.isEmpty ? "host" : name).\(getpid()).\(number)"
      made = (path, open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o644))
      number += 1
    } while made.1 < 0 && errno == EEXIST
    guard made.1 >= 0 else {
      throw InterchangeError.unwritable(path: made.0, reason: SystemReason.text(errno))
    }
    (path, descriptor) = made
    try write(Self.version(seconds: seconds))
    if step > 0 { try write(Self.restart(seconds: seconds, step: step + 1)) }
  }

  deinit { close(descriptor) }

  /// Writes the values of `step`, by tag, as one event; throws `InterchangeError.unwritable`.
  package func write(_ values: [(tag: String, value: SummaryValue)], step: Int, seconds: Double)
    throws
  {
    try write(Self.event(values, step: step, seconds: seconds))
  }

  private func write(_ message: [UInt8]) throws {
    let frame = Self.frame(message)
    var done = 0
    while done < frame.count {
      #if canImport(Glibc)
        let count = frame.withUnsafeBytes {
          Glibc.write(descriptor, $0.baseAddress! + done, frame.count - done)
        }
      #else
        let count = frame.withUnsafeBytes {
          Darwin.write(descriptor, $0.baseAddress! + done, frame.count - done)
        }
      #endif
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        throw InterchangeError.unwritable(path: path, reason: SystemReason.text(errno))
      }
      done += count
    }
  }

  /// The bytes of a TFRecord frame: length, its checksum, the data, theirs.
  package static func frame(_ message: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    func put(_ word: some FixedWidthInteger) {
      withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }
    put(UInt64(message.count))
    put(CRC32C.masked(bytes))
    bytes += message
    put(CRC32C.masked(message))
    return bytes
  }

  /// The first event of a file.
  package static func version(seconds: Double) -> [UInt8] {
    var event = ProtobufWriter()
    event.double(1, seconds)
    event.text(3, "brain.Event:2")
    return event.bytes
  }

  private static func restart(seconds: Double, step: Int) -> [UInt8] {
    var event = ProtobufWriter()
    event.double(1, seconds)
    event.integer(2, step)
    // SessionLog with status START.
    event.message(7) { $0.integer(1, 1) }
    return event.bytes
  }

  /// An event with the values of `step`.
  package static func event(
    _ values: [(tag: String, value: SummaryValue)], step: Int, seconds: Double
  ) -> [UInt8] {
    var event = ProtobufWriter()
    event.double(1, seconds)
    event.integer(2, step)
    event.message(5) { summary in
      for (tag, value) in values {
        summary.message(1) { message in
          message.text(1, tag)
          switch value {
          case .scalar(let number): message.float(2, number)
          case .image(let bytes, let width, let height):
            message.message(4) { image in
              image.integer(1, height)
              image.integer(2, width)
              image.integer(3, 3)
              image.data(4, bytes)
            }
          case .histogram(let histogram): message.message(5) { put(histogram, into: &$0) }
          }
        }
      }
    }
    return event.bytes
  }

  private static func put(_ histogram: EventHistogram, into message: inout ProtobufWriter) {
    message.double(1, histogram.minimum)
    message.double(2, histogram.maximum)
    message.double(3, histogram.count)
    message.double(4, histogram.sum)
    message.double(5, histogram.sumOfSquares)
    message.doubles(6, histogram.limits)
    message.doubles(7, histogram.counts)
  }
}

extension ProtobufWriter {
  fileprivate mutating func double(_ field: Int, _ value: Double) {
    fixed64(field, value.bitPattern)
  }

  /// Packed doubles.
  fileprivate mutating func doubles(_ field: Int, _ values: [Double]) {
    data(
      field,
      values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } })
  }
}
