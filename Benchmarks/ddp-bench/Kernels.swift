internal import ArgumentParser
private import Benchmarks
private import Networks

struct Kernels: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Every kernel at the shapes of the networks: verified in Double, then timed.",
    discussion: """
      Columns: the largest error relative to the largest element of the reference; the best time; \
      GF/s of the direct formula, its share of a large product by OpenBLAS, and what the algorithm \
      needs as a share of the measured multiply-add peak; operands read and written once as GB/s \
      and as a share of measured memory bandwidth. One thread. A wrong result exits with 1.
      """)

  @Option(help: "Only kernels whose names contain this.")
  var filter = ""

  @Option(help: "Networks whose shapes are taken.")
  var models = Models.names

  @Option(help: "Seconds for each kernel.")
  var seconds = 0.2

  @Flag(help: "Small shapes and hardly any timing: a check of all kernels.")
  var quick = false

  @Flag(help: "Only list the kernels.")
  var list = false

  @Option(help: "Also write the report to this file, as JSON.")
  var json: String?

  func run() throws {
    var benchmark = KernelBenchmark(models: models, filter: filter, budgetSeconds: seconds)
    if quick { benchmark.makeQuick() }
    if list {
      for item in benchmark.cases { print(item.name) }
      return
    }
    let report = try benchmark.run { print($0) }
    if let json { try report.write(to: json) }
    let wrong = report.wrongRows
    if !wrong.isEmpty { throw BenchmarkFailure.wrong(rows: wrong) }
  }
}
