internal import Assembly
internal import Collectives
package import Configuration
internal import Datasets
internal import Division
internal import Engine
private import Foundation
internal import Inputs
internal import Kernels
internal import Networks
internal import Scaling
package import Sessions
internal import Threads
internal import Timing

/// What `ddp-train doctor` is asked.
package struct DoctorRequest: Sendable {
  /// Model, loss, batch, data and threads of the job to come.
  package var configuration: RunConfiguration
  /// Classes of the loss head; nil takes those of the data.
  package var classes: Int?
  /// Where the run folder will be.
  package var folder: String
  /// Values of the largest sum.
  package var largestSum = 4 << 20
  /// Seconds of steps before figures count, and of those that do.
  package var spanSeconds = 1.0
  /// Training photos, for how long the run takes; nil leaves that open.
  package var photos: Int?
  /// What to predict beside the job itself; nil for nothing.
  package var prediction: ScalingRequest?

  package init(configuration: RunConfiguration, classes: Int? = nil, folder: String) {
    self.configuration = configuration
    self.classes = classes
    self.folder = folder
  }
}

/// Measures a machine, or the ranks of a job, for a training run to come.
package struct DoctorMeasurement {
  let request: DoctorRequest
  let session: Session
  var communicator: any Communicator { session.communicator }

  package init(_ request: DoctorRequest, session: Session) {
    self.request = request
    self.session = session
  }

  /// Measures on all ranks, at the same time; the report is the same on all of them. Throws what is
  /// wrong with data, run folder or communicator.
  package func run() throws -> DoctorReport {
    var configuration = request.configuration
    // Its photos are looked at, whatever the job is to do.
    configuration.dryRun = false
    try requireFiles(configuration)
    let data = try TrainingData.open(
      configuration, communicator: communicator, pool: session.pool, work: session.work)
    data.notes.tell(session.console)
    let classes = request.classes ?? data.divided.classCount
    func makeProbe(_ configuration: RunConfiguration) -> ComputeProbe {
      ComputeProbe(
        configuration, classes: classes, session: session, spanSeconds: request.spanSeconds)
    }
    let probe = makeProbe(configuration)
    try probe.factory.checkParts(configuration)
    var other = configuration
    other.precision = configuration.precision.other
    let otherProbe = makeProbe(other)
    let teacher = try TeacherProbe(configuration, in: session)
    try MemoryCheck.run(
      neededBytes: max(probe.neededBytes, otherProbe.neededBytes), in: session)
    let ranks = try measureRanks(data, probe, otherProbe, teacher, classes: classes)
    let latency = try latencySeconds()
    let sums = try communicator.size > 1 ? self.sums() : []
    let skew = try clockSkew()
    let valueSeconds = try slowest(ValueProbe.seconds())
    let worlds = HeadWorlds(configuration, classes: classes)
    var fitted = self.fitted(
      ranks, probe, wire: WireFit.fit(sums, latencySeconds: latency, ranks: communicator.size))
    fitted.head = worlds.head(like: fitted.head)
    let load = ScalingModel.Load(
      ranks: communicator.size, threads: session.threads,
      imagesPerRank: (configuration.batch + communicator.size - 1) / communicator.size,
      microbatch: configuration.microbatch, sharedBatch: configuration.batch)
    fitted.head?.isDivided =
      HeadChoice(
        configuration, worlds.factory, ranks: communicator.size, threads: session.threads
      ).isDivided
    let prediction = fitted.predict(load, worlds.design)
    return DoctorReport(
      data: data.name, model: probe.name, parameterCount: worlds.parameterCount,
      batch: configuration.batch,
      microbatch: configuration.microbatch, precision: request.configuration.precision.rawValue,
      ranks: ranks, latencySeconds: latency, sums: sums,
      clockSkewSeconds: skew.skew, clockUncertaintySeconds: skew.uncertainty,
      prediction: prediction,
      predictedImagesPerSecond: Double(configuration.batch) / prediction.step,
      valueSeconds: valueSeconds, fitted: fitted,
      predictions: request.prediction?.rows(
        of: fitted, valueSeconds: valueSeconds, load: load, batch: configuration.batch) ?? [],
      head: fitted.head.map {
        DoctorReport.Head($0, measuredClasses: probe.factory.classCount, fitted, load, worlds)
      },
      headPredictions: request.prediction?.headRows(
        of: fitted, valueSeconds: valueSeconds, load: load, worlds, photos: request.photos) ?? [],
      hours: request.photos.map { worlds.hours(photos: $0, step: prediction.step) })
  }

  /// Throws `ConfigurationError` for a file that the job will read and that is not there.
  private func requireFiles(_ configuration: RunConfiguration) throws {
    for file in configuration.filesRead
    where file.option != "resume" && !FileManager.default.fileExists(atPath: file.path) {
      throw ConfigurationError("--\(file.option) \(file.path): there is no such file or folder")
    }
  }

  /// The model with the figures of the slowest ranks, but for how many classes there are.
  private func fitted(
    _ ranks: [DoctorReport.Rank], _ probe: ComputeProbe, wire: Wire
  ) -> ScalingModel {
    let slowest = ranks.max { $0.imageSeconds < $1.imageSeconds } ?? ranks[0]
    let last = ranks.max { $0.updateSeconds < $1.updateSeconds } ?? ranks[0]
    var seconds = slowest.headSeconds
    seconds?.update = last.headSeconds?.update ?? 0
    return ScalingModel(
      parameterCount: probe.factory.network.parameterCount,
      computeSeconds: slowest.networkSeconds
        + Double(probe.passes) * (ranks.compactMap(\.teacherSeconds).max() ?? 0),
      decodeSeconds: Double(probe.passes) / (ranks.map(\.decodeRate).min() ?? .infinity),
      readSeconds: Double(probe.passes) / (ranks.map(\.photoReadRate).min() ?? .infinity),
      updateSeconds: last.networkUpdateSeconds, valueSeconds: 0, wire: wire,
      head: seconds.map { HeadModel(classes: 1, width: 1, isDivided: false, seconds: $0) })
  }

  /// What each rank measures by itself while all others measure the same.
  private func measureRanks(
    _ data: TrainingData, _ probe: ComputeProbe, _ otherProbe: ComputeProbe,
    _ teacher: TeacherProbe?, classes: Int
  ) throws -> [DoctorReport.Rank] {
    try communicator.barrier()
    let productRate = productRate()
    try communicator.barrier()
    let figures = try probe.run()
    try communicator.barrier()
    let head = probe.headSeconds(figures)
    try communicator.barrier()
    let otherFigures = try otherProbe.run()
    try communicator.barrier()
    let teacherSeconds = teacher?.seconds()
    try communicator.barrier()
    let photos = photoRates(data)
    try communicator.barrier()
    let disk = communicator.localRank == 0 ? try DiskProbe.rates(of: request.folder) : nil
    func imageSeconds(_ figures: ComputeProbe.Figures) -> Double {
      figures.image + Double(classes) * figures.imageOfClass
    }
    let own = DoctorReport.Rank(
      rank: communicator.rank, host: communicator.hostName, threads: session.threads,
      productRate: productRate, imageSeconds: imageSeconds(figures),
      otherImageSeconds: imageSeconds(otherFigures), wayOfPairs: Precision.wayOfPairs,
      updateSeconds: figures.update + Double(classes) * probe.width * figures.updateOfValue,
      networkSeconds: figures.image, networkUpdateSeconds: figures.update, headSeconds: head,
      teacherSeconds: teacherSeconds, decodeRate: photos.decode, photoReadRate: photos.read,
      writeRate: disk?.write,
      readRate: disk?.read)
    return try communicator.allGather(value: own)
  }

  /// Runs `body(worker)` on all workers at once; returns the best seconds of a few rounds.
  private func best(rounds: Int, _ body: @escaping (Int) -> Void) -> Double {
    var best = Double.infinity
    for _ in 0..<rounds {
      let start = Clock.seconds
      session.pool.forEach(session.threads) { worker, _ in body(worker) }
      best = min(best, Clock.seconds - start)
    }
    return best
  }

  private func slowest(_ seconds: Double) throws -> Double {
    Double(try communicator.agreeOnMaximum(Int(min(seconds, 9e3) * 1e15))) * 1e-15
  }

  private func productRate() -> Double {
    let side = 512
    let memories = (0..<session.threads).map { _ in
      (0..<3).map { _ in AlignedMemory.Box(count: side * side) }
    }
    nonisolated(unsafe) let all = memories
    let seconds = best(rounds: 5) { worker in
      let own = all[worker]
      DenseProduct.multiply(
        own[0].pointer, own[1].pointer, rows: side, columns: side, inner: side,
        into: own[2].pointer)
    }
    return 2 * Double(side * side * side) / seconds
  }

  /// Photos that a thread decodes and changes in a second while all do, and photos that the reader
  /// thread of a rank brings before: the best round of decoding, the worst of reading, since what
  /// was read once may be in memory.
  private func photoRates(_ data: TrainingData) -> (decode: Double, read: Double) {
    let loader = SampleLoader(
      data.index, divided: data.divided, source: data.readAhead, preprocessing: data.preprocessing,
      augmentation: request.configuration.augment, seed: 1)
    let decoders = (0..<session.threads).map { _ in loader.makeDecoder() }
    let images = (0..<session.threads).map { _ in AlignedMemory.Box(count: loader.sampleCount) }
    let training = data.divided.training
    let threads = session.threads
    let perThread = max(1, min(64, 256 / threads, training.count / threads))
    let count = perThread * threads
    nonisolated(unsafe) let lent = images
    var reading = 0.0
    var decoding = Double.infinity
    for round in 0..<3 {
      let photos = (0..<count).map { training[(round * count + $0) % training.count] }
      let start = Clock.seconds
      data.readAhead.schedule(photos)
      let fetched = data.readAhead.waitUntilFetched()
      reading = max(reading, (Clock.seconds - start) / Double(max(1, fetched)))
      // Large ones do not all fit into memory; the others would be read again.
      let kept = min(perThread, max(1, fetched / threads))
      decoding = min(
        decoding,
        best(rounds: 1) { worker in
          for i in stride(from: worker, to: kept * threads, by: threads) {
            _ = try? decoders[worker].load(
              photos[i], at: SampleCoordinates(step: 0, slot: i), into: lent[worker].pointer)
          }
        } / Double(kept))
      data.readAhead.discardAll()
    }
    return (1 / decoding, 1 / reading)
  }

  /// Seconds from one rank to another, by the best of many agreements of all.
  private func latencySeconds() throws -> Double {
    var best = Double.infinity
    for _ in 0..<30 {
      let start = Clock.seconds
      _ = try communicator.agreeOnMaximum(0)
      best = min(best, Clock.seconds - start)
    }
    return try slowest(best) / ScalingModel.ways(ofAgreementOf: communicator.size)
  }

  /// Sums of more and more values, through the reducer that trains; the median of a few rounds,
  /// since TCP has good and bad ones and a run meets both.
  private func sums() throws -> [DoctorReport.Sum] {
    var sums: [DoctorReport.Sum] = []
    var values = 1 << 10
    while values <= request.largestSum {
      let reducer = GradientReducer(
        layerRanges: [0..<values], extraCount: 0,
        gradientGrid: SummationGrid(exponent: -36), extraGrid: SummationGrid(exponent: -30),
        bucketBytes: BucketLayout.bucketBytes(ranks: communicator.size), rank: communicator.rank,
        ranks: communicator.size,
        reduction: .exact)
      var rounds: [Double] = []
      for _ in 0..<5 {
        reducer.begin(localMicrobatches: 0, of: 1)
        // A step computes before it sums, and TCP forgets the width of a road that nobody takes.
        if values > 1 << 15 { Thread.sleep(forTimeInterval: 0.3) }
        try communicator.barrier()
        let start = Clock.seconds
        _ = try reducer.reduce(over: communicator, onWait: {})
        rounds.append(Clock.seconds - start)
      }
      let seconds = try slowest(rounds.sorted()[rounds.count / 2])
      sums.append(
        DoctorReport.Sum(
          values: values, seconds: seconds,
          bytesPerSecond: Double(reducer.times.sentBytes) / seconds))
      values *= 8
    }
    return sums
  }

  private func clockSkew() throws -> (skew: Double, uncertainty: Double) {
    let alignment = try ClockAlignment.measure(over: communicator) {
      Date().timeIntervalSince1970
    }
    return (
      (alignment.offsets.max() ?? 0) - (alignment.offsets.min() ?? 0),
      alignment.uncertainties.max() ?? 0
    )
  }
}
