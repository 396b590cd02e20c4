private import Preconditions
package import Determinism

/// A named tensor inside the flat parameters of a loss head.
package struct HeadParameter: Sendable, Equatable {
  package let name: String
  package let shape: [Int]
  /// Where it lies in the head's flat vector.
  package let range: Range<Int>
}

/// How the parameters of a head start.
package enum HeadInitialization: String, Sendable, Equatable, CaseIterable {
  /// Weights of deviation 0.01, bias 0 (insightface).
  case normal
  /// Weights of deviation sqrt(2 / dimension), bias 0 (CnA, AI-X: `kaiming_normal_`).
  case kaiming
  /// Weights and bias uniform in +-1 / sqrt(dimension) (PyTorch's `Linear`).
  case linear
}

extension MarginSoftmaxHead {
  /// The tensors of the flat vector, in order: weight [classes, dimension], and bias [classes] if
  /// the configuration has one.
  package var parameters: [HeadParameter] {
    let weightCount = classes * dimension
    var result = [
      HeadParameter(name: "weight", shape: [classes, dimension], range: 0..<weightCount)
    ]
    if hasBias {
      result.append(
        HeadParameter(name: "bias", shape: [classes], range: weightCount..<parameterCount))
    }
    return result
  }

  /// The initial value of element `index` of the flat parameters, a function of the stream alone.
  package func initialValue(
    _ initialization: HeadInitialization, at index: Int, from random: CounterRandom
  ) -> Float {
    require(
      index >= 0 && index < parameterCount,
      "MarginSoftmaxHead: element \(index) of \(parameterCount) parameters")
    let isBias = index >= classes * dimension
    switch initialization {
    case .normal:
      return isBias ? 0 : Float(0.01 * random.normal(index))
    case .kaiming:
      return isBias ? 0 : Float((2 / Double(dimension)).squareRoot() * random.normal(index))
    case .linear:
      let bound = 1 / Double(dimension).squareRoot()
      return Float(random.uniform(index, in: -bound..<bound))
    }
  }
}
