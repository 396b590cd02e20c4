internal import ArgumentParser
internal import Benchmarks
private import Foundation
private import Kernels

struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Inference alone, on one thread.")

  @OptionGroup var options: ModelOptions

  @Option(help: "Images of a pass.")
  var batch = 32

  @Option(help: "Seconds of timing.")
  var seconds = 3.0

  @Option(help: "Also write the report to this file, as JSON.")
  var json: String?

  func run() throws {
    let benchmark = PassBenchmark(model: options.value, rows: batch)
    let report = benchmark.embed(
      budgetSeconds: seconds, ratesBudgetSeconds: 0.05)
    for row in report.rows {
      print(
        "\(row.name): \(StepText.number(row.figures["images_per_second"] ?? 0, 2)) images/s, best "
          + "\(StepText.number(1e3 * row.bestSeconds, 2)) ms, median "
          + "\(StepText.number(1e3 * row.medianSeconds, 2)) ms")
    }
    if let json { try report.write(to: json) }
  }
}

struct Layers: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "One microbatch through a network on one thread, layer by layer, both ways.")

  @OptionGroup var options: ModelOptions

  @Option(help: "Images of a pass.")
  var microbatch = 16

  @Flag(help: "Inference with weights prepared once, as `embed` times it as a whole.")
  var embedding = false

  @Option(help: "Timed passes, after one that is not timed.")
  var passes = 5

  @Option(help: "Also write the report to this file, as JSON.")
  var json: String?

  func run() throws {
    let benchmark = PassBenchmark(model: options.value, rows: microbatch)
    let rates = MachineRates.measure(budgetSeconds: 0.05)
    let report =
      embedding
      ? benchmark.embeddingLayers(passes: passes, rates: rates)
      : benchmark.layers(passes: passes, rates: rates)
    let total = report.rows.reduce(0) { $0 + $1.bestSeconds }
    for row in report.rows {
      let name = row.name.padding(
        toLength: max(56, row.name.count), withPad: " ", startingAt: 0)
      let rate = row.figures["gflops"].map { "  \(StepText.number($0, 0)) GF/s" } ?? ""
      print(
        "\(name) \(StepText.number(1e3 * row.bestSeconds, 3)) ms  "
          + "\(StepText.number(100 * row.bestSeconds / total, 1)) %\(rate)")
    }
    print("all layers \(StepText.number(1e3 * total, 1)) ms")
    if let json { try report.write(to: json) }
  }
}

struct Follow: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Training steps on weights and batches from files, for another program to compare.",
    discussion: """
      FOLDER holds weights.safetensors, images.npy [N, 3, size, size] and labels.npy [N]; losses.npy \
      and gradients.safetensors are written beside them. SGD of rate 0.01 and momentum 0.9, ArcFace \
      of scale 64 and margin 0.5, one microbatch a step. scripts/compare-pytorch --follow calls this.
      """)

  @Argument(help: "The folder of the files.")
  var folder: String

  @OptionGroup var options: ModelOptions

  @Option(help: "Images of a step.")
  var batch = 16

  @Option(help: "Steps.")
  var steps = 50

  func run() throws {
    var model = options.value
    model.batch = batch
    try FollowRun(model: model, folder: folder, steps: steps).run()
  }
}

extension ModelOptions {
  /// The model of the options, with the default head and batch.
  var value: BenchmarkModel {
    BenchmarkModel(
      name: model, imageSize: imageSize, width: width, precision: Precision(rawValue: precision)!)
  }
}
