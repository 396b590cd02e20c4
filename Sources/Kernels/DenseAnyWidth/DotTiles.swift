/// A register each of the sums of up to eight elements: named, not an array, so that they live in
/// registers.
struct DotSums {
  typealias Four = (Vector, Vector, Vector, Vector)
  var low: Four = (Vector(), Vector(), Vector(), Vector())
  var high: Four = (Vector(), Vector(), Vector(), Vector())

  /// Stores the first `rows`, sixteen floats apart.
  @inline(__always)
  func store(_ lanes: MutableFloats, rows: Int) {
    @inline(__always) func four(_ lanes: MutableFloats, _ sums: Four) {
      lanes[vector: 0] = sums.0
      if rows > 1 { lanes[vector: 16] = sums.1 }
      if rows > 2 {
        lanes[vector: 32] = sums.2
        lanes[vector: 48] = sums.3
      }
    }
    four(lanes, low)
    if rows > 4 { four(lanes + 64, high) }
  }
}

/// Memory for the sixteen sums of each of the 24 elements of a tile.
struct TileLanes {
  private typealias Four = SIMD64<Float>
  private var lanes = (Four(), Four(), Four(), Four(), Four(), Four())

  /// Sums the sixteen of each element and writes, or adds, the results; the elements of a column
  /// lie one behind the other.
  @inline(never)
  static func write(
    _ lanes: Floats, rows: Int, columns: Int, into c: MutableFloats, rowStep: Int,
    columnStep: Int, adding: Bool
  ) {
    let tileRows = Vector.width / 2
    if rows == tileRows && columns == 3 {
      for column in 0..<3 {
        writeColumn(
          lanes + column &* tileRows &* 16, rows: tileRows, into: c + column &* columnStep,
          rowStep, adding)
      }
      return
    }
    for column in 0..<columns {
      writeColumn(
        lanes + column &* rows &* 16, rows: rows, into: c + column &* columnStep, rowStep, adding)
    }
  }

  @inline(__always)
  private static func writeColumn(
    _ lanes: Floats, rows: Int, into c: MutableFloats, _ rowStep: Int, _ adding: Bool
  ) {
    @inline(__always) func put(_ value: Float, _ place: MutableFloats) {
      place.pointee = adding ? place.pointee + value : value
    }
    var (from, place, row) = (lanes, c, 0)
    while row &+ 4 <= rows {
      let (first, second) = (pairSums(from), pairSums(from + 32))
      let four = SIMD8(lowHalf: first, highHalf: second)
      let values = four.evenHalf + four.oddHalf
      put(values[0], place)
      put(values[1], place + rowStep)
      put(values[2], place + 2 &* rowStep)
      put(values[3], place + 3 &* rowStep)
      place += 4 &* rowStep
      from += 64
      row += 4
    }
    while row < rows {
      let values = fourSums(from)
      put((values[0] + values[1]) + (values[2] + values[3]), place)
      place += rowStep
      from += 16
      row += 1
    }
  }

  /// Of two elements, each: sums of lanes 0 and 1, 2 and 3 of their `fourSums`.
  @inline(__always)
  private static func pairSums(_ from: Floats) -> SIMD4<Float> {
    let both = SIMD8(lowHalf: fourSums(from), highHalf: fourSums(from + 16))
    return both.evenHalf + both.oddHalf
  }

  /// Sixteen sums as four.
  @inline(__always)
  private static func fourSums(_ from: Floats) -> SIMD4<Float> {
    let memory = UnsafeRawPointer(from)
    let eight =
      memory.loadUnaligned(as: SIMD8<Float>.self)
      + memory.loadUnaligned(fromByteOffset: 32, as: SIMD8<Float>.self)
    return eight.lowHalf + eight.highHalf
  }
}
