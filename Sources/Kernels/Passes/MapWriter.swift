private import CProcessor

/// Writes a [P,C] map in the order of its memory; past the caches where it would not stay in them
/// until it is read, which saves reading the lines that are overwritten.
struct MapWriter {
  private let target: MutableFloats
  private let stride: Int
  private let passesCaches: Bool

  /// Half of what a core has of the last-level cache on the machines that train: maps above do not
  /// stay until the next layer reads them.
  private static var largestCachedBytes: Int { 24 << 20 }

  /// A map of pixels `stride` floats apart; lines that one of `sources` has just read are in the
  /// cache already and stay there.
  init(
    _ target: MutableFloats, pixels: Int, stride: Int, isReadAs sources: [Floats?]
  ) {
    self.target = target
    self.stride = stride
    let isLarge = pixels * stride * 4 > Self.largestCachedBytes
    let isAligned = UInt(bitPattern: target) % 32 == 0 && stride % 8 == 0
    passesCaches = isLarge && isAligned && !sources.contains(Floats(target))
  }

  @inline(__always)
  func store(_ value: Vector8, pixel: Int, channel: Int, count: Int) {
    let place = target + (pixel * stride + channel)
    if passesCaches && count == 8 {
      cprocessor_store_past_caches(place, value)
    } else {
      value.store(place, count: count)
    }
  }

  /// Makes the map visible to other threads; call it after the last store.
  func finish() {
    if passesCaches { cprocessor_finish_stores() }
  }
}
