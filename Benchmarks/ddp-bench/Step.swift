internal import ArgumentParser
internal import Benchmarks
private import Collectives
private import Kernels
private import MPICollectives

struct Step: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Whole training steps by phase, on fixed random images or on photos.",
    discussion: """
      ArcFace over --classes people, SGD with momentum. Under mpirun the batch is \
      shared by the ranks.
      """)

  @OptionGroup var options: ModelOptions

  @Option(help: "Images of a step, over all ranks.")
  var batch = 64

  @Option(help: "Images that a thread computes at once.")
  var microbatch = 16

  @Option(help: "Compute threads of a rank.")
  var threads = 1

  @Option(help: "People of the loss head; with --data, those of the folder.")
  var classes = 5748

  @Option(help: "Timed steps, after one that is not timed.")
  var steps = 5

  @Option(help: "A folder of photos to read and decode, one folder a person, instead of noise.")
  var data: String?

  @Option(help: "Also write the report to this file, as JSON.")
  var json: String?

  func validate() throws {
    guard batch > 1, microbatch > 1, threads > 0, classes > 1, steps > 0 else {
      throw ValidationError("--batch, --microbatch and --classes from 2, --threads, --steps from 1")
    }
  }

  func run() throws {
    let model = BenchmarkModel(
      name: options.model, imageSize: options.imageSize, classCount: classes,
      width: options.width,
      precision: Precision(rawValue: options.precision)!, batch: batch, microbatch: microbatch)
    let benchmark = StepBenchmark(model: model, threads: threads, steps: steps, photos: data)
    let code = MPIWorld.run { communicator in
      let report = try benchmark.run(over: communicator, ratesBudgetSeconds: 0.1)
      if communicator.rank == 0 {
        print(StepText.describe(report))
        if let json { try report.write(to: json) }
      }
      return 0
    }
    if code != 0 { throw ExitCode(code) }
  }
}
