internal import ArgumentParser
internal import Configuration
internal import Datasets
private import Interchange
internal import Preflight
internal import Scaling

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Measures the ranks, and predicts how fast a training run will be on them.",
    discussion: """
      Alone or under mpirun, with the ranks, threads and options of the job to come: matrix \
      product and images/s of every rank, sums over the ranks, decoding, disk, \
      clocks. With --predict a table for other numbers of ranks. docs/scaling.md \
      has the model behind it.

      EXAMPLES
        ddp-train doctor
        mpirun --bind-to none -np 8 ddp-train doctor --model iresnet50 --batch 1024 --data photos
        mpirun --bind-to none -np 8 ddp-train doctor --config lfw.yaml --data photos --json
        ddp-train doctor --model nn1 --loss triplet --threads 1 \\
          --predict 8,64,512,4096 --network 1gbit:50,10gbit:30 \\
          --images-per-rank 256 --threads-per-rank 16
        ddp-train doctor --config casia-r50.yaml --classes 10572 --photos 490623 --threads 1 \\
          --predict 8,32,128 --network 10gbit:30 --same-batch --threads-per-rank 16
      """)

  @Option(config: "A YAML file of options of train") var config: String?

  @OptionGroup(title: "\(Sections.Data.title), as of train")
  var dataOptions: TableOptions<Sections.Data>
  @OptionGroup(title: "\(Sections.Model.title), as of train")
  var modelOptions: TableOptions<Sections.Model>
  @OptionGroup(title: "\(Sections.Triplets.title), as of train")
  var tripletOptions: TableOptions<Sections.Triplets>
  @OptionGroup(title: "\(Sections.Optimizer.title), as of train")
  var optimizerOptions: TableOptions<Sections.Optimizer>
  @OptionGroup(title: "\(Sections.Run.title), as of train; only --out and the watch mean something")
  var runOptions: TableOptions<Sections.Run>

  @Option(
    help: ArgumentHelp(
      "Classes of the loss head; without it those of the data, or 10,000.", valueName: "n"))
  var classes: Int?

  @Option(
    help: ArgumentHelp(
      "Training photos, for the hours of the run; they need not lie here.", valueName: "n"))
  var photos: Int?

  @Option(
    help: ArgumentHelp("Numbers of ranks to predict, with commas between.", valueName: "list"))
  var predict: String?

  @Option(
    help: ArgumentHelp(
      """
      Networks of the prediction, with commas between: rate and microseconds from rank to rank, \
      such as 10gbit:30, and as a third figure those that a message costs its rank (without it \
      half of them); without networks the one between these ranks.
      """,
      valueName: "rate:latency,..."))
  var network: String?

  @Option(
    help: ArgumentHelp(
      "Samples of a step on each rank of the prediction; without them the batch of one.",
      valueName: "list"))
  var imagesPerRank: String?

  @Flag(help: "The batch of the job whatever the ranks, in the place of as many samples on each.")
  var sameBatch = false

  @Option(
    help: ArgumentHelp(
      "Threads of each rank of the prediction, as fast as one here; without it as many as here.",
      valueName: "t"))
  var threadsPerRank: Int?

  @Flag(help: "The report as one JSON object.")
  var json = false

  func validate() throws {
    try Checks.positive(classes, "--classes", atMost: 1_000_000_000)
    try Checks.positive(photos, "--photos", atMost: 1_000_000_000_000)
    try Checks.positive(threadsPerRank, "--threads-per-rank", atMost: 1_000_000)
    if predict == nil,
      network != nil || imagesPerRank != nil || threadsPerRank != nil || sameBatch
    {
      throw ValidationError(
        "--network, --images-per-rank, --same-batch and --threads-per-rank belong to --predict")
    }
    if sameBatch, imagesPerRank != nil {
      throw ValidationError(
        "--same-batch and --images-per-rank say how many samples a rank has; give one of them")
    }
    _ = try prediction()
  }

  /// What --predict and the options that belong to it ask; nil without it.
  private func prediction() throws -> ScalingRequest? {
    guard let predict else { return nil }
    var request = ScalingRequest(
      ranks: try Self.counts(predict, "--predict"),
      imagesPerRank: try imagesPerRank.map { try Self.counts($0, "--images-per-rank") } ?? [],
      threads: threadsPerRank,
      networks: try (network ?? "").split(separator: ",").map { try Self.network(String($0)) })
    request.sharesBatch = sameBatch
    return request
  }

  private static func counts(_ list: String, _ option: String) throws -> [Int] {
    try list.split(separator: ",").map { text in
      guard let count = Int(text), (1...1_000_000).contains(count) else {
        throw ValidationError("\(option) '\(text)' is not a number from 1 to 1,000,000")
      }
      return count
    }
  }

  /// A network as RATE:LATENCY[:MESSAGE], times in microseconds.
  private static func network(_ text: String) throws -> ScalingRequest.Network {
    let parts = text.lowercased().split(separator: ":", omittingEmptySubsequences: false)
    let units = [("gbit", 1e9), ("mbit", 1e6)]
    let times = parts.dropFirst().map { DecimalNumber.read($0) ?? -1 }
    guard (1...2).contains(times.count), times.allSatisfy({ $0 > 0 && $0.isFinite }),
      let (unit, factor) = units.first(where: { parts[0].hasSuffix($0.0) }),
      let rate = DecimalNumber.read(parts[0].dropLast(unit.count)), rate > 0
    else {
      throw ValidationError(
        "--network '\(text)' is not RATE:LATENCY, such as 10gbit:30 (microseconds)")
    }
    return ScalingRequest.Network(
      name: text,
      wire: Wire(
        bytesPerSecond: rate * factor / 8,
        messageSeconds: 1e-6 * (times.count > 1 ? times[1] : times[0] / 2),
        latencySeconds: 1e-6 * times[0]))
  }

  func run() throws {
    var flags =
      dataOptions.given + modelOptions.given + tripletOptions.given + optimizerOptions.given
      + runOptions.given
    var classes = classes
    let data = ConfigurationOption.of(\.data).name
    if config == nil, !flags.contains(where: { $0.key == data }) {
      // Enough faces to time their decoding; drawing the demo's would take longer than the rest.
      flags.append(.flag(\.data, .synthetic(SyntheticData(people: 16, photos: 4, size: 160))))
      flags.append(.flag(\.split, .all))
      classes = classes ?? 10_000
    }
    let configuration = try RunConfiguration.resolve(
      file: config, flags: flags)
    guard configuration.resume == .none else {
      throw ValidationError(
        "doctor begins no run and goes on with none: leave --resume out, and give the run's own "
          + "options by --config RUN/config.yaml")
    }
    var request = DoctorRequest(
      configuration: configuration, classes: classes, folder: configuration.out ?? ".")
    request.photos = photos
    request.prediction = try prediction()
    let code = Dispatch.answer { try request.answer(asJSON: json, over: $0) }
    if code != 0 { throw ExitCode(code) }
  }
}
