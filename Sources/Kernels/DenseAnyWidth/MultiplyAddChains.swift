/// Work without memory, to measure the peak of one core: the yardstick of the other kernels.
package enum MultiplyAddChains {
  /// Floating-point operations of one round: two for each lane of twelve multiply-adds.
  package static var operationsPerRound: Int { 12 * 2 * Vector.width }

  /// Runs `rounds` rounds of twelve independent chains, more than latency times units; the result
  /// depends on all of them.
  @inline(never)
  package static func run(rounds: Int, seed: Float) -> Float {
    let x = Vector(repeating: seed * 0.5)
    let y = Vector(repeating: seed * 0.25)
    var (a, b, c, d, e, f) = (x, x, x, x, x, x)
    var (g, h, i, j, k, l) = (y, y, y, y, y, y)
    for _ in 0..<rounds {
      a = y.addingProduct(a, x)
      b = y.addingProduct(b, x)
      c = y.addingProduct(c, x)
      d = y.addingProduct(d, x)
      e = y.addingProduct(e, x)
      f = y.addingProduct(f, x)
      g = x.addingProduct(g, y)
      h = x.addingProduct(h, y)
      i = x.addingProduct(i, y)
      j = x.addingProduct(j, y)
      k = x.addingProduct(k, y)
      l = x.addingProduct(l, y)
    }
    let total = (a + b + c) + (d + e + f) + (g + h + i) + (j + k + l)
    return total[0] + total[Vector.width - 1]
  }
}
