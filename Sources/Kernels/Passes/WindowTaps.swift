/// A tap of a window: row * window + column, and the pixel at its other end.
struct WindowTap {
  let pixel: Int
  let number: Int
}

/// The taps at one pixel: worked out once for all its channels.
struct WindowTaps {
  let list: UnsafePointer<WindowTap>
  let count: Int

  @inline(__always)
  subscript(i: Int) -> WindowTap { list[i] }
}

/// Calls `body` with room on the stack for the taps of a window of up to 16 x 16: temporary memory
/// of the standard library comes from the heap above 1 KB.
@inline(__always)
func withWindowTaps<Tap: BitwiseCopyable>(
  of type: Tap.Type, _ body: (UnsafeMutablePointer<Tap>) -> Void
) {
  typealias Quarter = (SIMD64<Int>, SIMD64<Int>)
  let zero = SIMD64<Int>()
  var memory: (Quarter, Quarter, Quarter, Quarter) = (
    (zero, zero), (zero, zero), (zero, zero), (zero, zero)
  )
  withUnsafeMutableBytes(of: &memory) {
    body($0.baseAddress!.assumingMemoryBound(to: Tap.self))
  }
}

/// Calls `body` with 0, 8, ... below `channels` and how many of eight there are: a literal 8 but
/// for the last.
@inline(__always)
func forEachEight(_ channels: Int, _ body: (_ channel: Int, _ count: Int) -> Void) {
  var c = 0
  while c &+ 8 <= channels {
    body(c, 8)
    c &+= 8
  }
  if c < channels { body(c, channels &- c) }
}
