internal import Assembly
internal import Configuration
internal import Datasets
internal import Engine
internal import Losses
internal import Networks
internal import Scaling

/// A job's network and class weights in any world, without any memory for them.
struct HeadWorlds {
  let configuration: RunConfiguration
  let classes: Int
  let factory: ModelFactory

  /// The job of `configuration` for `classes` people.
  init(_ configuration: RunConfiguration, classes: Int) {
    self.configuration = configuration
    self.classes = classes
    var single = configuration
    single.compatibleWith = nil
    factory = ModelFactory(single, classCount: classes)
  }

  /// Floats of all parameters, class weights included.
  var parameterCount: Int { factory.network.parameterCount + factory.objective.parameterCount }

  /// How the job's ranks reduce and update.
  var design: ScalingModel.Design {
    ScalingModel.Design(configuration.reduction, isSharded: configuration.shardsOptimizer)
  }

  /// The job's head, with what `measured` has cost; nil without one.
  func head(like measured: HeadModel?) -> HeadModel? {
    guard let measured, let head = factory.objective.head else { return nil }
    return HeadModel(
      classes: classes, centres: configuration.subCentres, width: head.dimension,
      share: configuration.sampleClasses,
      passes: configuration.passes, isDivided: false, seconds: measured.seconds)
  }

  /// Bytes of the first rank of `load` and its threads.
  func rankBytes(_ load: ScalingModel.Load, isDivided: Bool) -> Int {
    var configuration = configuration
    configuration.batch = load.batch
    configuration.compatibleWith = nil
    var factory = ModelFactory(configuration, classCount: classes)
    factory.divideHead(isDivided, configuration)
    let memory = factory.memory(
      configuration, rank: 0, ranks: load.ranks, threads: load.threads)
    return memory.rankBytes + load.threads * memory.workerBytes
  }

  /// The steps of `model` in `load`, with a divided head and with a whole one, and which of both
  /// the job has: as it says, or the faster one.
  func steps(
    _ model: ScalingModel, _ load: ScalingModel.Load
  ) -> (divided: ScalingModel.Prediction, whole: ScalingModel.Prediction, isDivided: Bool) {
    let (divided, whole) = (
      model.with(dividedHead: true).predict(load, design),
      model.with(dividedHead: false).predict(load, design)
    )
    return (
      divided, whole, configuration.dividesHead ?? (load.ranks > 1 && divided.step < whole.step)
    )
  }

  /// Hours of a run of `photos` training photos whose steps of `batch` samples take `step` seconds.
  func hours(photos: Int, batch: Int? = nil, step: Double) -> Double {
    let course = EpochCourse(count: photos, batch: batch ?? configuration.batch)
    return Double(configuration.totalSteps(in: course)) * step / 3600
  }
}
