private import Preconditions

/// Maxout (Goodfellow et al. 2013): each output is the largest of `pieces` inputs, which lie
/// `outputs` apart: [N, pieces, O] to [N,O].
package enum MaxoutKernel {
  /// Computes the output [N,O]; the first of equal pieces wins, NaN spreads.
  package static func forward(
    _ input: UnsafePointer<Float>, rows: Int, pieces: Int, outputs: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    check(rows, pieces, outputs)
    forEachGroup(rows, outputs) { row, o, count in
      let (best, _) = largest(input + (row * pieces * outputs + o), pieces, outputs, count)
      let target = output + (row * outputs + o)
      if count == 8 {
        best.store(target, count: 8)
      } else {
        for i in 0..<count { target[i] = best[i] }
      }
    }
  }

  /// Sends the gradient [N,O] to the piece that won, and overwrites with zeros or leaves the
  /// others.
  package static func backward(
    _ outputGradient: UnsafePointer<Float>, input: UnsafePointer<Float>, rows: Int, pieces: Int,
    outputs: Int, into inputGradient: UnsafeMutablePointer<Float>, addingToInput: Bool = false
  ) {
    check(rows, pieces, outputs)
    let zero = SIMD8<Float>(repeating: 0)
    forEachGroup(rows, outputs) { row, o, count in
      let first = row * pieces * outputs + o
      let (_, winner) = largest(input + first, pieces, outputs, count)
      let source = outputGradient + (row * outputs + o)
      let gradient = Vector8(source, count: count)
      for piece in 0..<pieces {
        let won = winner .== SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: piece))
        let share = zero.replacing(with: gradient, where: won)
        let target = inputGradient + (first + piece * outputs)
        if count == 8 {
          (addingToInput ? Vector8(target, count: 8) + share : share).store(target, count: 8)
        } else {
          for i in 0..<count { target[i] = addingToInput ? target[i] + share[i] : share[i] }
        }
      }
    }
  }

  private static func check(_ rows: Int, _ pieces: Int, _ outputs: Int) {
    require(
      rows > 0 && pieces > 0 && outputs > 0,
      "maxout of [\(rows),\(pieces),\(outputs)]: nothing to choose from")
  }

  @inline(__always)
  private static func forEachGroup(
    _ rows: Int, _ outputs: Int, _ body: (_ row: Int, _ output: Int, _ count: Int) -> Void
  ) {
    for row in 0..<rows {
      for o in stride(from: 0, to: outputs, by: 8) { body(row, o, min(8, outputs - o)) }
    }
  }

  /// The largest pieces of eight outputs, and which they are.
  @inline(__always)
  private static func largest(
    _ input: UnsafePointer<Float>, _ pieces: Int, _ outputs: Int, _ count: Int
  ) -> (SIMD8<Float>, SIMD8<Int32>) {
    var best = Vector8(input, count: count)
    var winner = SIMD8<Int32>(repeating: 0)
    for piece in 1..<max(pieces, 1) {
      let source = input + piece * outputs
      let value = Vector8(source, count: count)
      let wins = (value .> best) .| (value .!= value)
      best.replace(with: value, where: wins)
      winner.replace(
        with: SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: piece)), where: wins)
    }
    return (best, winner)
  }
}
