/// The matrices of F(4, 7) that are applied to inputs and weights, rounded from Double.
struct WinogradRowFactors: Sendable {
  static let shared = WinogradRowFactors()
  /// B^T [10][10]: Lagrange's polynomials of the nine finite points and the product of (x - p).
  let input: [Float]
  /// G [10][7]: the powers of the points, each row scaled to length 1 and the row of B^T against
  /// it.
  let weight: [Float]

  private init() {
    let positive = [WinogradRow.p1, WinogradRow.p2, WinogradRow.p3, WinogradRow.p4].map {
      Double($0)
    }
    let points = positive.reduce(into: [0.0]) { $0 += [$1, -$1] }
    var input: [Double] = []
    var weight: [Double] = []
    for (i, point) in points.enumerated() {
      var others = points
      others.remove(at: i)
      let powers = (0..<7).map { k in (0..<k).reduce(1.0) { product, _ in product * point } }
      let length = powers.map { $0 * $0 }.reduce(0, +).squareRoot()
      let value = others.map { point - $0 }.reduce(1, *)
      input += Self.polynomial(roots: others).map { $0 / value * length } + [0]
      weight += powers.map { $0 / length }
    }
    input += Self.polynomial(roots: points)
    weight += [0, 0, 0, 0, 0, 0, 1]
    self.input = input.map { Float($0) }
    self.weight = weight.map { Float($0) }
  }

  /// Coefficients of the product of (x - root), the constant first.
  private static func polynomial(roots: [Double]) -> [Double] {
    roots.reduce([1.0]) { coefficients, root in
      let raised = [0] + coefficients
      let lowered = coefficients.map { -root * $0 } + [0]
      return zip(raised, lowered).map(+)
    }
  }
}
