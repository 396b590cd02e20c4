internal import ArgumentParser
internal import Configuration
internal import Datasets
private import Interchange
internal import Measuring

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Scores a checkpoint, or stored embeddings.",
    discussion: """
      EXAMPLES
        ddp-train evaluate runs/lfw --data photos --pairs pairs.txt
        mpirun --bind-to none -np 4 ddp-train evaluate runs/lfw --data photos --split people:peopleDevTest.txt
        ddp-train evaluate --embeddings faces.npy --names faces.txt --pairs pairs.txt
        ddp-train evaluate --embeddings faces.npz --pairs pairs.txt
        ddp-train evaluate runs/ms1m --pairs lfw.bin --pairs cfp_fp.bin --pairs agedb_30.bin
        ddp-train evaluate runs/lfw --data photos --pairs pairs.txt --threshold-at-far 1e-3
        ddp-train evaluate runs/lfw --data photos --pairs pairs.txt --subsets groups.txt --quality norm --html page.html
      """)

  @Argument(
    help: "A checkpoint file, or a run folder (its newest good one).", completion: .file(),
    transform: UserPath.read)
  var checkpoint: String?

  @Option(as: \.data) var data: DataSource?

  @Option(as: \.pairs) var pairs: [String] = []

  @Option(as: \.split, "The split whose measuring part is scored, as in train")
  var split: DataSplit?

  @Option(as: \.splitSeed) var splitSeed: UInt64?

  @Option(as: \.minPhotos) var minPhotos: Int?

  @Option(as: \.exclude) var exclude: String?

  @Option(as: \.landmarks) var landmarks: String?

  @OptionGroup var stored: EmbeddingArguments

  @OptionGroup var network: NetworkArguments

  @Flag(help: "Keep the threshold chosen here in the checkpoint, for verify and cluster.")
  var storeThreshold = false

  @Option(
    help: ArgumentHelp(
      "Keep the threshold that accepts at most this share of pairs of two people, such as 1e-4.",
      valueName: "rate"))
  var thresholdAtFar: Double?

  @Option(
    help: ArgumentHelp(
      "Lines 'person subset' or 'path subset', or FILE:column: each subset by itself.",
      valueName: "file"), completion: .file(), transform: UserPath.read)
  var subsets: String?

  @Option(
    help: ArgumentHelp(
      "Error against discard by 'norm' of embeddings, or by FILE.csv[:column] of name and quality.",
      valueName: "norm|file"), completion: .file(),
    transform: { $0 == "norm" ? $0 : try UserPath.read($0) })
  var quality: String?

  @Option(
    help: ArgumentHelp(
      "A page with the curves, the tables and the worst pairs to write.", valueName: "file"),
    completion: .file(extensions: ["html"]), transform: UserPath.read)
  var html: String?

  @Option(as: \.threads) var threads: Int?

  @Flag(help: "Only figures on standard output.")
  var quiet = false

  func validate() throws {
    try stored.check()
    if let thresholdAtFar, !(thresholdAtFar > 0 && thresholdAtFar < 1) {
      throw ValidationError("--threshold-at-far \(thresholdAtFar) is no rate between 0 and 1")
    }
    if stored.embeddings != nil {
      try refuse("CHECKPOINT", checkpoint != nil, beside: "--embeddings")
      try refuse("--data", data != nil, beside: "--embeddings")
      try refuse("--split", split != nil, beside: "--embeddings")
      try refuse("--split-seed", splitSeed != nil, beside: "--embeddings")
      try refuse("--min-photos", minPhotos != nil, beside: "--embeddings")
      try refuse("--exclude", exclude != nil, beside: "--embeddings")
      try refuse("--landmarks", landmarks != nil, beside: "--embeddings")
      try refuse("--flip-test", network.flipTest != nil, beside: "--embeddings")
      try refuse("--max-bad", network.maxBad != nil, beside: "--embeddings")
      try refuse("--precision", network.precision != nil, beside: "--embeddings")
      try refuse("--weights", network.weights != .raw, beside: "--embeddings")
      try refuse("--store-threshold", storeThreshold, beside: "--embeddings")
      try refuse("--threshold-at-far", thresholdAtFar != nil, beside: "--embeddings")
      guard !pairs.isEmpty else { throw ValidationError("--embeddings needs --pairs FILE") }
    } else {
      // The threshold that a checkpoint keeps is for its raw weights, by which tasks embed.
      try refuse(
        "--store-threshold", storeThreshold && network.weights != .raw, beside: "--weights ema")
      try refuse(
        "--threshold-at-far", thresholdAtFar != nil && network.weights != .raw,
        beside: "--weights ema")
      guard checkpoint != nil else {
        throw ValidationError("Give a CHECKPOINT with --data, or --embeddings")
      }
      let bringPhotos = !pairs.isEmpty && pairs.allSatisfy { $0.hasSuffix(".bin") }
      guard data != nil || bringPhotos else {
        throw ValidationError("A checkpoint needs --data DIR, or --pairs FILE.bin alone")
      }
      try refuse("--split", !pairs.isEmpty && split != nil, beside: "--pairs")
      try refuse("--split-seed", !pairs.isEmpty && splitSeed != nil, beside: "--pairs")
      try refuse("--min-photos", !pairs.isEmpty && minPhotos != nil, beside: "--pairs")
    }
  }

  func run() throws {
    var request: EvaluateRequest
    if let embeddings = stored.embeddings {
      request = EvaluateRequest(
        source: .embeddings(file: embeddings, names: stored.names), quiet: quiet)
    } else {
      request = EvaluateRequest(source: .checkpoint(checkpoint ?? ""), quiet: quiet)
    }
    request.data = data
    request.pairs = pairs
    request.split = split
    request.splitSeed = splitSeed
    request.minPhotos = minPhotos
    request.exclude = exclude
    request.landmarks = landmarks
    request.flipTest = network.flipTest
    request.maxBad = network.maxBad
    request.precision = network.precision
    request.weights = network.weights
    request.storesThreshold = storeThreshold || thresholdAtFar != nil
    request.thresholdFAR = thresholdAtFar
    request.subsets = subsets
    request.quality = quality
    request.html = html
    request.threads = threads
    let code = Dispatch.run { try request.run(over: $0) }
    if code != 0 { throw ExitCode(code) }
  }

  private func refuse(_ option: String, _ isGiven: Bool, beside other: String) throws {
    if isGiven { throw ValidationError("\(option) has no meaning beside \(other); remove one") }
  }
}
