// The options of evaluation, the run and its logs; OptionTable+Steps.swift has those before them.

extension ConfigurationOption {
  @Table static var runOptions: [ConfigurationOption] {
    option(
      .evaluation, "evaluate-every", \.evaluateEvery, .interval,
      "Score every N steps, Ne epochs, 0 never", value: "n", isMathematical: false)
    option(
      .evaluation, "pairs", \.pairs, .paths,
      "Pairs to verify, in LFW's format, or InsightFace's .bin; may be repeated",
      ", the first one counts", value: "file", completion: anyFile, isMathematical: false)
    option(
      .evaluation, "patience", \.patience,
      integer.giving("0 or more evaluations") { $0 >= 0 },
      "End after N evaluations without a better figure; 0 never", value: "n", isMathematical: false)
    option(
      .evaluation, "flip-test", \.flipTest, .truth, "Add the embeddings of the mirrored photos",
      isMathematical: false)

    option(
      .run, "out", \.out, path.orNil("auto"), "Run folder; auto is a fresh one under runs/",
      value: "dir", completion: .folder, isMathematical: false, ranksMayDiffer: true)
    option(
      .run, "resume", \.resume, .resume,
      "auto continues what the run folder holds; or a checkpoint or run folder",
      value: "auto|none|path", completion: anyFile, isMathematical: false)
    option(
      .run, "checkpoint-every", \.checkpointEvery, .interval,
      "Write a checkpoint every N steps, Ne epochs, 0 only at the end", value: "n",
      isMathematical: false)
    option(
      .run, "keep", \.keep, atLeast(1, " checkpoint", limit: 1_000_000),
      "Number of last checkpoints to keep", value: "n", isMathematical: false)
    option(
      .run, "keep-best", \.keepBest, .truth, "Keep the best checkpoint too", isMathematical: false)
    option(
      .run, "keep-every", \.keepEvery, .interval,
      "Keep these for ever: every N steps, Ne epochs, 0 none", value: "n", isMathematical: false)
    option(
      .run, "on-full-disk", \.onFullDisk, .name("answer"),
      "continue keeps the last checkpoint and trains on; or stop", value: "answer",
      isMathematical: false)
    option(
      .run, "watchdog", \.watchdogSeconds, .patience,
      "Name a rank that gives no sign and stop after this time; 0 never", value: "seconds",
      isMathematical: false)
    option(
      .run, "stall", \.stallSeconds, .patience,
      "Name a rank that lives without progress and stop after this time; 0 never",
      value: "seconds", isMathematical: false)
    option(
      .run, "timeline", \.timeline, path.orNil("none"),
      "A file to write what every thread does when to, for Perfetto", value: "file",
      completion: .file(extensions: ["json"]), isMathematical: false)
    option(
      .logs, "tensorboard", \.writesTensorBoard, .truth,
      "Write event files for TensorBoard to the run folder", isMathematical: false)
    option(
      .logs, "csv", \.writesCSV, .truth,
      "Write metrics.csv and evaluations.csv to the run folder", isMathematical: false)
    option(
      .logs, "prometheus", \.prometheus, path.orNil("none"),
      "A text file of metrics to keep up to date for Prometheus", value: "file",
      completion: .file(extensions: ["prom"]), isMathematical: false)
    option(
      .run, "quiet", \.quiet, .truth, "Only receipts on standard output", isMathematical: false)
    option(
      .run, "dry-run", \.dryRun, .truth, "Print network, memory and steps, and stop",
      isMathematical: false)
  }
}

extension ValueForm where Value == Double {
  /// Seconds to wait, 0 for ever.
  fileprivate static var patience: Self {
    let one = number.within(1...1e6, before: "seconds, ", ", or 0 to wait for ever")
    var form = number
    form.expectation = { $0 == 0 ? nil : one.expectation($0) }
    return form
  }
}
