internal import Determinism

/// What tells two copies of the same names apart: hashes of some photos, spread over all of them.
package struct PhotoSample: Sendable, Equatable {
  /// Of the bytes of 32 photos, whatever holds them.
  package let bytes: UInt64
  /// Of the lengths of 4,096 photos; nil where the source knows none without reading.
  package let lengths: UInt64?

  /// Reads from the `count` photos of `source`. A photo that cannot be read counts as empty; who
  /// trains on it will say so.
  package init(of source: any PhotoSource, count: Int, onPhoto: () -> Void = {}) {
    func spread(_ limit: Int) -> some Sequence<Int> {
      let limit = min(limit, count)
      return (0..<limit).lazy.map { $0 * count / limit }
    }
    let counts = spread(4096).map { source.byteCount(of: $0) }
    lengths =
      counts.contains { $0 != nil }
      ? Hash64.of(counts.map { UInt64($0 ?? 0) }, seed: 0) : nil
    let buffer = ByteBuffer()
    bytes = spread(32).reduce(0) { hash, photo in
      defer { onPhoto() }
      guard (try? source.read(photo, into: buffer)) != nil else {
        return Hash64.of("", seed: hash)
      }
      return Hash64.of(buffer.bytes, seed: hash)
    }
  }

  /// One hash of both.
  package var hash: UInt64 { Hash64.of([bytes, lengths ?? 0], seed: 0) }

  /// The hashes as 16 hex digits each, with a space between.
  package var text: String {
    ([bytes] + (lengths.map { [$0] } ?? [])).map(Hash64.text).joined(separator: " ")
  }

  /// Whether the sample that `text` tells of may be of the same photos: lengths count where both
  /// have them, since a pack of a folder knows none.
  package func agrees(with text: String) -> Bool { Self.agree(self.text, text) }

  /// The same for two that are kept as text.
  package static func agree(_ one: String, _ other: String) -> Bool {
    zip(one.split(separator: " "), other.split(separator: " ")).allSatisfy { $0 == $1 }
  }
}
