/// Sixteen neighbouring channels: one cache line, two AVX2 registers.
///
/// Every operation takes the number of channels that exist (1...16); a literal 16 folds to plain
/// loads and stores, fewer lanes read as zero and are not written.
struct Lanes {
  static var width: Int { 16 }

  var low: SIMD8<Float>
  var high: SIMD8<Float>

  @inline(__always)
  init(low: SIMD8<Float>, high: SIMD8<Float>) {
    self.low = low
    self.high = high
  }

  @inline(__always)
  init(_ value: Float) {
    low = SIMD8(repeating: value)
    high = SIMD8(repeating: value)
  }

  @inline(__always)
  init(_ source: UnsafePointer<Float>, count: Int) {
    if count == 16 {
      low = loadEight(source)
      high = loadEight(source + 8)
    } else if count >= 8 {
      low = loadEight(source)
      high = loadFewer(source + 8, count: count - 8)
    } else {
      low = loadFewer(source, count: count)
      high = SIMD8()
    }
  }

  /// The doubles at `source`, rounded to Float.
  @inline(__always)
  init(rounding source: UnsafePointer<Double>, count: Int) {
    self.init(0)
    for i in 0..<min(count, 8) { low[i] = Float(source[i]) }
    for i in 8..<max(count, 8) { high[i - 8] = Float(source[i]) }
  }

  @inline(__always)
  func store(_ target: UnsafeMutablePointer<Float>, count: Int) {
    if count == 16 {
      storeEight(low, target)
      storeEight(high, target + 8)
    } else if count >= 8 {
      storeEight(low, target)
      for i in 0..<(count - 8) { target[8 + i] = high[i] }
    } else {
      for i in 0..<count { target[i] = low[i] }
    }
  }

  /// Adds each lane to its double: how a block of Float partial sums is folded.
  @inline(__always)
  func fold(_ target: UnsafeMutablePointer<Double>, count: Int) {
    if count == 16 {
      let raw = UnsafeMutableRawPointer(target)
      let first = raw.loadUnaligned(as: SIMD8<Double>.self) + SIMD8<Double>(low)
      raw.storeBytes(of: first, as: SIMD8<Double>.self)
      let second = raw.loadUnaligned(fromByteOffset: 64, as: SIMD8<Double>.self)
      raw.storeBytes(of: second + SIMD8<Double>(high), toByteOffset: 64, as: SIMD8<Double>.self)
    } else {
      for i in 0..<min(count, 8) { target[i] += Double(low[i]) }
      for i in 8..<max(count, 8) { target[i] += Double(high[i - 8]) }
    }
  }

  @inline(__always)
  static func + (a: Lanes, b: Lanes) -> Lanes { Lanes(low: a.low + b.low, high: a.high + b.high) }

  @inline(__always)
  static func - (a: Lanes, b: Lanes) -> Lanes { Lanes(low: a.low - b.low, high: a.high - b.high) }

  @inline(__always)
  static func * (a: Lanes, b: Lanes) -> Lanes { Lanes(low: a.low * b.low, high: a.high * b.high) }

  /// self + a * b, rounded once.
  @inline(__always)
  func addingProduct(_ a: Lanes, _ b: Lanes) -> Lanes {
    Lanes(low: low.addingProduct(a.low, b.low), high: high.addingProduct(a.high, b.high))
  }

  /// min(self, 0), and NaN where self is.
  @inline(__always)
  var negativePart: Lanes {
    let zero = SIMD8<Float>(repeating: 0)
    return Lanes(
      low: low.replacing(with: zero, where: low .> zero),
      high: high.replacing(with: zero, where: high .> zero))
  }

  /// self where `gate` is positive or not a number, `other` elsewhere.
  @inline(__always)
  func replacing(with other: Lanes, whereNotPositive gate: Lanes) -> Lanes {
    // A zero of spelled type: comparisons with `SIMD8()` or a scalar compile lane by lane.
    let zero = SIMD8<Float>(repeating: 0)
    return Lanes(
      low: low.replacing(with: other.low, where: gate.low .<= zero),
      high: high.replacing(with: other.high, where: gate.high .<= zero))
  }
}

@inline(__always)
func loadEight(_ source: UnsafePointer<Float>) -> SIMD8<Float> {
  UnsafeRawPointer(source).loadUnaligned(as: SIMD8<Float>.self)
}

@inline(__always)
func storeEight(_ value: SIMD8<Float>, _ target: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(target).storeBytes(of: value, as: SIMD8<Float>.self)
}

/// The first `count` (0...7) floats, then zeros.
@inline(__always)
func loadFewer(_ source: UnsafePointer<Float>, count: Int) -> SIMD8<Float> {
  var value = SIMD8<Float>()
  for i in 0..<count { value[i] = source[i] }
  return value
}

/// How many pixels are summed in Float before the sums are folded to Double; the same pixels
/// of all channels stay in the second-level cache while their channel groups are visited.
@inline(__always)
func pixelsPerBlock(channels: Int) -> Int { max(16, min(512, 16384 / channels)) }

/// Visits a [P,C] map block by block, and in each block 16 channels at a time.
protocol ChannelGroupPass {
  /// Handles `pixels` pixels from `pixel` on, channels `channel..<channel + count` (count <= 16).
  func visit(pixel: Int, pixels: Int, channel: Int, count: Int)
}

extension ChannelGroupPass {
  @inline(__always)
  func run(pixels: Int, channels: Int) {
    let block = pixelsPerBlock(channels: channels)
    var pixel = 0
    while pixel < pixels {
      let size = min(block, pixels - pixel)
      var channel = 0
      while channel + Lanes.width <= channels {
        visit(pixel: pixel, pixels: size, channel: channel, count: 16)
        channel += Lanes.width
      }
      if channel < channels {
        visit(pixel: pixel, pixels: size, channel: channel, count: channels - channel)
      }
      pixel += size
    }
  }
}
