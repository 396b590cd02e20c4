package import Collectives
package import Datasets
internal import Kernels
package import Losses
package import Networks

/// Every option of a training run, resolved: defaults, then a configuration file, then flags.
///
/// Each member is an option of the command line and a key of the YAML file by the same long name,
/// and its initial value the option's default; `ConfigurationOption.all` says all else of it.
package struct RunConfiguration: Sendable, Equatable {
  /// `data`: where photos come from.
  package var data: DataSource = .synthetic(.usual)
  /// `split`: which photos train and which ones measure.
  package var split: DataSplit = .peopleRandom(fraction: 0.8)
  /// `split-seed`: the seed of the random splits, apart from `seed`.
  package var splitSeed: UInt64 = 1
  /// `min-photos`: people with fewer training photos are left out; 0 gives everybody a class, seen
  /// in training or not.
  package var minPhotos: Int = 1
  /// `exclude`: path of a list of photos and people to leave out, or to take for others; nil for
  /// none.
  package var exclude: String?
  /// `image-size`: height and width of the network's input in pixels.
  package var imageSize: ImageSize = 48
  /// `resize`: length of the photo's shorter side before the crop; nil leaves the photo as it is.
  package var resize: Int?
  /// `crop`: side of the central square in pixels; nil is the shorter side.
  package var crop: Int?
  /// `landmarks`: path of a file of five points a photo; nil means no alignment.
  package var landmarks: String?
  /// `normalize`: how bytes become numbers.
  package var normalize: Normalization = .half
  /// `augment`: random changes to training photos.
  package var augment: Augmentation = Self.demoAugmentation
  /// `max-bad`: the fraction of unreadable photos above which the run stops.
  package var maxBad: Double = 0.01

  /// `model`: the network.
  package var model: Model = .usual
  /// `width`: factor of the channels of every stage; 1 is the published network.
  package var width: Double = 0.25
  /// `embedding`: length of the embedding; nil is the model's own.
  package var embedding: Int? = 128
  /// `dropout`: probability of dropping an element; nil is the model's own.
  package var dropout: Double?
  /// `batch-norm`: batch norm in the place of biases, for models that have the choice; nil is the
  /// published network.
  package var batchNorm: Bool?
  /// `pooling`: the pooling of inception modules; nil is that of the published table.
  package var pooling: ModelOptions.Pooling?
  /// `precision`: in what numbers products are computed.
  package var precision: Precision = .float32

  /// `init`: a checkpoint whose network training starts from; nil draws first weights.
  package var initialWeights: String?

  /// `head-start`: what class weights start from.
  package var headStart: HeadStart = .drawn
  /// `freeze`: parts of the network that are not trained.
  package var freeze: [PartPattern] = []

  /// `loss`: the loss.
  package var loss: LossName = .arcface
  /// `scale`: the factor s of the logits.
  package var scale: Double = 32
  /// `margin`: one value, three for `combined`, none for losses without a margin.
  package var margin: [Double] = [0.35]
  /// `margin-variant`: what ArcFace does at large angles.
  package var marginVariant: MarginSoftmaxConfiguration.Variant = .plain
  /// `margin-gradient`: the derivative of the target logit.
  package var marginGradient: MarginSoftmaxConfiguration.Gradient = .exact
  /// `margin-warmup-epochs`: epochs over which the margin grows from nothing.
  package var marginWarmupEpochs: Double = 0
  /// `norm-concentration`: AdaFace's h, by how much norms move the margin.
  package var normConcentration: Double = 0.333
  /// `statistics-rate`: the share of a batch in the running statistics of a loss.
  package var statisticsRate: Double = 0.01
  /// `margin-deviation`: of ElasticFace's margins.
  package var marginDeviation: Double = 0.05
  /// `norm-range`: the least and the greatest norm of MagFace, whose margins are those of `margin`.
  package var normRange: [Double] = [10, 110]
  /// `norm-weight`: the factor of MagFace's loss of norms.
  package var normWeight: Double = 35
  /// `bias-rate`: of UniFace's bias, which descends the gradient.
  package var biasRate: Double = 0.1
  /// `label-smoothing`: the share of the truth that all classes have alike.
  package var labelSmoothing: Double = 0
  /// `sub-centres`: centres of a person, the nearest of which stands for it.
  package var subCentres: Int = 1
  /// `head`: whether ranks share the class weights out.
  package var head: HeadPlacement = .whole
  /// `sample-classes`: the share of the classes that take part in a step beside those of its batch.
  package var sampleClasses: Double = 1
  /// `idle-rows`: what becomes of the weights of the others.
  package var idleRows: IdleRows = .keep
  /// `teacher`: stored embeddings, a run or a checkpoint that says where embeddings are to be; nil
  /// for none.
  package var teacher: String?
  /// `teacher-weight`: the factor of 1 - cosine to the teacher's embedding.
  package var teacherWeight: Double = Self.usualTeacherWeight
  /// `mining`: which triplets of a batch are trained on, and when.
  package var mining: MiningSchedule = .always(.semiHard)
  /// `people-per-batch`: people of a triplet batch who come with several photos; nil takes what
  /// fills the batch.
  package var peoplePerBatch: Int?
  /// `photos-per-person`: the most photos of each of them; nil is the root of the batch, at most
  /// 40.
  package var photosPerPerson: Int?
  /// `triplet-reduction`: the sum or the mean of the triplets' losses.
  package var tripletReduction: TripletReduction = .mean
  /// `passes`: whether activations are computed twice or kept for the whole batch.
  package var passes: Int = 2
  /// `offline-every`: steps between two searches of the pool for hard triplets.
  package var offlineEvery: Int = 100
  /// `offline-pool`: photos of the pool that offline mining searches; nil is four batches.
  package var offlinePool: Int?
  /// `compatible-with`: a run or checkpoint whose embeddings those of the new network are to be
  /// comparable with; nil for none.
  package var compatibleWith: String?

  /// `batch`: samples of a step over all ranks.
  package var batch: Int = 64
  /// `microbatch`: the most samples that a worker computes at once.
  package var microbatch: Int = 8
  /// `drop-last`: leaves out the samples of an epoch that do not fill its last batch.
  package var dropsLast: Bool = false
  /// `sampling`: how often people come in an epoch.
  package var sampling: Sampling = .instance
  /// `threads`: compute threads of a rank; nil is its share of the host's CPUs.
  package var threads: Int?
  /// `epochs` or `steps`: how long training lasts.
  package var length: TrainingLength = .epochs(16)

  /// `optimizer`: the optimizer.
  package var optimizer: OptimizerName = .sgd
  /// `nesterov`: Nesterov's momentum, for SGD.
  package var nesterov: Bool = false
  /// `lr`: the learning rate of the backbone.
  package var learningRate: Double = OptimizerName.sgd.traits.learningRate
  /// `lr-head`: the learning rate of the loss head; nil is that of the backbone.
  package var headLearningRate: Double?
  /// `lr-scale`: parts whose rate is multiplied, the last one that names a part counts.
  package var rateScales: [RateScale] = []
  /// `momentum`: the momentum of SGD and LARS.
  package var momentum: Double = OptimizerName.sgd.traits.momentum ?? 0
  /// `weight-decay`: the weight decay.
  package var weightDecay: Double = 1e-3
  /// `initial-accumulator`: where the sums of squares of AdaGrad start.
  package var initialAccumulator: Double = 0
  /// `decay-norm-and-bias`: whether batch norm and biases decay too.
  package var decaysNormAndBias: Bool = false
  /// `schedule`: the course of the learning rate.
  package var schedule: ScheduleName = .cosine
  /// `milestones`: when the step schedule multiplies the rate by `gamma`.
  package var milestones: [Interval] = []
  /// `gamma`: the factor of the step schedule.
  package var gamma: Double = 0.1
  /// `power`: the power of the polynomial schedule.
  package var power: Double = 1
  /// `min-lr`: the rate at the end of the polynomial and cosine schedules.
  package var minimumLearningRate: Double = 0
  /// `warmup-epochs`: epochs over which the rate grows from nothing.
  package var warmupEpochs: Double = 0.5
  /// `clip-norm`: the largest global gradient norm; nil leaves gradients as they are.
  package var clipNorm: Double? = 5
  /// `ema`: the decay of the average of the weights; nil keeps none.
  package var ema: Double?
  /// `reduce`: how gradients travel between ranks.
  package var reduction: Reduction = .exact
  /// `shard-optimizer`: each rank keeps and updates a part of the optimizer's state.
  package var shardsOptimizer: Bool = false
  /// `gradient-grid`: the grid of the exact sum.
  package var gradientGrid: GradientGrid = .automatic

  /// `seed`: of everything random but the split.
  package var seed: UInt64 = 1
  /// `evaluate-every`: how often the held-out photos are scored.
  package var evaluateEvery: Interval = .epochs(4)
  /// `pairs`: paths of sets to verify, the one that counts first; none makes pairs from the
  /// held-out people.
  package var pairs: [String] = []
  /// `patience`: evaluations without a better figure after which the run ends; 0 for never.
  package var patience: Int = 0
  /// `flip-test`: embeddings are summed with those of the mirrored photo.
  package var flipTest: Bool = false

  /// `out`: the run folder; nil is a fresh folder under `runs/`.
  package var out: String?
  /// `resume`: where training starts.
  package var resume: ResumeMode = .none
  /// `checkpoint-every`: how often a checkpoint is written; the last step always is.
  package var checkpointEvery: Interval = .epochs(1)
  /// `keep`: how many of the last checkpoints are kept.
  package var keep: Int = 2
  /// `keep-best`: whether the checkpoint of the best evaluation is kept too.
  package var keepBest: Bool = true
  /// `keep-every`: checkpoints at these times are kept for ever.
  package var keepEvery: Interval = .never
  /// `on-full-disk`: what becomes of the run when a checkpoint finds no space.
  package var onFullDisk: FullDiskPolicy = .continue
  /// `watchdog`: seconds after which a rank that gives no sign is named and the job ends; 0 waits
  /// for ever.
  package var watchdogSeconds: Double = WatchLimits.usualSilenceSeconds
  /// `stall`: seconds after which a rank that lives without progress is named and the job ends; 0
  /// waits for ever.
  package var stallSeconds: Double = WatchLimits.usualStallSeconds
  /// `timeline`: path of a picture of what every thread does; nil makes none.
  package var timeline: String?
  /// `tensorboard`: whether event files for TensorBoard are written to the run folder.
  package var writesTensorBoard: Bool = false
  /// `csv`: whether metrics.csv and evaluations.csv are written to the run folder.
  package var writesCSV: Bool = false
  /// `prometheus`: path of a text file of metrics for Prometheus; nil writes none.
  package var prometheus: String?
  /// `quiet`: only receipts on standard output.
  package var quiet: Bool = false
  /// `dry-run`: print the plan and stop.
  package var dryRun: Bool = false
}

extension RunConfiguration {
  /// The embedded demo: every option at its default, which is synthetic faces and a small fast
  /// network.
  package static let demo = RunConfiguration()

  /// No mirror images: the synthetic people are not symmetric.
  private static var demoAugmentation: Augmentation {
    var changes = Augmentation.default
    changes.flip = 0
    changes.erase = 0.2
    return changes
  }
}

extension RunConfiguration {
  /// That of Keras_insightface, beside logits of the scale 64.
  static let usualTeacherWeight = 128.0

  /// Whether the weights depend on the number of ranks, as sums are rounded between them.
  package var dependsOnRanks: Bool { reduction.isLossy }

  /// A path that it names, with its option.
  package typealias Place = (option: String, path: String)

  /// What a run reads beside its photos.
  package var filesRead: [Place] {
    var files: [Place] = []
    func add(_ member: PartialKeyPath<RunConfiguration>, _ path: String?) {
      if let path { files.append((ConfigurationOption.of(member).name, path)) }
    }
    if case .people(let path) = split { add(\.split, path) }
    add(\.exclude, exclude)
    add(\.landmarks, landmarks)
    add(\.teacher, teacher)
    add(\.compatibleWith, compatibleWith)
    for path in pairs { add(\.pairs, path) }
    add(\.initialWeights, initialWeights)
    if case .path(let path) = resume { add(\.resume, path) }
    return files
  }

  /// The relative paths that it names, but for those of its first weights and of `resume`.
  package var relativePlaces: [Place] {
    var places = filesRead.filter { !["init", "resume"].contains($0.option) }
    if case .folder(let path) = data { places.insert(("data", path), at: 0) }
    if let timeline { places.append(("timeline", timeline)) }
    if let prometheus { places.append(("prometheus", prometheus)) }
    return places.filter { !$0.path.hasPrefix("/") }
  }
}

extension RunConfiguration {
  /// The limits of the watch on ranks.
  package var watchLimits: WatchLimits {
    WatchLimits(
      silenceSeconds: watchdogSeconds > 0 ? watchdogSeconds : nil,
      stallSeconds: stallSeconds > 0 ? stallSeconds : nil)
  }
}

extension RunConfiguration {
  /// People and photos of each that a triplet batch is made of, where given or not.
  package var tripletBatch: (people: Int, photos: Int) {
    let photos =
      photosPerPerson
      ?? min(40, max(2, peoplePerBatch.map { batch / $0 } ?? Int(Double(batch).squareRoot())))
    return (peoplePerBatch ?? max(1, batch / photos), photos)
  }
}

extension RunConfiguration {
  /// Whether a run ends that has found nothing better in so many `evaluations`.
  package func isOutOfPatience(after evaluations: Int) -> Bool {
    patience > 0 && evaluations >= patience
  }
}

extension RunConfiguration {
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
}
