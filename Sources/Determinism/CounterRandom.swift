private import Preconditions

/// What a random number is for, so that two uses of the same coordinates never share numbers.
package enum RandomPurpose: UInt64, Sendable {
  case initialization = 1
  case shuffle, split, augmentation, dropout, replacement, synthesis, mining, testing
  case classSampling
  case margin = 11
}

/// A stream of random numbers that is a function of its coordinates: no state, no history.
///
/// The coordinates (seed, purpose, and up to four indices such as step, batch slot, layer) are
/// hashed to a key; number `i` of the stream is SplitMix64 of that key at counter `i`
/// (Steele, Lea, Flood 2014). Any number can be asked for at any time, on any rank or thread.
package struct CounterRandom: Sendable {
  /// What all numbers of this place are functions of.
  package let key: UInt64

  package init(
    seed: UInt64, purpose: RandomPurpose, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0
  ) {
    var key = Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15)
    // Word by word and not over an array, which is memory: keys are made in the middle of a step.
    let (first, second): (UInt64, UInt64) = (0xD1B5_4A32_D192_ED03, 0xAEF1_7502_108E_F2D9)
    key = Self.absorb(purpose.rawValue &+ first, into: key)
    key = Self.absorb(UInt64(bitPattern: Int64(a)) &+ first, into: key)
    key = Self.absorb(UInt64(bitPattern: Int64(b)) &+ first, into: key)
    key = Self.absorb(UInt64(bitPattern: Int64(c)) &+ second, into: key)
    self.key = Self.absorb(UInt64(bitPattern: Int64(d)) &+ second, into: key)
  }

  @inline(__always)
  private static func absorb(_ word: UInt64, into key: UInt64) -> UInt64 {
    mix(key ^ mix(word)) &* 0x9E37_79B9_7F4A_7C15 &+ 0x8CB9_2BA7_2F3D_8DD7
  }

  /// The finaliser of SplitMix64: a bijection of 64-bit words.
  @inline(__always)
  package static func mix(_ word: UInt64) -> UInt64 {
    var z = word
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Number `index` of the stream, uniform over all 64-bit words.
  @inline(__always)
  package func word(_ index: Int) -> UInt64 {
    Self.mix(key &+ (UInt64(bitPattern: Int64(index)) &+ 1) &* 0x9E37_79B9_7F4A_7C15)
  }

  /// Number `index`, uniform in [0, 1) with 53 bits.
  @inline(__always)
  package func uniform(_ index: Int) -> Double { Double(word(index) >> 11) * 0x1p-53 }

  /// Number `index`, uniform in [low, high).
  @inline(__always)
  package func uniform(_ index: Int, in range: Range<Double>) -> Double {
    range.lowerBound + uniform(index) * (range.upperBound - range.lowerBound)
  }

  /// Number `index`, uniform over 0..<bound without modulo bias worth naming (Lemire's product).
  @inline(__always)
  package func integer(_ index: Int, below bound: Int) -> Int {
    require(bound > 0, "CounterRandom.integer: bound \(bound) is not positive")
    return Int(word(index).multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A random permutation of 0..<count (Fisher and Yates), a function of the stream alone.
  package func permutation(of count: Int) -> [Int] {
    var order = Array(0..<count)
    shuffle(&order)
    return order
  }

  /// The same permutation in half the memory, of at most 2^32 numbers.
  package func permutation32(of count: Int) -> [UInt32] {
    require(
      count <= 1 << 32, "CounterRandom.permutation32: \(count) numbers, of 32 bits each")
    var order = [UInt32](unsafeUninitializedCapacity: count) { memory, initialized in
      for i in 0..<count { memory.initializeElement(at: i, to: UInt32(truncatingIfNeeded: i)) }
      initialized = count
    }
    shuffle(&order)
    return order
  }

  @inline(__always)
  private func shuffle<Number>(_ order: inout [Number]) {
    guard order.count > 1 else { return }
    for i in stride(from: order.count - 1, to: 0, by: -1) {
      order.swapAt(i, integer(i, below: i + 1))
    }
  }
}
