internal import Datasets
internal import Losses
internal import Networks

/// A rule that a configuration breaks: the keys it is about, and a sentence that says what to do.
package struct ConfigurationViolation: Error, Equatable, CustomStringConvertible {
  /// The long names of the options to look at, the most telling first.
  package let keys: [String]
  /// What is wrong and what to do, in one sentence.
  package let message: String

  package var description: String { message }
}

extension RunConfiguration {
  /// Throws the first `ConfigurationViolation`: a value out of range, two that contradict each
  /// other, one that would do nothing, or a model that is not in `modelNames`.
  package func validate(modelNames: [String]) throws {
    if !modelNames.contains(model) {
      throw ConfigurationViolation(
        keys: ["model"], message: NearestName.complaint("model", model, among: modelNames))
    }
    try validateData()
    try validateModel()
    try validateLoss()
    try validateTriplets()
    try validateStep()
    try validateSchedule()
    try validateRun()
  }

  private func validateData() throws {
    if case .synthetic(let faces) = data {
      try demand(faces.people >= 2, "data", "synthetic faces need at least 2 people")
      try demand(
        faces.people <= 10_000_000 && faces.photos <= 10_000
          && faces.people * faces.photos <= 10_000_000, "data",
        "synthetic faces are drawn into memory: at most 10,000,000 photos in all")
      try demand(faces.photos >= 1, "data", "synthetic faces need at least 1 photo of each person")
      try demand(
        (16...1024).contains(faces.size), "data", "the size of synthetic faces is 16 to 1024 pixels"
      )
      try demand(
        landmarks == nil, "landmarks", "synthetic faces have no landmarks; remove landmarks")
    }
    switch split {
    case .random(let count), .first(let count):
      try demand(count >= 1, "split", "the split trains on \(count) photos; give at least 1")
    case .peopleRandom(let fraction):
      try demand(
        fraction > 0 && fraction < 1, "split",
        "people-random:\(numberText(fraction)) is not between 0 and 1; "
          + "give the fraction of people that trains")
    case .all, .people: break
    }
    try demand(minPhotos >= 0, "min-photos", "min-photos is \(minPhotos); give at least 0")
    try demand(
      (8...1024).contains(imageSize.height) && (8...1024).contains(imageSize.width), "image-size",
      "image-size is \(imageSize); give 8 to 1024 pixels")
    for (key, value) in [("resize", resize), ("crop", crop)] {
      guard let value else { continue }
      try demand((8...8192).contains(value), key, "\(key) is \(value); give 8 to 8192 pixels")
      try demand(
        landmarks == nil, key,
        "\(key) does nothing to photos aligned by landmarks; remove one of the two")
    }
    if let crop, let resize, crop > resize {
      throw ConfigurationViolation(
        keys: ["crop", "resize"],
        message: "crop \(crop) is larger than resize \(resize); make the crop at most as large")
    }
    try demand(
      (0...1).contains(maxBad), "max-bad",
      "max-bad is \(numberText(maxBad)); give a fraction from 0 to 1")
  }

  private func validateModel() throws {
    try demand(
      width >= 0.01 && width <= 16, "width", "width is \(numberText(width)); give 0.01 to 16")
    if let embedding {
      try demand(
        (1...65_536).contains(embedding), "embedding",
        "embedding is \(embedding); give 1 to 65536")
    }
    if let dropout {
      try demand(
        dropout >= 0 && dropout < 1, "dropout",
        "dropout is \(numberText(dropout)); give a probability from 0 to below 1")
    }
    if let published = Models.model(named: model) {
      try demand(
        batchNorm == nil || published.takesBatchNorm, "batch-norm",
        "\(model) is published with its batch norm or none; remove batch-norm")
      try demand(
        pooling == nil || published.takesPooling, "pooling",
        "\(model) has no inception modules; remove pooling")
    }
  }

  private func validateLoss() throws {
    try demand(scale > 0, "scale", "scale is \(numberText(scale)); give a positive number")
    try demand(
      loss.hasScale || scale == 1, "scale",
      "scale does nothing with loss \(loss.rawValue); remove it"
        + (loss == .softmax ? " or take normalized-softmax" : ""))
    guard loss.hasMargin else {
      let useless: [(String, Bool)] = [
        ("margin", !margin.isEmpty), ("margin-variant", marginVariant != .plain),
        ("margin-gradient", marginGradient != .exact),
        ("margin-warmup-epochs", marginWarmupEpochs != 0),
      ]
      for (key, isGiven) in useless {
        try demand(
          !isGiven, key, "\(key) does nothing with loss \(loss.rawValue); remove it")
      }
      return
    }
    let needed = loss.defaultMargin.count
    try demand(
      margin.count == needed, "margin",
      "loss \(loss.rawValue) takes \(needed == 1 ? "one margin" : "three margins m1,m2,m3"), "
        + "not \(margin.count)")
    try demand(
      margin.allSatisfy { $0 >= 0 && $0 < 3.2 }, "margin",
      "margins are from 0 to below 3.2; give for instance "
        + ValueForm<[Double]>.numbers.text(loss.defaultMargin))
    try demand(
      loss != .combined || margin[0] > 0, "margin",
      "the first margin m1 multiplies the angle and must be positive")
    try demand(
      loss == .arcface || marginVariant == .plain, "margin-variant",
      "margin-variant \(marginVariant.rawValue) is made for arcface, not \(loss.rawValue); "
        + "remove it"
    )
    try demand(
      (0...1e6).contains(marginWarmupEpochs), "margin-warmup-epochs",
      "margin-warmup-epochs is \(numberText(marginWarmupEpochs)); give 0 to 1000000")
  }

  private func validateTriplets() throws {
    guard loss == .triplet else {
      // Where another loss does not write these keys, other values than the demo's were given.
      var asTriplet = self
      var preset = RunConfiguration.demo
      asTriplet.loss = .triplet
      preset.loss = .triplet
      for key in ConfigurationKey.tripletKeys {
        try demand(
          key.text(asTriplet) == key.text(preset), key.name,
          "\(key.name) does nothing with loss \(loss.rawValue); remove it")
      }
      return
    }
    try demand(margin[0] > 0, "margin", "the margin of loss triplet is 0; give for instance 0.2")
    try demand(
      marginGradient == .exact, "margin-gradient",
      "margin-gradient does nothing with loss triplet; remove it")
    try demand(
      headLearningRate == nil, "lr-head",
      "lr-head does nothing with loss triplet, which has no class weights; remove it")
    try demand(passes == 1 || passes == 2, "passes", "passes is \(passes); give 1 or 2")
    let (people, photos) = tripletBatch
    try demand(
      people >= 1, "people-per-batch", "people-per-batch is \(people); give at least 1")
    try demand(
      photos >= 2, "photos-per-person",
      "photos-per-person is \(photos); a positive pair takes at least 2")
    if people * photos > batch {
      throw ConfigurationViolation(
        keys: ["people-per-batch", "photos-per-person", "batch"],
        message: "\(people) people x \(photos) photos are more than a batch of \(batch)")
    }
    try demand(
      batch > 2, "batch", "batch is \(batch); a triplet takes 3 photos")
    try validateMining()
  }

  private func validateMining() throws {
    try demand(
      mining.stages.first?.start == .never, "mining",
      "the first mining mode begins at once; give it without @, such as semi-hard,hardest@10e")
    for (first, second) in zip(mining.stages, mining.stages.dropFirst()) {
      try demand(
        second.start != .never && (first.start == .never || rises(first.start, second.start)),
        "mining",
        "mining modes after the first begin at rising steps or epochs, such as "
          + "semi-hard,hardest@10e")
    }
    guard mining.has(.offline) else {
      try demand(
        offlineEvery == RunConfiguration.demo.offlineEvery, "offline-every",
        "offline-every does nothing without mining offline; remove it")
      try demand(
        offlinePool == nil, "offline-pool",
        "offline-pool does nothing without mining offline; remove it")
      return
    }
    try demand(
      compatibleWith == nil, "compatible-with",
      "offline mining knows the new network alone; remove compatible-with or take another mining")
    try demand(
      offlineEvery >= 1, "offline-every", "offline-every is \(offlineEvery); give at least 1 step")
    if let offlinePool {
      try demand(
        offlinePool >= batch, "offline-pool",
        "offline-pool is \(offlinePool); give at least the batch, \(batch) photos")
    }
  }

  private func validateStep() throws {
    try demand(batch >= 1, "batch", "batch is \(batch); give at least 1 sample")
    try demand(microbatch >= 1, "microbatch", "microbatch is \(microbatch); give at least 1 sample")
    if let threads {
      try demand((1...1024).contains(threads), "threads", "threads is \(threads); give 1 to 1024")
    }
    switch length {
    case .epochs(let count):
      try demand(
        (1...1_000_000_000).contains(count), "epochs",
        "epochs is \(count); give at least 1, at most 1000000000")
    case .steps(let count):
      try demand(
        (1...1_000_000_000_000).contains(count), "steps",
        "steps is \(count); give at least 1, at most 1000000000000")
    }
    if case .exponent(let exponent) = gradientGrid {
      try demand(
        (-120...0).contains(exponent), "gradient-grid",
        "gradient-grid is \(exponent); give auto or an exponent of two from -120 to 0")
    }
    try demand(
      learningRate > 0, "lr", "lr is \(numberText(learningRate)); give a positive number")
    if let headLearningRate {
      try demand(
        headLearningRate > 0, "lr-head",
        "lr-head is \(numberText(headLearningRate)); give a positive number or auto")
    }
    try demand(
      momentum >= 0 && momentum < 1, "momentum",
      "momentum is \(numberText(momentum)); give 0 to below 1")
    try demand(
      optimizer.hasMomentum || momentum == 0, "momentum",
      "momentum does nothing with \(optimizer.rawValue); remove it")
    try demand(
      !nesterov || (optimizer == .sgd && momentum > 0), "nesterov",
      "nesterov needs optimizer sgd with a momentum; remove it")
    try demand(
      weightDecay >= 0, "weight-decay",
      "weight-decay is \(numberText(weightDecay)); give 0 or a positive number")
    try demand(
      initialAccumulator >= 0, "initial-accumulator",
      "initial-accumulator is \(numberText(initialAccumulator)); give 0 or a positive number")
    try demand(
      optimizer == .adagrad || initialAccumulator == 0, "initial-accumulator",
      "initial-accumulator does nothing with \(optimizer.rawValue); remove it")
    if let clipNorm {
      try demand(
        clipNorm > 0, "clip-norm",
        "clip-norm is \(numberText(clipNorm)); give a positive number or none")
    }
  }

  private func validateSchedule() throws {
    try demand(
      (0...1e6).contains(warmupEpochs), "warmup-epochs",
      "warmup-epochs is \(numberText(warmupEpochs)); give 0 to 1000000")
    if schedule == .step {
      try demand(
        !milestones.isEmpty, "schedule",
        "schedule step needs milestones, such as milestones 10e,15e")
      try demand(
        !milestones.contains(.never), "milestones", "a milestone is 0; give steps N or epochs Ne")
      for (first, second) in zip(milestones, milestones.dropFirst()) {
        try demand(
          rises(first, second), "milestones",
          "milestones must rise, all in steps or all in epochs, such as 10e,15e")
      }
      try demand(gamma > 0 && gamma <= 1, "gamma", "gamma is above 0 and at most 1")
    } else {
      let name = schedule.rawValue
      try demand(
        milestones.isEmpty, "milestones", "milestones do nothing with schedule \(name); remove them"
      )
      try demand(gamma == 0.1, "gamma", "gamma does nothing with schedule \(name); remove it")
    }
    try demand(power > 0, "power", "power is \(numberText(power)); give a positive number")
    try demand(
      schedule == .polynomial || power == 1, "power",
      "power does nothing with schedule \(schedule.rawValue); remove it")
    let hasEnd = schedule == .polynomial || schedule == .cosine
    try demand(
      hasEnd || minimumLearningRate == 0, "min-lr",
      "min-lr does nothing with schedule \(schedule.rawValue); remove it")
    try demand(
      minimumLearningRate >= 0 && minimumLearningRate <= learningRate, "min-lr",
      "min-lr is \(numberText(minimumLearningRate)); give 0 up to lr \(numberText(learningRate))")
  }

  private func validateRun() throws {
    try demand(keep >= 1, "keep", "keep is \(keep); keep at least 1 checkpoint")
    try demand(
      watchdogSeconds == 0 || watchdogSeconds >= 1, "watchdog",
      "watchdog is in seconds, at least 1, or 0 to wait for ever")
    try demand(
      stallSeconds == 0 || stallSeconds >= 1, "stall",
      "stall is in seconds, at least 1, or 0 to wait for ever")
  }

  private func rises(_ first: Interval, _ second: Interval) -> Bool {
    switch (first, second) {
    case (.steps(let a), .steps(let b)), (.epochs(let a), .epochs(let b)): a < b
    default: false
    }
  }

  private func demand(_ holds: Bool, _ key: String, _ message: @autoclosure () -> String) throws {
    if !holds { throw ConfigurationViolation(keys: [key], message: message()) }
  }
}
