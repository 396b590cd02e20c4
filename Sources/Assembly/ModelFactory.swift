package import Configuration
package import Engine
package import Losses
package import Networks
package import Optimizers
internal import Datasets
internal import Determinism

/// From a configuration to a network, its loss head, and what the optimizer must know of them.
package struct ModelFactory: Sendable {
  package let network: Network
  package let objective: Objective
  /// Classes of the data, whether the loss has weights for them or not.
  package let classCount: Int
  private let headInitialization: HeadInitialization

  /// Builds the model of `configuration` for `classCount` people.
  package init(_ configuration: RunConfiguration, classCount: Int) {
    let isAIX = configuration.model.hasPrefix("aix-")
    let network = Self.network(configuration)
    self.network = network
    self.classCount = classCount
    if let loss = configuration.lossConfiguration {
      objective = .classification(
        MarginSoftmaxHead(
          configuration: loss, classes: classCount, dimension: network.embeddingCount))
      headInitialization = isAIX ? .kaiming : loss.isNormalized ? .normal : .linear
    } else {
      objective = .triplets(
        TripletObjective(
          batch: configuration.batch, passes: configuration.passes,
          reduction: configuration.tripletReduction,
          isHarmonic: configuration.compatibleWith != nil))
      headInitialization = .normal
    }
  }

  /// The network of `configuration`, which must name a model.
  package static func network(_ configuration: RunConfiguration) -> Network {
    guard let model = Models.model(named: configuration.model) else {
      fatalError("ModelFactory: no model \(configuration.model)")
    }
    return model.network(
      image: MapShape(
        height: configuration.imageSize.height, width: configuration.imageSize.width, channels: 3),
      maximumRows: min(configuration.microbatch, configuration.batch),
      options: ModelOptions(
        embedding: configuration.embedding ?? model.embedding,
        dropout: configuration.dropout ?? model.dropout, width: configuration.width,
        batchNorm: configuration.batchNorm, pooling: configuration.pooling))
  }

  /// Every tensor of the flat vector: the backbone's, then the head's as `head.*`.
  package var descriptions: [ParameterDescription] {
    guard let head = objective.head else { return network.parameters }
    return network.parameters
      + head.parameters.map { parameter in
        let offset = network.parameterCount
        return ParameterDescription(
          name: "head." + parameter.name, shape: parameter.shape,
          range: offset + parameter.range.lowerBound..<offset + parameter.range.upperBound,
          initializer: initializer(of: parameter, head), isWeight: parameter.name == "weight")
      }
  }

  private func initializer(of parameter: HeadParameter, _ head: MarginSoftmaxHead) -> Initializer {
    switch head.distribution(of: parameter, headInitialization) {
    case .zero: .constant(0)
    case .normal(let deviation): .normal(deviation: deviation)
    case .uniform(let bound): .uniform(bound: bound)
    }
  }

  /// Rates and decay of each tensor; batch norm, biases and slopes decay if `decaysNormAndBias`.
  package func groups(decaysNormAndBias: Bool) -> ParameterGroups {
    let descriptions = descriptions
    return ParameterGroups(
      descriptions.map {
        ParameterGroups.Tensor(
          range: $0.range, part: $0.range.lowerBound < network.parameterCount ? .backbone : .head,
          decays: $0.isWeight || decaysNormAndBias)
      }, count: network.parameterCount + objective.parameterCount)
  }

  /// Memory for parameters, moments and `optimizerVectorCount` optimizer vectors, of which a rank
  /// may keep a part.
  package func makeState(
    optimizerVectorCount: Int, keepsPartOfOptimizer: Bool = false
  ) -> ModelState {
    ModelState(
      descriptions: descriptions, statistics: network.statistics,
      optimizerVectorCount: optimizerVectorCount, keepsPartOfOptimizer: keepsPartOfOptimizer)
  }
}

extension RunConfiguration {
  /// The loss as the losses' room calls it; nil where it has no head.
  package var lossConfiguration: MarginSoftmaxConfiguration? {
    switch loss {
    case .softmax: return .softmax()
    case .normalizedSoftmax: return .normalizedSoftmax(scale: scale)
    case .arcface:
      return .arcFace(
        scale: scale, margin: margin[0], variant: marginVariant, gradient: marginGradient)
    case .cosface: return .cosFace(scale: scale, margin: margin[0])
    case .combined:
      return .combined(
        scale: scale, m1: margin[0], m2: margin[1], m3: margin[2], gradient: marginGradient)
    case .triplet: return nil
    }
  }

  /// The optimizer as its room calls it.
  package var optimizerValue: any Optimizer {
    switch optimizer {
    case .sgd: SGD(momentum: momentum, weightDecay: weightDecay, nesterov: nesterov)
    case .adagrad:
      AdaGrad(weightDecay: weightDecay, initialAccumulator: initialAccumulator)
    case .adamw: AdamW(weightDecay: weightDecay)
    case .lars: LARS(momentum: momentum, weightDecay: weightDecay)
    }
  }

  /// The base rates of backbone and head.
  package var baseRates: LearningRates {
    LearningRates(backbone: learningRate, head: headLearningRate ?? learningRate)
  }

  /// The course of the rate over `totalSteps`.
  package func scheduleValue(totalSteps: Int, stepsPerEpoch: Int) -> Schedule {
    let decay: Schedule.Decay =
      switch schedule {
      case .constant: .constant
      case .step:
        .step(
          milestones: milestones.map { $0.steps(stepsPerEpoch: stepsPerEpoch) }, gamma: gamma)
      case .polynomial: .polynomial(power: power)
      case .cosine: .cosine
      }
    return Schedule(
      decay, totalSteps: max(1, totalSteps),
      warmUpSteps: Schedule.steps(epochs: warmupEpochs, stepsPerEpoch: stepsPerEpoch),
      floorRate: minimumLearningRate)
  }

  /// The exponent of the gradient grid: as asked, or 2^-36 with the headroom for gradients of up to
  /// 1024 summed over a microbatch, coarser where there are more than 64 of them.
  package func gridExponent(microbatches: Int) -> Int {
    switch gradientGrid {
    case .exponent(let exponent): return exponent
    case .automatic:
      var exponent = -36
      while microbatches > 64 << (exponent + 36) { exponent += 1 }
      return exponent
    }
  }

  /// Steps of the whole run.
  package func totalSteps(stepsPerEpoch: Int) -> Int {
    switch length {
    case .epochs(let epochs): epochs * stepsPerEpoch
    case .steps(let steps): steps
    }
  }
}
