private import Foundation
internal import Networks
internal import Timing

/// Reports of whole steps as people read them.
package enum StepText {
  /// The step's phases, its rate and its share of the bound, a line each.
  package static func describe(_ report: BenchmarkReport) -> String {
    var lines: [String] = []
    for row in report.rows {
      lines.append(row.name)
      let figure = { row.figures[$0] ?? 0 }
      lines.append(
        "  \(number(figure("images_per_second"), 2)) images/s, best step "
          + "\(number(row.bestSeconds, 3)) s, median \(number(row.medianSeconds, 3)) s")
      for phase in PhaseSeconds.Phase.allCases {
        let seconds = figure("\(phase)_seconds")
        let name = "\(phase)".padding(toLength: 10, withPad: " ", startingAt: 0)
        lines.append(
          "  \(name) \(number(seconds, 4)) s  \(number(100 * seconds / row.bestSeconds, 1)) %")
      }
      lines.append(
        "  bound \(number(figure("bound_seconds"), 3)) s: "
          + "\(number(100 * figure("bound_share"), 1)) % reached")
      lines.append("  peak memory \(number(figure("peak_memory_bytes") / 1e6, 0)) MB")
    }
    lines.append(machine(report))
    return lines.joined(separator: "\n")
  }

  /// What the machine can do, in one line.
  package static func machine(_ report: BenchmarkReport) -> String {
    let figure = { number(report.machine[$0] ?? 0, 1) }
    return "one core: FMA \(figure("fma_gflops")) GF/s, sgemm \(figure("sgemm_gflops")) GF/s, read "
      + "\(figure("read_gbytes_per_second")) GB/s, write \(figure("write_gbytes_per_second")) GB/s"
  }

  /// `value` with `digits` decimals.
  package static func number(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}
