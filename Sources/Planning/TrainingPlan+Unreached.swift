internal import Assembly
internal import Configuration
internal import Datasets
internal import Evaluation
internal import Inputs
internal import Losses
internal import Optimizers

extension TrainingPlan {
  /// A sentence for each setting that never comes into force in a run this long, or measures
  /// nothing on these data.
  package var unreached: [String] {
    evaluationSentences + scheduleSentences + intervalSentences + otherSentences
      + factory.idleRates(configuration)
  }

  private var length: String {
    "the run has \(totalSteps) steps (\(stepsPerEpoch) an epoch)"
  }

  private func text(_ member: PartialKeyPath<RunConfiguration>) -> String {
    "\(ConfigurationOption.of(member).name) \(configuration.text(of: member) ?? "")"
  }

  private var evaluationSentences: [String] {
    guard configuration.evaluateEvery != .never else {
      let never = "since evaluate-every is 0"
      return
        (configuration.pairs.isEmpty ? [] : ["\(text(\.pairs)): never measured, \(never)"])
        + (configuration.flipTest
          ? [
            "\(text(\.flipTest)): no evaluation of this run uses it, \(never); evaluate, embed and "
              + "the tasks take it from the checkpoint"
          ] : [])
    }
    guard !evaluationSets.isEmpty else {
      return [
        "\(text(\.evaluateEvery)) measures nothing: \(text(\.split)) holds no photo out, and there "
          + "are no pairs; give pairs or another split, or evaluate-every 0"
      ]
    }
    return evaluationSets.compactMap { set in
      guard let pairs = set.plan.pairs, pairs.pairs.isEmpty else { return nil }
      return "\(text(\.evaluateEvery)) verifies nothing: of the photos held out by "
        + "\(text(\.split)) nobody has two, or all are of one person"
    }
  }

  private var scheduleSentences: [String] {
    var sentences: [String] = []
    let warmUp = schedule.warmUpSteps
    // The usual one is short; a run that is shorter still is meant to be no more than tried out.
    let isChosen = configuration.warmupEpochs != RunConfiguration.demo.warmupEpochs
    if isChosen, warmUp > totalSteps {
      sentences.append(
        "\(text(\.warmupEpochs)) is longer than the run: the rate never becomes \(text(\.learningRate))"
          + "; \(length)")
    } else if isChosen, warmUp == totalSteps, configuration.schedule != .constant {
      sentences.append(
        "\(text(\.warmupEpochs)) is the whole run: \(text(\.schedule)) never begins; \(length)")
    }
    if course.exactSteps(epochs: configuration.marginWarmupEpochs) >= Double(totalSteps) {
      sentences.append(
        "\(text(\.marginWarmupEpochs)) is as long as the run: the margin never becomes "
          + "\(text(\.margin)); \(length)")
    }
    guard configuration.schedule.traits.hasMilestones else {
      if configuration.schedule.traits.hasLastRate,
        configuration.minimumLearningRate == configuration.learningRate
      {
        sentences.append(
          "\(text(\.minimumLearningRate)) is lr: \(text(\.schedule)) changes nothing")
      }
      return sentences
    }
    let milestones = configuration.milestones.map { $0.steps(in: course) }
    let late = milestones.count { $0 >= totalSteps }
    if late > 0 {
      sentences.append(
        "\(text(\.milestones)): \(late) of \(milestones.count) lie beyond the end and never come; "
          + length)
    }
    if milestones.contains(where: { $0 < warmUp }) {
      sentences.append(
        "\(text(\.milestones)): a milestone lies within \(text(\.warmupEpochs)): the rate falls "
          + "as soon as it has grown")
    }
    if configuration.gamma == 1 {
      sentences.append("\(text(\.gamma)): milestones change nothing")
    }
    return sentences
  }

  private var intervalSentences: [String] {
    func isLate(_ interval: Interval) -> Bool {
      interval.steps(in: course) > totalSteps
    }
    var sentences: [String] = []
    // The usual values are meant for longer runs, and what they would miss comes at the end.
    if configuration.evaluateEvery != RunConfiguration.demo.evaluateEvery, !evaluationSets.isEmpty,
      isLate(configuration.evaluateEvery)
    {
      sentences.append(
        "\(text(\.evaluateEvery)) is longer than the run: it is measured at the end alone; \(length)"
      )
    }
    if configuration.checkpointEvery != RunConfiguration.demo.checkpointEvery,
      isLate(configuration.checkpointEvery)
    {
      sentences.append(
        "\(text(\.checkpointEvery)) is longer than the run: only its end is kept; \(length)")
    }
    if isLate(configuration.keepEvery) {
      sentences.append("\(text(\.keepEvery)) is longer than the run and keeps nothing; \(length)")
    }
    guard configuration.loss == .triplet else { return sentences }
    let late = configuration.mining.stages.filter {
      $0.start != .never && $0.start.steps(in: course) >= totalSteps
    }
    if !late.isEmpty {
      sentences.append(
        "\(text(\.mining)): "
          + late.map(\.mode.rawValue).joined(separator: ", ") + " never begins; \(length)")
    }
    if configuration.mining.has(.offline), configuration.offlineEvery >= totalSteps,
      configuration.offlineEvery != RunConfiguration.demo.offlineEvery
    {
      sentences.append(
        "\(text(\.offlineEvery)) is longer than the run: triplets are searched once; \(length)")
    }
    return sentences
  }

  private var otherSentences: [String] {
    var sentences: [String] = []
    if configuration.decaysNormAndBias, configuration.weightDecay == 0 {
      sentences.append("\(text(\.decaysNormAndBias)) does nothing: weight-decay is 0")
    }
    if !configuration.freeze.isEmpty, configuration.initialWeights == nil,
      !changes.contains(where: { $0.name == ConfigurationOption.of(\.freeze).name })
    {
      sentences.append(
        "\(text(\.freeze)) keeps random weights, since there is no init to take trained ones from")
    }
    let isRandom =
      switch configuration.split {
      case .random, .peopleRandom: true
      case .all, .first, .people: false
      }
    let drawsPairs = configuration.pairs.isEmpty && !evaluationSets.isEmpty
    if configuration.splitSeed != RunConfiguration.demo.splitSeed, !isRandom, !drawsPairs {
      sentences.append("\(text(\.splitSeed)) does nothing: \(text(\.split)) draws nothing")
    }
    return sentences
  }
}
