internal import ArgumentParser
private import Benchmarks

struct Dense: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The products of dense layers and loss heads, in turns with OpenBLAS.",
    discussion: """
      One thread; the best of rounds in which each side runs once. Heads go by blocks of classes, \
      as in training. OPENBLAS_CORETYPE=Haswell, SkylakeX, Zen, Cooperlake... chooses the kernels \
      of OpenBLAS that are the yardstick. The head of a million classes takes 4 GB.
      """)

  @Option(help: "Only shapes whose names contain this.")
  var filter = ""

  @Option(help: "Rows of a microbatch.")
  var rows = [16, 32, 1]

  @Option(help: "Seconds for each product.")
  var seconds = 0.5

  @Option(help: "Also write the report to this file, as JSON.")
  var json: String?

  func run() throws {
    let benchmark = DenseBenchmark(filter: filter, rows: rows, budgetSeconds: seconds)
    let report = try benchmark.run { print($0) }
    if let json { try report.write(to: json) }
  }
}
