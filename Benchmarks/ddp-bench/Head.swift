internal import ArgumentParser
internal import Benchmarks
private import Collectives
private import MPICollectives

struct Head: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A loss head divided over the ranks, by itself, against the measured peak.",
    discussion: """
      ArcFace over --classes people at width 512, SGD with momentum, the update included; the seconds \
      of the small network before it are taken off. The share of the peak is that of three products \
      (six operations a class, number and face) at the rate of multiply-adds on registers. Under \
      mpirun the classes and the batch are shared by the ranks.
      """)

  @Option(help: "People.")
  var classes = 100_000

  @Option(help: "The chance of a class beside the batch's to take part in a step (Partial FC).")
  var sampleClasses = 1.0

  @Option(help: "Faces of a step, over all ranks.")
  var batch = 256

  @Option(help: "Compute threads of a rank.")
  var threads = 1

  @Option(help: "Timed steps, after one that is not timed.")
  var steps = 5

  @Option(help: "Also write the report to this file, as JSON.")
  var json: String?

  func validate() throws {
    guard batch > 1, threads > 0, classes > 1, steps > 0, sampleClasses > 0, sampleClasses <= 1
    else {
      throw ValidationError(
        "--batch and --classes from 2, --threads and --steps from 1, --sample-classes above 0 up to 1"
      )
    }
  }

  func run() throws {
    let benchmark = HeadBenchmark(
      classes: classes, share: sampleClasses, batch: batch, threads: threads, steps: steps)
    let code = MPIWorld.run { communicator in
      let report = try benchmark.run(over: communicator, ratesBudgetSeconds: 0.3)
      guard communicator.rank == 0 else { return 0 }
      for row in report.rows {
        let figure = { row.figures[$0] ?? 0 }
        print(
          "\(row.name): best \(StepText.number(row.bestSeconds, 4)) s, median "
            + "\(StepText.number(row.medianSeconds, 4)) s, "
            + "\(StepText.number(100 * figure("peak_share"), 1)) % of the peak, "
            + "\(StepText.number(figure("faces_per_second"), 0)) faces/s, "
            + "\(StepText.number(figure("peak_memory_bytes") / 1e9, 2)) GB on all ranks; network "
            + "\(StepText.number(figure("network_seconds"), 4)) s")
      }
      print(StepText.machine(report))
      if let json { try report.write(to: json) }
      return 0
    }
    if code != 0 { throw ExitCode(code) }
  }
}
