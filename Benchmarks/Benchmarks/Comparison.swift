private import Foundation

/// Two reports beside each other, row by row.
package struct Comparison: Sendable, Equatable {
  /// How a row of the second report stands to that of the first.
  package enum Verdict: String, Sendable {
    case faster, slower, same
    /// The second is wrong and the first was not.
    case broken
    case onlyBefore = "only before"
    case onlyAfter = "only after"
  }

  /// One row of either report.
  package struct Line: Sendable, Equatable {
    package let name: String
    package let beforeSeconds, afterSeconds: Double?
    package let verdict: Verdict

    /// How many times as fast the second is; nil where a side is missing.
    package var ratio: Double? {
      guard let beforeSeconds, let afterSeconds, afterSeconds > 0 else { return nil }
      return beforeSeconds / afterSeconds
    }
  }

  package let lines: [Line]

  /// Compares best times. A difference counts beyond `threshold` (a fraction) and beyond the noise
  /// of both rows, the distance of their medians to their bests.
  package init(before: BenchmarkReport, after: BenchmarkReport, threshold: Double) {
    let old = Dictionary(before.rows.map { ($0.name, $0) }) { first, _ in first }
    let new = Dictionary(after.rows.map { ($0.name, $0) }) { first, _ in first }
    let wrongBefore = Set(before.wrongRows)
    let wrongAfter = Set(after.wrongRows)
    var lines = before.rows.map { row in
      guard let other = new[row.name] else {
        return Line(
          name: row.name, beforeSeconds: row.bestSeconds, afterSeconds: nil, verdict: .onlyBefore)
      }
      let limit = 1 + max(threshold, min(row.noise, 1), min(other.noise, 1))
      var verdict = Verdict.same
      if row.bestSeconds > other.bestSeconds * limit { verdict = .faster }
      if other.bestSeconds > row.bestSeconds * limit { verdict = .slower }
      if wrongAfter.contains(row.name), !wrongBefore.contains(row.name) { verdict = .broken }
      return Line(
        name: row.name, beforeSeconds: row.bestSeconds, afterSeconds: other.bestSeconds,
        verdict: verdict)
    }
    for row in after.rows where old[row.name] == nil {
      lines.append(
        Line(
          name: row.name, beforeSeconds: nil, afterSeconds: row.bestSeconds, verdict: .onlyAfter))
    }
    self.lines = lines
  }

  /// The lines as a table, and how many rows are faster and slower.
  package var text: String {
    let width = max(20, lines.map(\.name.count).max() ?? 0)
    var text = "row".padding(toLength: width, withPad: " ", startingAt: 0)
    text += "   before ms    after ms  speed\n"
    for line in lines {
      text += line.name.padding(toLength: width, withPad: " ", startingAt: 0)
      for seconds in [line.beforeSeconds, line.afterSeconds] {
        text += seconds.map { String(format: " %11.3f", 1e3 * $0) } ?? "           -"
      }
      text += line.ratio.map { String(format: "  %5.2fx", $0) } ?? "       -"
      text += line.verdict == .same ? "\n" : "  \(line.verdict.rawValue)\n"
    }
    let count = { (verdict: Verdict) in lines.count { $0.verdict == verdict } }
    return text + "\(count(.faster)) faster, \(count(.slower)) slower, \(count(.broken)) broken, "
      + "\(count(.same)) the same within noise"
  }
}
