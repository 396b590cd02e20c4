private import Foundation
private import Kernels
private import Networks

/// Verifies and times kernels.
package struct KernelBenchmark: Sendable {
  package var models: [String]
  /// Side of the images; that which each model was published for if nil.
  package var imageSize: Int?
  package var rows: Int
  package var classes: Int
  package var width: Double
  /// Elements of flat vectors.
  package var vectorCount: Int
  /// Seconds for each kernel.
  package var budgetSeconds: Double
  /// What names must contain, in lower case; all if empty.
  package var filter: String

  /// All kernels of `models` at the size of training.
  package init(models: [String], filter: String, budgetSeconds: Double) {
    self.models = models
    self.filter = filter.lowercased()
    self.budgetSeconds = budgetSeconds
    (rows, classes, width, vectorCount) = (16, 5748, 1, 12_845_056)
  }

  /// Makes everything small: every kernel and algorithm is verified, the times mean little.
  package mutating func makeQuick() {
    (imageSize, rows, classes, width, vectorCount) = (32, 3, 301, 0.25, 100_003)
    budgetSeconds = 0.001
  }

  /// The cases whose names contain the filter.
  package var cases: [KernelCase] {
    let networks = models.compactMap { Models.model(named: $0) }.map { model in
      var image = model.image
      if let imageSize {
        // Inception modules halve the map so often that they need more than residual networks do.
        let side = model.fixesImage ? imageSize * 5 / 2 : imageSize
        image = MapShape(height: side, width: side, channels: 3)
      }
      return model.network(
        image: image, maximumRows: rows, options: ModelOptions(width: width))
    }
    return KernelCatalog(
      networks: networks, rows: rows, classes: classes, vectorCount: vectorCount
    ).cases.filter { filter.isEmpty || $0.name.lowercased().contains(filter) }
  }

  /// Verifies and times every case, printing each as it comes. Throws where no case fits the
  /// filter.
  package func run(print: (String) -> Void) throws -> BenchmarkReport {
    let cases = cases
    guard !cases.isEmpty else { throw BenchmarkFailure.nothing(filter: filter) }
    let rates = MachineRates.measure(budgetSeconds: max(0.02, budgetSeconds))
    var report = BenchmarkReport(
      kind: "kernels",
      settings: [
        "models": models.joined(separator: " "), "rows": "\(rows)",
        "image_size": imageSize.map(String.init) ?? "each model's own",
        "openblas": "\(BLASRuntime.coreName), \(BLASRuntime.buildConfiguration)",
      ], machine: rates.figures)
    print(StepText.machine(report))
    print(KernelText.heading)
    for item in cases {
      let row = item.measure(budgetSeconds: budgetSeconds, rates: rates)
      report.rows.append(row)
      print(KernelText.line(row))
    }
    return report
  }
}

extension BenchmarkReport {
  /// The names of the rows whose error is above the tolerance, or no number.
  package var wrongRows: [String] {
    rows.filter { row in
      guard let error = row.figures["error"], let tolerance = row.figures["tolerance"] else {
        return false
      }
      return !(error <= tolerance)
    }.map(\.name)
  }
}

/// Rows of kernels as people read them.
enum KernelText {
  static let heading =
    "kernel".padding(toLength: 50, withPad: " ", startingAt: 0)
    + "   error        ms    GF/s  of sgemm  of FMA    GB/s  of memory"

  static func line(_ row: BenchmarkRow) -> String {
    let figures = row.figures
    let error = figures["error"] ?? .nan
    let isWrong = !(error <= (figures["tolerance"] ?? 0))
    var line = row.name.padding(
      toLength: max(50, row.name.count), withPad: " ", startingAt: 0)
    line += String(format: " %.1e %9.3f", error, 1e3 * row.bestSeconds)
    if let rate = figures["gflops"] {
      line += String(
        format: " %7.1f    %5.0f %%  %4.0f %%", rate, 100 * (figures["sgemm_share"] ?? 0),
        100 * (figures["fma_share"] ?? 0))
    } else {
      line += "                          "
    }
    line += String(
      format: " %7.1f    %4.0f %%", figures["gbytes_per_second"] ?? 0,
      100 * (figures["bandwidth_share"] ?? 0))
    return line + (isWrong ? "  WRONG" : "")
  }
}
