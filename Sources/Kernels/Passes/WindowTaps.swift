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

/// Calls `body` with 0, 8, ... below `channels` and how many of eight there are: a literal 8 but for
/// the last.
@inline(__always)
func forEachEight(_ channels: Int, _ body: (_ channel: Int, _ count: Int) -> Void) {
  var c = 0
  while c &+ 8 <= channels {
    body(c, 8)
    c &+= 8
  }
  if c < channels { body(c, channels &- c) }
}
