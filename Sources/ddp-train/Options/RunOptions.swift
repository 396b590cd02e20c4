internal import Configuration
internal import ArgumentParser

struct RunOptions: ParsableArguments {
  @Option(
    help: .option("evaluate-every", "Score every N steps, Ne epochs, 0 never.", valueName: "n"))
  var evaluateEvery: String?

  @Option(
    help: .option(
      "pairs",
      "Pairs to verify, in LFW's format, or InsightFace's .bin; may be repeated, the first one counts.",
      valueName: "file"), completion: .file())
  var pairs: [String] = []

  @Flag(inversion: .prefixedNo, help: .option("flip-test", "Score with the mirrored photos too."))
  var flipTest: Bool?

  @Option(
    help: .option("out", "Run folder; auto is a fresh one under runs/.", valueName: "dir"),
    completion: .directory)
  var out: String?

  @Option(
    help: .option(
      "resume", "auto continues what the run folder holds; or a checkpoint or run folder.",
      valueName: "auto|none|path"),
    completion: .file())
  var resume: String?

  @Option(
    help: .option(
      "checkpoint-every", "Write a checkpoint every N steps, Ne epochs, 0 only at the end.",
      valueName: "n"))
  var checkpointEvery: String?

  @Option(help: .option("keep", "Number of last checkpoints to keep.", valueName: "n"))
  var keep: String?

  @Flag(inversion: .prefixedNo, help: .option("keep-best", "Keep the best checkpoint too."))
  var keepBest: Bool?

  @Option(
    help: .option(
      "keep-every", "Keep these for ever: every N steps, Ne epochs, 0 none.", valueName: "n"))
  var keepEvery: String?

  @Option(
    help: .option(
      "on-full-disk", "continue keeps the last checkpoint and trains on; or stop.",
      valueName: "answer"),
    completion: .names(of: FullDiskPolicy.self))
  var onFullDisk: String?

  @Option(
    help: .option(
      "watchdog", "Name a rank that gives no sign and stop after this time; 0 never.",
      valueName: "seconds"))
  var watchdog: String?

  @Option(
    help: .option(
      "stall", "Name a rank that lives without progress and stop after this time; 0 never.",
      valueName: "seconds"))
  var stall: String?

  @Option(
    help: .option(
      "timeline", "Write what every thread does when, for Perfetto; or none.", valueName: "file"),
    completion: .file(extensions: ["json"]))
  var timeline: String?
  @Flag(
    inversion: .prefixedNo,
    help: .option("tensorboard", "Write event files for TensorBoard to the run folder."))
  var tensorboard: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: .option("csv", "Write metrics.csv and evaluations.csv to the run folder."))
  var csv: Bool?

  @Option(
    help: .option(
      "prometheus", "A text file of metrics to keep up to date for Prometheus, or none.",
      valueName: "file"), completion: .file(extensions: ["prom"]))
  var prometheus: String?

  @Flag(inversion: .prefixedNo, help: .option("quiet", "Only receipts on standard output."))
  var quiet: Bool?

  @Flag(
    inversion: .prefixedNo, help: .option("dry-run", "Print network, memory and steps, and stop."))
  var dryRun: Bool?
}
