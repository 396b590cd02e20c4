internal import ArgumentParser
private import Training

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Measures the ranks, and predicts how fast a training run will be on them.",
    discussion: """
      Alone or under mpirun, with the ranks and threads of the job to come: matrix \
      product and images/s of every rank, sums over the ranks, decoding, disk, \
      clocks. With --predict a table for other numbers of ranks. docs/scaling.md \
      has the model behind it.

      EXAMPLES
        ddp-train doctor
        mpirun -np 8 ddp-train doctor --model iresnet50 --batch 1024 --data photos
        mpirun -np 8 ddp-train doctor --config lfw.yaml --data photos --json
        ddp-train doctor --model nn1 --predict 8,64,512,4096 --network 10gbit:30
      """)

  @Option(help: "A YAML file of options of train.", completion: .file(extensions: ["yaml", "yml"]))
  var config: String?

  @Option(
    help: ArgumentHelp(
      "An image folder, or synthetic[:people=N,photos=M,size=S].", valueName: "dir|synthetic"),
    completion: .directory)
  var data: String?

  @Option(help: ArgumentHelp("The network.", valueName: "name"))
  var model: String?

  @Option(help: ArgumentHelp("Height and width of its input.", valueName: "s"))
  var imageSize: String?

  @Option(help: ArgumentHelp("Classes of the loss head.", valueName: "n"))
  var classes = 10_000

  @Option(help: ArgumentHelp("Samples of a step, over all ranks.", valueName: "b"))
  var batch: String?

  @Option(help: ArgumentHelp("Samples that a worker computes at once.", valueName: "b"))
  var microbatch: String?

  @Option(help: ArgumentHelp("Compute threads of a rank.", valueName: "t"))
  var threads: String?

  @Option(
    help: ArgumentHelp("How gradients travel between ranks.", valueName: "name"),
    completion: .list(["exact", "fp32", "bf16"]))
  var reduce: String?

  @Flag(inversion: .prefixedNo, help: "Each rank keeps a part of the optimizer's state.")
  var shardOptimizer: Bool?

  @Option(
    help: ArgumentHelp("Where the run folder will be.", valueName: "dir"), completion: .directory)
  var out = "."

  @Option(
    help: ArgumentHelp("Numbers of ranks to predict, with commas between.", valueName: "list"))
  var predict: String?

  @Option(
    help: ArgumentHelp(
      "The network of the prediction, such as 10gbit:30 with the microseconds of a message; "
        + "without it the one between these ranks.",
      valueName: "rate:latency"))
  var network: String?

  @Option(
    help: ArgumentHelp(
      "Samples of a step on each rank of the prediction; without it the batch of one.",
      valueName: "b"))
  var imagesPerRank: Int?

  @Flag(help: "The report as one JSON object.")
  var json = false

  func validate() throws {
    try Checks.positive(classes, "--classes")
    try Checks.positive(imagesPerRank, "--images-per-rank")
    guard predict != nil else {
      if network != nil || imagesPerRank != nil {
        throw ValidationError("--network and --images-per-rank belong to --predict")
      }
      return
    }
    _ = try ranks()
    _ = try networkRates()
    if json { throw ValidationError("--predict prints a table; remove --json") }
  }

  private func ranks() throws -> [Int] {
    try (predict ?? "").split(separator: ",").map { text in
      guard let count = Int(text), (1...1_000_000).contains(count) else {
        throw ValidationError("--predict '\(text)' is not a number of ranks")
      }
      return count
    }
  }

  /// Bytes a second and seconds of a message.
  private func networkRates() throws -> (Double, Double)? {
    guard let network else { return nil }
    let parts = network.lowercased().split(separator: ":")
    let units = [("gbit", 1e9), ("mbit", 1e6)]
    guard parts.count == 2, let latency = Double(parts[1]), latency > 0,
      let (unit, factor) = units.first(where: { parts[0].hasSuffix($0.0) }),
      let rate = Double(parts[0].dropLast(unit.count)), rate > 0
    else {
      throw ValidationError(
        "--network '\(network)' is not RATE:LATENCY, such as 10gbit:30 (microseconds)")
    }
    return (rate * factor / 8, latency * 1e-6)
  }

  func run() throws {
    var flags: [ConfigurationAssignment] = []
    for (key, value) in [
      ("data", data), ("model", model), ("image-size", imageSize), ("batch", batch),
      ("microbatch", microbatch), ("threads", threads), ("reduce", reduce),
      ("shard-optimizer", shardOptimizer.map { $0 ? "true" : "false" }),
    ] {
      if let value { flags.append(.flag(key, value)) }
    }
    if config == nil, data == nil {
      // Enough faces to time their decoding; drawing the demo's would take longer than the rest.
      flags.append(.flag("data", "synthetic:people=16,photos=4,size=160"))
      flags.append(.flag("split", "all"))
    }
    var request = DoctorRequest(
      configuration: try RunConfiguration.resolve(
        file: config, flags: flags, modelNames: Dispatch.modelNames),
      classes: classes, folder: out)
    if predict != nil {
      request.prediction = DoctorRequest.Prediction(
        ranks: try ranks(), imagesPerRank: imagesPerRank,
        network: try networkRates().map { .init(bytesPerSecond: $0.0, messageSeconds: $0.1) })
    }
    let code = Dispatch.doctor(request, asJSON: json)
    if code != 0 { throw ExitCode(code) }
  }
}
