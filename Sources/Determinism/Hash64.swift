/// XXH64 (Yann Collet's specification of xxHash, seed 0 by default): fast, and any tool can check
/// it.
package struct Hash64 {
  private static let p1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let p2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let p3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let p4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let p5: UInt64 = 0x27D4_EB2F_1656_67C5

  /// The hash of `bytes`.
  package static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    guard bytes.count > 0 else { return avalanche(seed &+ p5) }
    let whole = bytes.count & ~31
    let lanes =
      whole == 0
      ? start(seed) : advance(start(seed), over: UnsafeRawBufferPointer(rebasing: bytes[..<whole]))
    return finish(
      lanes, count: UInt64(bytes.count), tail: UnsafeRawBufferPointer(rebasing: bytes[whole...]),
      seed: seed)
  }

  /// The primes that a round multiplies by.
  package static var primes: (UInt64, UInt64) { (p1, p2) }

  /// The four accumulators before the first bytes, with seed 0.
  package static var startLanes: SIMD4<UInt64> { start(0) }

  private static func start(_ seed: UInt64) -> SIMD4<UInt64> {
    SIMD4(seed &+ p1 &+ p2, seed &+ p2, seed, seed &- p1)
  }

  /// The accumulators after `bytes`, a multiple of 32.
  static func advance(
    _ lanes: SIMD4<UInt64>, over bytes: UnsafeRawBufferPointer
  ) -> SIMD4<UInt64> {
    guard let base = bytes.baseAddress else { return lanes }
    var (v1, v2, v3, v4) = (lanes[0], lanes[1], lanes[2], lanes[3])
    var offset = 0
    while offset + 32 <= bytes.count {
      v1 = round(v1, read64(base, offset))
      v2 = round(v2, read64(base, offset + 8))
      v3 = round(v3, read64(base, offset + 16))
      v4 = round(v4, read64(base, offset + 24))
      offset += 32
    }
    return SIMD4(v1, v2, v3, v4)
  }

  /// The hash of `count` bytes: `lanes` have all but the `tail`, fewer than 32.
  package static func finish(
    _ lanes: SIMD4<UInt64>, count: UInt64, tail: UnsafeRawBufferPointer, seed: UInt64 = 0
  ) -> UInt64 {
    var hash = seed &+ p5
    if count >= 32 {
      hash =
        rotate(lanes[0], 1) &+ rotate(lanes[1], 7) &+ rotate(lanes[2], 12)
        &+ rotate(lanes[3], 18)
      for lane in 0..<4 { hash = (hash ^ round(0, lanes[lane])) &* p1 &+ p4 }
    }
    hash = hash &+ count
    guard let base = tail.baseAddress else { return avalanche(hash) }
    var offset = 0
    while offset + 8 <= tail.count {
      hash = rotate(hash ^ round(0, read64(base, offset)), 27) &* p1 &+ p4
      offset += 8
    }
    if offset + 4 <= tail.count {
      let word = UInt64(base.loadUnaligned(fromByteOffset: offset, as: UInt32.self).littleEndian)
      hash = rotate(hash ^ (word &* p1), 23) &* p2 &+ p3
      offset += 4
    }
    while offset < tail.count {
      let byte = UInt64(base.load(fromByteOffset: offset, as: UInt8.self))
      hash = rotate(hash ^ (byte &* p5), 11) &* p1
      offset += 1
    }
    return avalanche(hash)
  }

  /// The hash of the bytes of `words`, in order.
  package static func of(_ words: [UInt64], seed: UInt64 = 0) -> UInt64 {
    words.withUnsafeBytes { of($0, seed: seed) }
  }

  /// The hash of the UTF-8 bytes of `text`.
  package static func of(_ text: String, seed: UInt64 = 0) -> UInt64 {
    Array(text.utf8).withUnsafeBytes { of($0, seed: seed) }
  }

  /// `hash` as 16 lower-case hexadecimal digits.
  package static func text(_ hash: UInt64) -> String {
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  @inline(__always)
  private static func read64(_ base: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    base.loadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian
  }

  @inline(__always)
  private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 {
    (value << bits) | (value >> (64 - bits))
  }

  @inline(__always)
  private static func round(_ accumulator: UInt64, _ lane: UInt64) -> UInt64 {
    rotate(accumulator &+ lane &* p2, 31) &* p1
  }

  @inline(__always)
  private static func avalanche(_ hash: UInt64) -> UInt64 {
    var h = hash
    h = (h ^ (h >> 33)) &* p2
    h = (h ^ (h >> 29)) &* p3
    return h ^ (h >> 32)
  }
}
