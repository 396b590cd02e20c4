internal import ArgumentParser
private import Benchmarks

struct Detect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "YuNet alone on one thread: the picture made ready, the network, its boxes decoded.",
    discussion: """
      The parts are timed in turns, on a picture that is drawn. With --images FILE.npy \
      [N, height, width, 3], which are numbers of 0 to 255 in the order blue, green, red, the \
      network's outputs for them are written to --outputs and nothing is timed: \
      scripts/compare-detector holds them against onnxruntime's.
      """)

  @Option(help: "YuNet's ONNX file.")
  var detector: String

  @Option(help: "Pixels of a row of the picture.")
  var width = 640

  @Option(help: "Rows of the picture.")
  var height = 480

  @Option(help: "Seconds of timing.")
  var seconds = 3.0

  @Option(help: "Images to compute the outputs of, as NumPy has them.")
  var images: String?

  @Option(help: "The file of the outputs of --images, as safetensors.")
  var outputs: String?

  @Option(help: "Also write the report to this file, as JSON.")
  var json: String?

  func validate() throws {
    guard (1...8192).contains(width), (1...8192).contains(height), seconds > 0 else {
      throw ValidationError("--width and --height from 1 to 8192, --seconds above 0")
    }
    guard (images == nil) == (outputs == nil) else {
      throw ValidationError("--images and --outputs go together")
    }
    guard images == nil || json == nil else {
      throw ValidationError("--images times nothing, so that there is no report for --json")
    }
  }

  func run() throws {
    let benchmark = try DetectorBenchmark(detector: detector)
    if let images, let outputs {
      try benchmark.writeOutputs(of: images, to: outputs)
      return
    }
    let report = try benchmark.run(width: width, height: height, budgetSeconds: seconds)
    for row in report.rows {
      print(
        "\(row.name): best \(StepText.number(1e3 * row.bestSeconds, 3)) ms, median "
          + "\(StepText.number(1e3 * row.medianSeconds, 3)) ms")
    }
    if let json { try report.write(to: json) }
  }
}
