internal import Collectives
package import Configuration
package import Datasets
internal import Determinism
package import Engine
internal import Kernels
package import Losses
package import Networks
package import Optimizers
package import State

/// From a configuration to a network, its loss head, and what the optimizer must know of them.
package struct ModelFactory: Sendable {
  /// The network of the configuration, for microbatches of its size.
  package let network: Network
  /// The loss: a head with weights for the classes, or one of the whole batch.
  package private(set) var objective: Objective
  /// What is minimised beside the loss, with a teacher; nil without one.
  package let term: DistillationTerm?
  /// Classes of the data, whether the loss has weights for them or not.
  package let classCount: Int
  /// Room for what an older network makes of the training samples; nil where there is none.
  package let old: OldEmbeddings?
  private let headInitialization: HeadInitialization
  private let rateScales: [RateScale]

  /// Builds the model of `configuration` for `classCount` people.
  ///
  /// Of `sampleCount` training samples an older network's embeddings have room, where the run is to
  /// be compatible with one. A head is whole where the configuration leaves it open. A teacher has
  /// embeddings of `teacherWidth` numbers; nil for none.
  package init(
    _ configuration: RunConfiguration, classCount: Int, sampleCount: Int = 0,
    teacherWidth: Int? = nil
  ) {
    let isAIX = configuration.model.name.hasPrefix("aix-")
    var network = configuration.makeNetwork()
    network.freeze { parameter in configuration.freeze.contains { $0.matches(parameter.name) } }
    rateScales = configuration.rateScales
    self.network = network
    self.classCount = classCount
    term = teacherWidth.map {
      DistillationTerm(
        width: network.embeddingCount, teacherWidth: $0, weight: configuration.teacherWeight)
    }
    old =
      configuration.compatibleWith == nil
      ? nil : OldEmbeddings(samples: sampleCount, dimension: network.embeddingCount)
    if let loss = configuration.lossConfiguration {
      let head = MarginSoftmaxHead(
        configuration: loss, classes: classCount, dimension: network.embeddingCount)
      objective = Self.objective(
        head, configuration, isDivided: configuration.dividesHead ?? false)
      headInitialization = isAIX ? .kaiming : loss.isNormalized ? .normal : .linear
    } else if configuration.loss == .teacher {
      (objective, headInitialization) = (.samples(nil), .normal)
    } else {
      objective = .wholeBatch(
        TripletObjective(
          batch: configuration.batch, passes: configuration.passes,
          reduction: configuration.tripletReduction, old: old))
      headInitialization = .normal
    }
  }

  private static func objective(
    _ head: MarginSoftmaxHead, _ configuration: RunConfiguration, isDivided: Bool
  ) -> Objective {
    guard isDivided else { return .samples(head) }
    return .divided(
      DividedHead(
        head, batch: configuration.batch, passes: configuration.passes,
        sampling: ClassSampling(
          share: configuration.sampleClasses, idleRows: configuration.idleRows)))
  }

  /// Divides the head over the ranks, or makes it whole, for batches of `configuration`; nothing of
  /// losses without one.
  package mutating func divideHead(_ isDivided: Bool, _ configuration: RunConfiguration) {
    guard let head = objective.head as? MarginSoftmaxHead else { return }
    objective = Self.objective(head, configuration, isDivided: isDivided)
  }

  /// Where the parameters of the loss begin in the flat vector.
  package var headStart: Int { network.parameterCount + (term?.parameterCount ?? 0) }

  /// Every tensor of the flat vector: the backbone's, the map to a teacher's width as
  /// `distillation.weight`, then the head's as `head.*`.
  package var descriptions: [ParameterDescription] {
    let map = term.flatMap { term in
      term.hasMap
        ? ParameterDescription(
          name: "distillation.weight", shape: [term.teacherWidth, term.width],
          range: network.parameterCount..<headStart,
          initializer: .normal(deviation: term.mapDeviation), isWeight: true) : nil
    }
    let own = network.parameters + (map.map { [$0] } ?? [])
    guard let head = objective.head else { return own }
    return own
      + head.parameters.map { parameter in
        let offset = headStart
        return ParameterDescription(
          name: "head." + parameter.name, shape: parameter.shape,
          range: offset + parameter.range.lowerBound..<offset + parameter.range.upperBound,
          initializer: initializer(of: parameter, head), isWeight: parameter.name == "weight")
      }
  }

  private func initializer(of parameter: HeadParameter, _ head: any LossHead) -> Initializer {
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
          decays: $0.isWeight || decaysNormAndBias, rateScale: rateScale(of: $0))
      }, count: headStart + objective.parameterCount)
  }

  /// What the rate of a tensor is multiplied by: 0 where it is frozen.
  private func rateScale(of description: ParameterDescription) -> Double {
    guard description.range.lowerBound >= network.frozenParameterCount else { return 0 }
    return rateScales.last { $0.pattern.matches(description.name) }?.factor ?? 1
  }

  /// What a step of `configuration` changes beside the parameters: the optimizer's state, what
  /// rounding takes away, and the average of the weights.
  package func vectors(_ configuration: RunConfiguration) -> [StateVector] {
    let optimizer = configuration.optimizerValue
    let own = optimizer.stateNames.map { StateVector(name: $0, initial: optimizer.initialState) }
    let lost =
      configuration.reduction == .bf16 ? [StateVector(name: "residual", residence: .addend)] : []
    return own + lost + (configuration.ema == nil ? [] : [.average])
  }

  /// The memory on rank `rank` of `ranks` with `threads` compute threads each, before anything of
  /// it is taken.
  package func memory(
    _ configuration: RunConfiguration, rank: Int, ranks: Int, threads: Int
  ) -> EngineMemory {
    EngineMemory(
      network: network, objective: objective,
      groups: groups(decaysNormAndBias: configuration.decaysNormAndBias),
      vectors: vectors(configuration), rank: rank, ranks: ranks, threads: threads,
      reduction: configuration.reduction, shardsOptimizer: configuration.shardsOptimizer,
      term: term)
  }

  /// A replica of the model, its memory not filled: with the optimizer of `configuration` and sums
  /// on the grid of 2^`gridExponent`. `keepsParts` where the ranks share the
  /// optimizer's state.
  package func makeReplica(
    _ configuration: RunConfiguration, gridExponent: Int, keepsParts: Bool = false,
    seed: UInt64? = nil
  ) -> Replica {
    let optimizer = configuration.optimizerValue
    return Replica(
      network: network, objective: objective,
      groups: groups(decaysNormAndBias: configuration.decaysNormAndBias), optimizer: optimizer,
      state: ModelState(
        descriptions: descriptions, statistics: network.statistics,
        vectors: vectors(configuration), keepsParts: keepsParts || objective.divided != nil,
        dividedFrom: objective.divided == nil ? nil : headStart,
        loss: objective.head?.initialState ?? LossState()),
      gradientGrid: SummationGrid(exponent: gridExponent),
      seed: seed ?? configuration.seed,
      average: configuration.ema.map(WeightAverage.init(decay:)), term: term)
  }
}

extension RunConfiguration {
  /// The loss as the losses' room calls it; nil where it has no head.
  package var lossConfiguration: MarginSoftmaxConfiguration? {
    unsmoothedLoss?.smoothed(by: labelSmoothing).withSubCentres(subCentres)
  }

  private var unsmoothedLoss: MarginSoftmaxConfiguration? {
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
    case .adaface:
      return .adaFace(
        scale: scale, margin: margin[0], concentration: normConcentration, rate: statisticsRate,
        gradient: marginGradient)
    case .curricularface:
      return .curricularFace(
        scale: scale, margin: margin[0], rate: statisticsRate, gradient: marginGradient)
    case .elasticArcFace:
      return .elasticArcFace(
        scale: scale, margin: margin[0], deviation: marginDeviation, gradient: marginGradient)
    case .elasticCosFace:
      return .elasticCosFace(scale: scale, margin: margin[0], deviation: marginDeviation)
    case .magface:
      return .magFace(
        scale: scale, low: margin[0], high: margin[1], weight: normWeight,
        norms: normRange[0]...normRange[1], variant: marginVariant, gradient: marginGradient)
    case .uniface: return .uniFace(scale: scale, margin: margin[0], rate: biasRate)
    case .triplet, .teacher: return nil
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
  package func scheduleValue(totalSteps: Int, in course: EpochCourse) -> Schedule {
    let decay: Schedule.Decay =
      switch schedule {
      case .constant: .constant
      case .step:
        .step(milestones: milestones.map { $0.steps(in: course) }, gamma: gamma)
      case .polynomial: .polynomial(power: power)
      case .cosine: .cosine
      }
    return Schedule(
      decay, totalSteps: max(1, totalSteps),
      warmUpSteps: course.steps(epochs: warmupEpochs),
      floorRate: minimumLearningRate)
  }
}
