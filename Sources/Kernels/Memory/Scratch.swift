/// Cuts the scratch of a kernel into pieces of whole lines of 64 bytes, one behind the other.
///
/// The same cuts, made without memory, count what they need: count and cuts cannot disagree.
struct Scratch {
  private let start: MutableFloats
  private var taken = 0

  @inline(__always)
  private init(_ start: MutableFloats) { self.start = start }

  /// The pieces that `cut` takes of `memory`.
  @inline(__always)
  static func cut<Pieces>(_ memory: MutableFloats, _ cut: (inout Scratch) -> Pieces) -> Pieces {
    var scratch = Scratch(memory)
    return cut(&scratch)
  }

  /// The pieces that `cut` takes of `memory`, which is asked for in doubles.
  @inline(__always)
  static func cut<Pieces>(
    _ memory: UnsafeMutablePointer<Double>, _ cut: (inout Scratch) -> Pieces
  ) -> Pieces {
    Self.cut(UnsafeMutableRawPointer(memory).assumingMemoryBound(to: Float.self), cut)
  }

  /// The doubles that `cut` takes.
  static func countOfDoubles<Pieces>(_ cut: (inout Scratch) -> Pieces) -> Int { count(cut) / 2 }

  /// The floats that `cut` takes; the pieces it is given here are addresses without memory.
  static func count<Pieces>(_ cut: (inout Scratch) -> Pieces) -> Int {
    var scratch = Scratch(MutableFloats(bitPattern: 64)!)
    _ = cut(&scratch)
    return scratch.taken
  }

  /// The next `count` floats.
  @inline(__always)
  mutating func floats(_ count: Int) -> MutableFloats {
    defer { taken += count.roundedUp(to: 16) }
    return start + taken
  }

  /// The next `count` doubles.
  @inline(__always)
  mutating func doubles(_ count: Int) -> UnsafeMutablePointer<Double> {
    UnsafeMutableRawPointer(floats(2 * count)).assumingMemoryBound(to: Double.self)
  }
}
