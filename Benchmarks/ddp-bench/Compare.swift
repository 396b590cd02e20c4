internal import ArgumentParser
private import Benchmarks

struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Two reports beside each other; exits with 1 where something became wrong.")

  @Argument(help: "The report of before.")
  var before: String

  @Argument(help: "The report of after.")
  var after: String

  @Option(help: "The fraction below which a difference is noise, whatever the rows say.")
  var threshold = 0.05

  func run() throws {
    let comparison = Comparison(
      before: try .read(before), after: try .read(after), threshold: threshold)
    print(comparison.text)
    if comparison.lines.contains(where: { $0.verdict == .broken }) { throw ExitCode.failure }
  }
}
