/// How many pixels are summed in Float before the sums are folded to Double.
@inline(__always)
private func pixelsPerBlock(channels: Int) -> Int { max(16, min(512, 16384 / channels)) }

/// Visits a [P,C] map in the order of its memory, eight channels of a pixel at a time.
///
/// Values of each channel (means, slopes, sums of a block) stay in the first-level cache meanwhile:
/// in order, maps larger than the caches pass at the speed of the memory, twice that of groups of
/// channels whose values would stay in registers.
protocol ChannelPass {
  /// Sums that the pass keeps of each channel.
  static var sumCount: Int { get }

  /// Handles the channels `channel..<channel + count` (count <= 8) of one pixel.
  ///
  /// Sum s of these channels over the block of pixels is the vector at `sums + 8 * s`.
  func visit(pixel: Int, channel: Int, count: Int, sums: MutableFloats)
}

extension ChannelPass {
  /// Floats that the sums of a block take.
  static func sumsCount(channels: Int) -> Int {
    sumCount * channels.roundedUp(to: Vector8.width)
  }

  /// Visits all pixels, for a pass that keeps no sums.
  @inline(__always)
  func run(pixels: Int, channels: Int) {
    run(pixels: pixels, channels: channels, sums: MutableFloats(bitPattern: 64)!, addingTo: nil)
  }

  /// Visits all pixels and adds the sums of each block of pixels to `totals` [sumCount][C], if
  /// given; `sums` is scratch of `sumsCount` floats.
  @inline(__always)
  package func run(
    pixels: Int, channels: Int, sums: MutableFloats,
    addingTo totals: UnsafeMutablePointer<Double>?
  ) {
    let count = Self.sumsCount(channels: channels)
    sums.zero(count)
    let block = pixelsPerBlock(channels: channels)
    var pixel = 0
    while pixel < pixels {
      let end = min(pixel + block, pixels)
      while pixel < end {
        var channel = 0
        while channel + 8 <= channels {
          visit(
            pixel: pixel, channel: channel, count: 8, sums: sums + Self.sumCount &* channel)
          channel += 8
        }
        if channel < channels {
          visit(
            pixel: pixel, channel: channel, count: channels - channel,
            sums: sums + Self.sumCount &* channel)
        }
        pixel += 1
      }
      guard let totals else { continue }
      forEachEight(channels) { channel, count in
        for s in 0..<Self.sumCount {
          let place = UnsafeMutableRawPointer(totals + (s * channels + channel))
          let block = SIMD8<Double>(sums[vector: Self.sumCount * channel + 8 * s])
          if count == 8 {
            let total = place.loadUnaligned(as: SIMD8<Double>.self) + block
            place.storeBytes(of: total, as: SIMD8<Double>.self)
          } else {
            for i in 0..<count { totals[s * channels + channel + i] += block[i] }
          }
        }
      }
      sums.zero(count)
    }
  }
}
