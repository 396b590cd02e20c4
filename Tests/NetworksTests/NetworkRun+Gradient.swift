import Networks
import TestSupport
import Testing

extension NetworkRun {
  /// (L(w + h d) - L(w - h d)) / 2 h against gradient . d, for random directions d within each
  /// tensor of `entries`: the median of five, for some step over the kink of a ReLU or a maximum.
  /// Returns the gradient of all parameters.
  @discardableResult func expectGradient(of entries: [ParameterDescription]) -> [Float] {
    let coefficients = Formula.numbers("loss", rows * network.embeddingCount)
    run(.training, outputGradient: coefficients.map { Float($0) })
    let gradient = self.gradient
    func loss(_ entry: ParameterDescription, _ values: [Double]) -> Double {
      fill(entry, values)
      run(.training)
      return dotProduct(doubles(output), coefficients)
    }
    for entry in entries {
      let start = logical(entry, of: parameters)
      let exact = logical(entry, of: gradient)
      let size = max(dotProduct(exact, exact).squareRoot(), 0.05)
      // The same change of the loss for all tensors: small, but well above its rounding.
      let step = 2e-3 / max(size, 2)
      let errors = (0..<5).map { trial in
        let direction = Formula.numbers("\(entry.name) \(trial)", start.count)
        let above = loss(entry, zip(start, direction).map { $0 + step * $1 })
        let below = loss(entry, zip(start, direction).map { $0 - step * $1 })
        return abs((above - below) / (2 * step) - dotProduct(exact, direction)) / size
      }
      fill(entry, start)
      #expect(errors.sorted()[2] < 1e-2, "\(entry.name): \(errors), norm \(size)")
    }
    return gradient
  }
}
