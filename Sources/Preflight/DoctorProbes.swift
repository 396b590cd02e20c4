internal import Assembly
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
internal import Engine
private import Glibc
internal import Interchange
internal import Kernels
internal import Losses
internal import Networks
internal import Optimizers
internal import Scaling
internal import Sessions
internal import Threads
internal import Timing

/// Times images and updates by the engine that trains, on one rank by itself.
struct ComputeProbe {
  /// Numbers of a head that is measured, at most: more of them take as long each.
  static let headValues = 1 << 24
  /// Steps of the smallest networks are many.
  private static let stepLimit = 10_000
  /// Seconds of an image on one thread, loss and sums included, and of an update.
  struct Figures {
    /// Without class weights.
    var image = 0.0
    /// Without them.
    var update = 0.0
    /// Of an image at one row of the weights of a whole head, with the sums of its gradient.
    var imageOfClass = 0.0
    /// Of one number of the class weights.
    var updateOfValue = 0.0
  }

  let factory: ModelFactory
  private let configuration: RunConfiguration
  private let session: Session
  private let rows: Int
  private let samples: Int
  private let wholeBatch: Int
  private let spanSeconds: Double

  /// The model and loss of `configuration` for `classes` people, or as many of them as are
  /// measured, over as many samples as all workers take at once, for `spanSeconds` before figures
  /// count and as long of those that do.
  init(
    _ configuration: RunConfiguration, classes: Int, session: Session, spanSeconds: Double
  ) {
    self.spanSeconds = spanSeconds
    rows = min(configuration.microbatch, configuration.batch)
    wholeBatch = configuration.batch
    samples = session.threads * rows
    var configuration = configuration
    configuration.batch = samples
    // An older network's embeddings cost nothing that could be told from the rest.
    configuration.compatibleWith = nil
    // There is nobody to send rounded gradients to.
    configuration.reduction = .exact
    configuration.head = .whole
    configuration.sampleClasses = 1
    self.configuration = configuration
    self.session = session
    let width = configuration.embedding ?? configuration.model.embedding
    factory = ModelFactory(
      configuration,
      classCount: min(classes, max(2, Self.headValues / width / configuration.subCentres)))
  }

  /// Bytes of this rank while images are timed.
  var neededBytes: Int {
    let memory = factory.memory(configuration, rank: 0, ranks: 1, threads: session.threads)
    let head = factory.objective.head as? MarginSoftmaxHead
    return max(
      memory.rankBytes + session.threads * memory.workerBytes,
      head.map { HeadProbe.neededBytes($0, samples: wholeBatch) } ?? 0)
  }

  var name: String { factory.network.name }
  /// Numbers of a row of the class weights; 0 without any.
  var width: Double { Double(factory.objective.head?.dimension ?? 0) }

  /// What a head costs, whole as in `figures` and divided as it is measured here; nil without one.
  func headSeconds(_ figures: Figures) -> HeadModel.Seconds? {
    guard let head = factory.objective.head as? MarginSoftmaxHead else { return nil }
    var seconds = HeadProbe(
      head, samples: wholeBatch, microbatch: configuration.microbatch, session: session
    ).run()
    seconds.whole = figures.imageOfClass
    seconds.update = figures.updateOfValue
    return seconds
  }

  /// How often a step loads each photo.
  var passes: Int { factory.objective.passes }

  /// Seconds of an image on one thread while all compute, and of an update; the medians of
  /// the steps of a span, at least three, after as long for processor and memory to warm.
  func run() throws -> Figures {
    let count = factory.network.image.shape.count
    let classes = factory.classCount
    let samples = ComputedSamples { slot, _, image in
      for i in 0..<count { image[i] = Float((i &* 31 &+ slot &* 17) % 255) / 127 - 1 }
      // Two photos of each person, for triplets.
      return Int32(slot / 2 % classes)
    }
    let engine = StepEngine(
      factory.makeReplica(
        configuration, gridExponent: configuration.gridExponent(microbatches: 64), seed: 1),
      in: World(pool: session.pool, communicator: SoloCommunicator()), samples: samples)
    engine.initialize()
    var images: [Double] = []
    var heads: [Double] = []
    var updates: [Double] = []
    // Sums and updates are as long as what they are of.
    let headShare =
      Double(factory.objective.parameterCount)
      / Double(factory.objective.parameterCount + factory.network.parameterCount)
    let start = Clock.seconds
    var warmAt = start
    for step in 0..<Self.stepLimit {
      try run(step, on: engine)
      let now = Clock.seconds
      if step == 0 || now - start < spanSeconds {
        warmAt = now
        continue
      }
      let seconds = engine.seconds
      let head = factory.objective.head == nil ? 0 : seconds[.head]
      heads.append((head + headShare * seconds[.summation]) / Double(rows))
      images.append(
        (seconds[.forward] + seconds[.head] - head + seconds[.backward]
          + (1 - headShare) * seconds[.summation]) / Double(rows))
      updates.append(seconds[.update])
      if images.count >= 3, now - warmAt > spanSeconds { break }
    }
    let update = median(updates)
    guard let head = factory.objective.head, headShare > 0 else {
      return Figures(image: median(images), update: update)
    }
    return Figures(
      image: median(images), update: (1 - headShare) * update,
      imageOfClass: median(heads) / Double(head.rowCount),
      updateOfValue: headShare * update / (Double(head.rowCount) * width))
  }

  private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  private func run(_ step: Int, on engine: StepEngine) throws {
    let batch = StepBatch(
      step: step, epoch: 0, samples: Array(0..<samples),
      microbatches: Microbatches.cut(samples, microbatch: rows), marginFactor: 1,
      request: mining(step: step))
    _ = try engine.computeGradients(of: batch)
    _ = try engine.applyUpdate(
      sampleCount: samples, index: step, rates: LearningRates(backbone: 1e-6, head: 1e-6),
      clipping: nil)
  }

  /// All triplets of the batch, with a margin that leaves none without loss; nil for other losses.
  private func mining(step: Int) -> MiningRequest? {
    guard factory.objective.head == nil else { return nil }
    return MiningRequest(mode: .all, margin: 4, seed: 1, step: step)
  }
}

/// Times the packing and adding of values that go over the wire.
enum ValueProbe {
  /// Seconds of a value on one thread, the best of a few rounds.
  static func seconds() -> Double {
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
}

/// Times the disk that a run folder is to be on.
enum DiskProbe {
  /// The folder `path`, or the nearest above it that is there: a run makes the rest.
  static func nearestFolder(to path: String) -> String {
    var path = path
    while access(path, F_OK) != 0 {
      guard let slash = path.lastIndex(of: "/") else { return "." }
      path = slash == path.startIndex ? "/" : String(path[..<slash])
    }
    return path
  }

  /// Bytes a second of 64 MiB written to `folder`, or where it will be, and synced, and read back
  /// from the disk; throws `InterchangeError.unwritable`.
  static func rates(of folder: String) throws -> (write: Double, read: Double) {
    let folder = nearestFolder(to: folder)
    let path = "\(folder)/.ddp-train-doctor-\(getpid())"
    let bytes = [UInt8](repeating: 0x5A, count: 64 << 20)
    defer { unlink(path) }
    let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    guard file >= 0 else {
      throw InterchangeError.unwritable(
        path: folder, reason: String(cString: strerror(errno)))
    }
    defer { close(file) }
    let start = Clock.seconds
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress! + done, bytes.count - done)
      }
      guard count > 0 else {
        throw InterchangeError.unwritable(
          path: path, reason: String(cString: strerror(errno)))
      }
      done += count
    }
    guard fsync(file) == 0 else {
      throw InterchangeError.unwritable(
        path: path, reason: String(cString: strerror(errno)))
    }
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
}
