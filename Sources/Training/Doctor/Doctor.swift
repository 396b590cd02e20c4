internal import Collectives
internal import Datasets
private import Foundation
private import Glibc
internal import Kernels
internal import Networks
internal import Optimizers

/// What `ddp-train doctor` is asked.
package struct DoctorRequest: Sendable {
  /// Model, batch, data and threads of the job to come.
  package var configuration: RunConfiguration
  /// Classes of the loss head.
  package var classes: Int
  /// Where the run folder will be.
  package var folder: String
  /// Values of the largest sum.
  package var largestSum = 4 << 20
  /// What to predict beside the job itself; nil for nothing.
  package var prediction: Prediction?

  package init(configuration: RunConfiguration, classes: Int, folder: String) {
    self.configuration = configuration
    self.classes = classes
    self.folder = folder
  }
}

/// Measures a machine, or the ranks of a job, for a training run to come.
package struct Doctor {
  private let request: DoctorRequest
  private let session: Session
  private var communicator: any Communicator { session.communicator }

  package init(_ request: DoctorRequest, session: Session) {
    self.request = request
    self.session = session
  }

  /// Measures on all ranks, at the same time; the report is the same on all of them.
  package func run() throws -> DoctorReport {
    let factory = ModelFactory(request.configuration, classCount: request.classes)
    try communicator.barrier()
    let productRate = productRate()
    try communicator.barrier()
    let (imageSeconds, updateSeconds) = try compute(factory)
    try communicator.barrier()
    let decodeRate = try decodeRate()
    try communicator.barrier()
    let disk = communicator.localRank == 0 ? try diskRates() : nil
    let own = DoctorReport.Rank(
      rank: communicator.rank, host: communicator.hostName, threads: session.threads,
      productRate: productRate, imageSeconds: imageSeconds, updateSeconds: updateSeconds,
      decodeRate: decodeRate, writeRate: disk?.write, readRate: disk?.read)
    let ranks = try communicator.allGather(Array(JSONEncoder().encode(own))).map {
      try JSONDecoder().decode(DoctorReport.Rank.self, from: Data($0))
    }
    let agreement = try agreementSeconds()
    let sums = try communicator.size > 1 ? self.sums() : []
    let skew = try clockSkew()
    let parameterCount = factory.network.parameterCount + factory.objective.parameterCount
    let fitted = WireFit.fit(sums, agreementSeconds: agreement, ranks: communicator.size)
      .model(
        parameterCount: parameterCount,
        imageSeconds: ranks.map(\.imageSeconds).max() ?? imageSeconds,
        updateSeconds: ranks.map(\.updateSeconds).max() ?? updateSeconds)
    let valueSeconds = try slowest(valueSeconds())
    let configuration = request.configuration
    let imagesPerRank = (configuration.batch + communicator.size - 1) / communicator.size
    // The image's seconds were measured while all ranks computed: shared cores are in them.
    let prediction = fitted.predict(
      ScalingModel.Load(
        ranks: communicator.size, threads: session.threads, imagesPerRank: imagesPerRank,
        microbatch: configuration.microbatch),
      ScalingModel.Design(
        configuration.reduction, isSharded: configuration.shardsOptimizer))
    return DoctorReport(
      model: factory.network.name, parameterCount: parameterCount, batch: configuration.batch,
      microbatch: configuration.microbatch, ranks: ranks, agreementSeconds: agreement, sums: sums,
      clockSkewSeconds: skew.skew, clockUncertaintySeconds: skew.uncertainty,
      prediction: prediction,
      predictedImagesPerSecond: Double(configuration.batch) / prediction.step,
      valueSeconds: valueSeconds,
      decodeIsHidden: ranks.allSatisfy { 1 / $0.decodeRate < 0.1 * $0.imageSeconds },
      fitted: fitted)
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
    Double(try communicator.agreeOnMaximum(Int(seconds * 1e15))) * 1e-15
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

  /// Seconds of an image on one thread while all compute, and of an update, by the engine that trains.
  private func compute(_ factory: ModelFactory) throws -> (image: Double, update: Double) {
    let configuration = request.configuration
    let optimizer = configuration.optimizerValue
    let state = factory.makeState(optimizerVectorCount: optimizer.stateVectorCount)
    let solo = SoloCommunicator()
    let rows = min(configuration.microbatch, configuration.batch)
    // Triplets need all embeddings of a batch; the network costs the same by itself.
    guard factory.objective.head != nil else {
      throw ConfigurationError(
        origin: "--loss", "doctor measures losses with a head; give another loss, such as arcface")
    }
    let engine = StepEngine(
      network: factory.network, objective: factory.objective, state: state,
      groups: factory.groups(decaysNormAndBias: configuration.decaysNormAndBias),
      optimizer: optimizer, pool: session.pool, communicator: solo,
      gradientGrid: SummationGrid(exponent: configuration.gridExponent(microbatches: 64)),
      bucketBytes: 8 << 20, microbatch: rows, seed: 1)
    state.initialize(seed: 1, pool: session.pool)
    let count = factory.network.image.shape.count
    let classes = request.classes
    var image = Double.infinity
    var update = Double.infinity
    for step in 0..<3 {
      let samples = session.threads * rows
      let batch = StepBatch(
        step: step, epoch: 0, samples: Array(0..<samples),
        microbatches: Microbatches.cut(samples, microbatch: rows), marginFactor: 1)
      _ = try engine.computeGradients(of: batch) { _, _, slot, image, _ in
        for i in 0..<count { image[i] = Float((i &* 31 &+ slot &* 17) % 255) / 127 - 1 }
        return (Int32(slot % classes), false)
      }
      _ = try engine.applyUpdate(
        sampleCount: samples, index: step, rates: LearningRates(backbone: 1e-6, head: 1e-6),
        clipping: nil)
      guard step > 0 else { continue }
      let seconds = engine.seconds
      image = min(
        image,
        (seconds[.forward] + seconds[.head] + seconds[.backward] + seconds[.summation])
          / Double(rows))
      update = min(update, seconds[.update])
    }
    return (image, update)
  }

  private func decodeRate() throws -> Double {
    let data = try TrainingData(
      request.configuration, communicator: communicator, pool: session.pool)
    let loader = SampleLoader(
      data.index, divided: data.divided, source: data.source, preprocessing: data.preprocessing,
      augmentation: request.configuration.augment, seed: 1)
    let decoders = (0..<session.threads).map { _ in loader.makeDecoder() }
    let images = (0..<session.threads).map { _ in AlignedMemory.Box(count: loader.sampleCount) }
    let training = data.divided.training
    let perThread = min(64, training.count)
    nonisolated(unsafe) let lent = images
    let seconds = best(rounds: 3) { worker in
      for i in 0..<perThread {
        _ = try? decoders[worker].load(
          training[(worker * perThread + i) % training.count],
          at: SampleCoordinates(step: 0, slot: i), into: lent[worker].pointer)
      }
    }
    return Double(perThread) / seconds
  }

  /// 64 MiB written to the folder of the run, synced, and read from the disk.
  private func diskRates() throws -> (write: Double, read: Double) {
    let path = "\(request.folder)/.ddp-train-doctor-\(getpid())"
    let bytes = [UInt8](repeating: 0x5A, count: 64 << 20)
    defer { unlink(path) }
    let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    guard file >= 0 else { throw RunFolderError.unwritable(path: request.folder, code: errno) }
    defer { close(file) }
    let start = Clock.seconds
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress! + done, bytes.count - done)
      }
      guard count > 0 else { throw RunFolderError.unwritable(path: path, code: errno) }
      done += count
    }
    guard fsync(file) == 0 else { throw RunFolderError.unwritable(path: path, code: errno) }
    let writeSeconds = Clock.seconds - start
    // So that what is read comes from the disk, where the system listens.
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)
    let readStart = Clock.seconds
    var buffer = [UInt8](repeating: 0, count: 4 << 20)
    lseek(file, 0, SEEK_SET)
    while Glibc.read(file, &buffer, buffer.count) > 0 {}
    return (
      Double(bytes.count) / writeSeconds, Double(bytes.count) / (Clock.seconds - readStart)
    )
  }

  private func agreementSeconds() throws -> Double {
    var best = Double.infinity
    for _ in 0..<30 {
      let start = Clock.seconds
      _ = try communicator.agreeOnMaximum(0)
      best = min(best, Clock.seconds - start)
    }
    return try slowest(best)
  }

  /// Sums of more and more values, through the reducer that trains; the best of a few rounds.
  private func sums() throws -> [DoctorReport.Sum] {
    var sums: [DoctorReport.Sum] = []
    var values = 1 << 10
    while values <= request.largestSum {
      let reducer = GradientReducer(
        layerRanges: [0..<values], extraCount: 0,
        gradientGrid: SummationGrid(exponent: -36), extraGrid: SummationGrid(exponent: -30),
        bucketBytes: StepEngine.bucketBytes(ranks: communicator.size), rank: communicator.rank,
        ranks: communicator.size,
        reduction: .exact)
      var best = Double.infinity
      for _ in 0..<5 {
        reducer.begin(localMicrobatches: 0, of: 1)
        try communicator.barrier()
        let start = Clock.seconds
        _ = try reducer.reduce(over: communicator, onWait: {})
        best = min(best, Clock.seconds - start)
      }
      let seconds = try slowest(best)
      sums.append(
        DoctorReport.Sum(
          values: values, seconds: seconds,
          bytesPerSecond: Double(reducer.times.sentBytes) / seconds))
      values *= 8
    }
    return sums
  }

  /// Seconds of packing and adding a value, on one thread while all ranks do.
  private func valueSeconds() -> Double {
    let count = 1 << 20
    let sums = AlignedDoubles(count: count, fill: 1)
    let bytes = AlignedMemory(count: 2 * count, fill: 0)
    let grid = SummationGrid(exponent: -36)
    var best = Double.infinity
    for _ in 0..<3 {
      let start = Clock.seconds
      WireKernel.pack48(sums.pointer, count: count, grid: grid, into: bytes.pointer)
      WireKernel.add48(bytes.pointer, count: count, grid: grid, addingTo: sums.pointer)
      best = min(best, Clock.seconds - start)
    }
    return best / Double(2 * count)
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

/// What sums of different lengths say about the wire: seconds = messages + bytes / rate.
struct WireFit {
  let bytesPerSecond: Double
  let messageSeconds: Double
  let agreementSeconds: Double

  /// The rate from the longest sum beyond the shortest, the cost of a message from the shortest.
  static func fit(
    _ sums: [DoctorReport.Sum], agreementSeconds: Double, ranks: Int
  ) -> WireFit {
    let perDoubling = ranks > 1 ? agreementSeconds / log2(Double(ranks)) : agreementSeconds
    guard let short = sums.first, let long = sums.last, sums.count > 1, ranks > 1 else {
      return WireFit(
        bytesPerSecond: .infinity, messageSeconds: 0, agreementSeconds: perDoubling)
    }
    let messages = max(0, short.seconds - agreementSeconds) / Double(2 * (ranks - 1))
    let buckets = max(
      1, (Double(long.values) / ScalingModel.bucketValues(ranks: ranks)).rounded(.down))
    let fixed = buckets * (agreementSeconds + 2 * Double(ranks - 1) * messages)
    return WireFit(
      bytesPerSecond: long.bytesPerSecond * long.seconds
        / max(long.seconds - fixed, 0.1 * long.seconds),
      messageSeconds: messages, agreementSeconds: perDoubling)
  }

  /// The model with this wire; packing and adding values is in the rate that was fitted.
  func model(
    parameterCount: Int, imageSeconds: Double, updateSeconds: Double
  ) -> ScalingModel {
    ScalingModel(
      parameterCount: parameterCount, imageSeconds: imageSeconds, updateSeconds: updateSeconds,
      valueSeconds: 0, bytesPerSecond: bytesPerSecond,
      messageSeconds: messageSeconds, agreementSeconds: agreementSeconds)
  }
}
