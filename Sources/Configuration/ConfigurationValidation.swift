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

extension ConfigurationViolation {
  /// A rule about the options that set `members`.
  fileprivate init(_ members: [PartialKeyPath<RunConfiguration>], _ message: String) {
    self.init(keys: members.map { ConfigurationOption.of($0).name }, message: message)
  }
}

// What an option alone must hold stands in the table; here is what takes several, or has sentences
// of its own.
extension RunConfiguration {
  /// Throws the first `ConfigurationViolation`: a value out of range, two that contradict each
  /// other, or one that would do nothing.
  package func validate() throws {
    for option in ConfigurationOption.all {
      if let fault = option.fault(in: self) {
        throw ConfigurationViolation(keys: [option.name], message: fault)
      }
    }
    // Beyond the memory of any host by far, and short of where sums of bytes end.
    let samples = Double(min(microbatch, batch))
    try demand(
      samples * Double(imageSize.pixels) * max(1, width) <= 0x1p36, \.microbatch,
      "microbatches of \(min(microbatch, batch)) samples of \(imageSize) pixels are more than a host "
        + "has memory for; lower microbatch")
    try demand(
      min(imageSize.height, imageSize.width) >= model.smallestSide, \.imageSize,
      "image-size is \(imageSize); model \(model.name) takes at least \(model.smallestSide) pixels a "
        + "side")
    try demand(
      Set(pairs).count == pairs.count, \.pairs, "a file of pairs is given twice; give each once")
    try validateData()
    try validateMargin()
    try demand(
      sampleClasses == 1 || head != .whole, \.sampleClasses,
      "sample-classes chooses by the people of the whole batch, which a whole head never sees "
        + "together; give head divided, which on one rank has all classes too, or auto")
    try demand(
      sampleClasses == 1 || labelSmoothing == 0, \.labelSmoothing,
      "label-smoothing is over all people, of whom sample-classes takes some; give one of them")
    try demand(
      subCentres == 1 || labelSmoothing == 0, \.subCentres,
      "label-smoothing pulls at all centres, sub-centres at the nearest; give one of them")
    try demand(
      subCentres == 1 || headStart == .drawn, \.subCentres,
      "head-start \(headStart.rawValue) has one centre for each person; give head-start drawn")
    if loss == .triplet { try validateTriplets() }
    try validateTeacher()
    try validateSchedule()
    try demand(
      patience == 0 || evaluateEvery != .never, \.patience,
      "patience counts evaluations, and evaluate-every is 0; give evaluate-every, or patience 0")
  }

  private func validateData() throws {
    if case .synthetic(let faces) = data {
      try demand(faces.people >= 2, \.data, "synthetic faces need at least 2 people")
    }
    if let crop, let resize, crop > resize {
      throw ConfigurationViolation(
        [\.crop, \.resize],
        "crop \(crop) is larger than resize \(resize); make the crop at most as large")
    }
  }

  private func validateMargin() throws {
    let usual = loss.traits.margin
    try demand(
      margin.count == usual.count, \.margin,
      "loss \(loss.rawValue) takes "
        + "\(usual.count == 1 ? "one margin" : usual.count == 2 ? "two margins" : "three margins m1,m2,m3"), "
        + "not \(margin.count)")
    try demand(
      loss != .magface || margin[0] <= margin[1], \.margin,
      "the margin of the least norm is above that of the greatest; give the smaller one first")
    try demand(
      margin.allSatisfy { $0 >= 0 && $0 < MarginSoftmaxConfiguration.marginLimit }, \.margin,
      "margins are from 0 to below pi, 3.14; give for instance "
        + ValueForm<[Double]>.numbers.text(usual))
    try demand(
      loss != .combined || margin[0] > 0, \.margin,
      "the first margin m1 multiplies the angle and must be positive")
    try demand(
      loss != .triplet && !loss.isElastic || margin[0] > 0, \.margin,
      "the margin of loss \(loss.rawValue) is 0; give for instance "
        + ValueForm<[Double]>.numbers.text(usual))
  }

  private func validateTeacher() throws {
    try demand(
      loss != .teacher || teacher != nil, \.loss,
      "loss teacher is the distance to a teacher's embeddings alone; give teacher")
    try demand(
      loss != .teacher || teacherWeight > 0, \.teacherWeight,
      "teacher-weight is 0, and loss teacher has nothing else; give for instance "
        + numberText(Self.usualTeacherWeight))
    try demand(
      loss != .triplet || teacher == nil || tripletReduction == .mean, \.tripletReduction,
      "triplet-reduction sum grows with the triplets of a batch, a teacher's term does not; give "
        + "triplet-reduction mean, or remove teacher")
  }

  private func validateTriplets() throws {
    let (people, photos) = tripletBatch
    if people * photos > batch {
      throw ConfigurationViolation(
        [\.peoplePerBatch, \.photosPerPerson, \.batch],
        "\(people) people x \(photos) photos are more than a batch of \(batch)")
    }
    try demand(
      batch > 2, \.batch, "batch is \(batch); a triplet takes 3 photos")
    try demand(
      mining.stages.first?.start == .never, \.mining,
      "the first mining mode begins at once; give it without @, such as semi-hard,hardest@10e")
    for (first, second) in zip(mining.stages, mining.stages.dropFirst()) {
      try demand(
        first.mode != second.mode, \.mining,
        "mining mode \(first.mode.rawValue) follows on itself; give it once")
      try demand(
        second.start != .never && (first.start == .never || rises(first.start, second.start)),
        \.mining,
        "mining modes after the first begin at rising steps or epochs, such as "
          + "semi-hard,hardest@10e")
    }
    try demand(
      compatibleWith == nil || !mining.has(.offline), \.compatibleWith,
      "offline mining knows the new network alone; remove compatible-with or take another mining")
    if let offlinePool {
      try demand(
        offlinePool >= batch, \.offlinePool,
        "offline-pool is \(offlinePool); give at least the batch, \(batch) photos")
    }
  }

  private func validateSchedule() throws {
    if schedule.traits.hasMilestones {
      try demand(
        !milestones.isEmpty, \.schedule,
        "schedule \(schedule.rawValue) needs milestones, such as milestones 10e,15e")
      try demand(
        !milestones.contains(.never), \.milestones,
        "a milestone is 0; give steps N or epochs Ne")
      for (first, second) in zip(milestones, milestones.dropFirst()) {
        try demand(
          rises(first, second), \.milestones,
          "milestones must rise, all in steps or all in epochs, such as 10e,15e")
      }
    }
    try demand(
      minimumLearningRate >= 0 && minimumLearningRate <= learningRate, \.minimumLearningRate,
      "min-lr is \(numberText(minimumLearningRate)); give 0 up to lr \(numberText(learningRate))")
  }

  private func rises(_ first: Interval, _ second: Interval) -> Bool {
    switch (first, second) {
    case (.steps(let a), .steps(let b)), (.epochs(let a), .epochs(let b)): a < b
    default: false
    }
  }

  private func demand(
    _ holds: Bool, _ member: PartialKeyPath<RunConfiguration>, _ message: @autoclosure () -> String
  ) throws {
    if !holds { throw ConfigurationViolation([member], message()) }
  }
}
