internal import Networks

/// One option by its long name: how it is set, how it is written, what it changes.
package struct ConfigurationKey: Sendable {
  let name: String
  /// Heading in the written configuration.
  let group: String
  /// Whether another value gives other weights, so that a resumed run must keep it.
  let isMathematical: Bool
  /// Sets the option from text; throws `ConfigurationError` without origin.
  package let set: @Sendable (inout RunConfiguration, String) throws -> Void
  /// The value as text that `set` reads back; nil when another key stands for it.
  let text: @Sendable (RunConfiguration) -> String?

  /// Every option, in the order of the written configuration.
  static let all: [ConfigurationKey] = dataKeys + modelKeys + tripletKeys + optimizerKeys + runKeys

  package static let byName: [String: ConfigurationKey] = Dictionary(
    uniqueKeysWithValues: all.map { ($0.name, $0) })

  private static func key<Value>(
    _ name: String, _ path: WritableKeyPath<RunConfiguration, Value> & Sendable,
    _ form: ValueForm<Value>, _ group: String, mathematical: Bool = true
  ) -> ConfigurationKey {
    ConfigurationKey(
      name: name, group: group, isMathematical: mathematical,
      set: { configuration, word in
        configuration[keyPath: path] = try form.parse(word)
      },
      text: { form.text($0[keyPath: path]) })
  }

  private static let dataKeys: [ConfigurationKey] = {
    let group = "data"
    return [
      key("data", \.data, .data, group),
      key("split", \.split, .split, group),
      key("split-seed", \.splitSeed, .seed, group),
      key("min-photos", \.minPhotos, .integer, group),
      key("image-size", \.imageSize, .imageSize, group),
      key("resize", \.resize, ValueForm<Int>.integer.orNil("none"), group),
      key("crop", \.crop, ValueForm<Int>.integer.orNil("none"), group),
      key("landmarks", \.landmarks, ValueForm<String>.word.orNil("none"), group),
      key("normalize", \.normalize, .name("normalization"), group),
      key("augment", \.augment, .augmentation, group),
      key("max-bad", \.maxBad, .fraction, group, mathematical: false),
    ]
  }()

  private static let modelKeys: [ConfigurationKey] = {
    let model = "model"
    let loss = "loss"
    return [
      key("model", \.model, .word, model),
      key("width", \.width, .number, model),
      key("embedding", \.embedding, ValueForm<Int>.integer.orNil("auto"), model),
      key("dropout", \.dropout, ValueForm<Double>.number.orNil("auto"), model),
      key("batch-norm", \.batchNorm, ValueForm<Bool>.truth.orNil("auto"), model),
      key(
        "pooling", \.pooling, ValueForm<ModelOptions.Pooling>.name("pooling").orNil("auto"), model),
      key("init", \.initialWeights, ValueForm<String>.word.orNil("none"), model),
      key("loss", \.loss, .name("loss"), loss),
      key("scale", \.scale, .number, loss),
      key("margin", \.margin, .numbers, loss),
      key("margin-variant", \.marginVariant, .name("margin variant"), loss),
      key("margin-gradient", \.marginGradient, .name("margin gradient"), loss),
      key("margin-warmup-epochs", \.marginWarmupEpochs, .number, loss),
    ]
  }()

  /// Options of triplet training, which other runs do not write.
  static let tripletKeys: [ConfigurationKey] = {
    let group = "triplets"
    let automatic = ValueForm<Int>.integer.orNil("auto")
    return [
      key("mining", \.mining, .mining, group),
      key("people-per-batch", \.peoplePerBatch, automatic, group),
      key("photos-per-person", \.photosPerPerson, automatic, group),
      key("triplet-reduction", \.tripletReduction, .name("triplet reduction"), group),
      key("passes", \.passes, .integer, group, mathematical: false),
      key("offline-every", \.offlineEvery, .integer, group),
      key("offline-pool", \.offlinePool, automatic, group),
      key("compatible-with", \.compatibleWith, ValueForm<String>.word.orNil("none"), group),
    ].map { key in
      ConfigurationKey(
        name: key.name, group: key.group, isMathematical: key.isMathematical, set: key.set,
        text: { $0.loss == .triplet ? key.text($0) : nil })
    }
  }()

  private static let optimizerKeys: [ConfigurationKey] = {
    let step = "step"
    let optimizer = "optimizer"
    let schedule = "learning rate"
    let number = ValueForm<Double>.number
    return [
      key("batch", \.batch, .integer, step),
      key("microbatch", \.microbatch, .integer, step),
      key("threads", \.threads, ValueForm<Int>.integer.orNil("auto"), step, mathematical: false),
      lengthKey("epochs", group: step) { .epochs($0) },
      lengthKey("steps", group: step) { .steps($0) },
      key("seed", \.seed, .seed, step),
      key("gradient-grid", \.gradientGrid, .grid, step),
      key("reduce", \.reduction, .name("reduction"), step),
      key("shard-optimizer", \.shardsOptimizer, .truth, step, mathematical: false),
      key("optimizer", \.optimizer, .name("optimizer"), optimizer),
      key("momentum", \.momentum, number, optimizer),
      key("nesterov", \.nesterov, .truth, optimizer),
      key("weight-decay", \.weightDecay, number, optimizer),
      key("initial-accumulator", \.initialAccumulator, number, optimizer),
      key("decay-norm-and-bias", \.decaysNormAndBias, .truth, optimizer),
      key("clip-norm", \.clipNorm, number.orNil("none"), optimizer),
      key("lr", \.learningRate, number, schedule),
      key("lr-head", \.headLearningRate, number.orNil("auto"), schedule),
      key("schedule", \.schedule, .name("schedule"), schedule),
      key("warmup-epochs", \.warmupEpochs, number, schedule),
      key("milestones", \.milestones, .milestones, schedule),
      key("gamma", \.gamma, number, schedule),
      key("power", \.power, number, schedule),
      key("min-lr", \.minimumLearningRate, number, schedule),
    ]
  }()

  private static let runKeys: [ConfigurationKey] = {
    let evaluation = "evaluation"
    let run = "run"
    let path = ValueForm<String>.word.orNil("none")
    let logs = "logs"
    return [
      key("evaluate-every", \.evaluateEvery, .interval, evaluation, mathematical: false),
      key("pairs", \.pairs, .paths, evaluation, mathematical: false),
      key("flip-test", \.flipTest, .truth, evaluation, mathematical: false),
      key("out", \.out, ValueForm<String>.word.orNil("auto"), run, mathematical: false),
      key("resume", \.resume, .resume, run, mathematical: false),
      key("checkpoint-every", \.checkpointEvery, .interval, run, mathematical: false),
      key("keep", \.keep, .integer, run, mathematical: false),
      key("keep-best", \.keepBest, .truth, run, mathematical: false),
      key("keep-every", \.keepEvery, .interval, run, mathematical: false),
      key("on-full-disk", \.onFullDisk, .name("answer"), run, mathematical: false),
      key("watchdog", \.watchdogSeconds, .number, run, mathematical: false),
      key("stall", \.stallSeconds, .number, run, mathematical: false),
      key("timeline", \.timeline, path, run, mathematical: false),
      key("tensorboard", \.writesTensorBoard, .truth, logs, mathematical: false),
      key("csv", \.writesCSV, .truth, logs, mathematical: false),
      key("prometheus", \.prometheus, path, logs, mathematical: false),
      key("quiet", \.quiet, .truth, run, mathematical: false),
      key("dry-run", \.dryRun, .truth, run, mathematical: false),
    ]
  }()

  private static func lengthKey(
    _ name: String, group: String, _ make: @escaping @Sendable (Int) -> TrainingLength
  ) -> ConfigurationKey {
    ConfigurationKey(
      name: name, group: group, isMathematical: false,
      set: { configuration, word in
        guard let count = Int(word) else {
          throw ConfigurationError("'\(word)' is not a whole number")
        }
        configuration.length = make(count)
      },
      text: { configuration in
        switch configuration.length {
        case .epochs(let count), .steps(let count):
          configuration.length == make(count) ? String(count) : nil
        }
      })
  }
}
