/// `Hash64.of`, seed 0, of bytes that come in parts.
///
/// Every part but the last is a multiple of 32 bytes, so that what has been hashed is a few words:
/// another process can go on from them.
package struct Hash64Stream: Sendable, Equatable {
  /// Bytes of which every part but the last is a multiple.
  package static let unit = 32

  private var lanes: SIMD4<UInt64>
  private var count: UInt64 = 0
  private var tail: [UInt8] = []

  /// Nothing hashed yet.
  package init() { lanes = Hash64.startLanes }

  /// A stream that goes on from the `words` of another.
  package init(words: [UInt64]) {
    lanes = SIMD4(words[0], words[1], words[2], words[3])
    count = words[4]
  }

  /// What another stream needs to go on from here; there must not have been a last part yet.
  package var words: [UInt64] { [lanes[0], lanes[1], lanes[2], lanes[3], count] }

  /// Adds a part.
  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    precondition(tail.isEmpty, "Hash64Stream: a part behind one of \(count) bytes in all")
    let whole = bytes.count / Self.unit * Self.unit
    if whole > 0 {
      lanes = Hash64.advance(lanes, over: UnsafeRawBufferPointer(rebasing: bytes[..<whole]))
    }
    tail = Array(bytes[whole...])
    count += UInt64(bytes.count)
  }

  /// The hash of all parts.
  package var hash: UInt64 {
    tail.withUnsafeBytes { Hash64.finish(lanes, count: count, tail: $0) }
  }
}
