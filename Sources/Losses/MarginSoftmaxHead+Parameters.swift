/// A named tensor inside the flat parameters of a loss head.
package struct HeadParameter: Sendable, Equatable {
  /// As checkpoints call it, behind `head.`.
  package let name: String
  /// Its sizes, rows first.
  package let shape: [Int]
  /// Where it lies in the head's flat vector.
  package let range: Range<Int>
}

/// What the first values of a head's tensor are drawn from.
package enum HeadDistribution: Sendable, Equatable {
  case zero
  case normal(deviation: Double)
  /// In +-bound.
  case uniform(bound: Double)
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
  /// The tensors of the flat vector, in order: weight [rowCount, dimension], the rows of a class
  /// beside one another, and bias [classes] if the configuration has one.
  package var parameters: [HeadParameter] {
    let weightCount = rowCount * dimension
    var result = [
      HeadParameter(name: "weight", shape: [rowCount, dimension], range: 0..<weightCount)
    ]
    if hasBias {
      result.append(
        HeadParameter(name: "bias", shape: [classes], range: weightCount..<parameterCount))
    }
    return result
  }

  /// The distribution of the first values of `parameter`.
  package func distribution(
    of parameter: HeadParameter, _ initialization: HeadInitialization
  ) -> HeadDistribution {
    let isBias = parameter.range.lowerBound >= rowCount * dimension
    switch initialization {
    case .linear: return .uniform(bound: 1 / Double(dimension).squareRoot())
    case .normal where isBias, .kaiming where isBias: return .zero
    case .normal: return .normal(deviation: 0.01)
    case .kaiming: return .normal(deviation: (2 / Double(dimension)).squareRoot())
    }
  }
}
