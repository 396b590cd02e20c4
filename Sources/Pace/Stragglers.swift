package import Timing

/// Watches for ranks that the others wait for, and says so now and then.
package struct Stragglers {
  private var watch = StragglerWatch()
  /// Microbatches of each rank in the step before: the seconds that a step's sums bring are of that
  /// one, as a rank knows what its step took when the sums have left.
  private var microbatchesBefore: [Int] = []
  /// Windows in which each rank was slow without a break.
  private var slowWindows: [Int: Int] = [:]

  /// Nobody is slow yet.
  package init() {}

  /// Takes in what the sums of a step have brought of all ranks: the `seconds` of the step before,
  /// the `microbatches` of this one. At the end of a window returns the means of all ranks and who
  /// was slow in it.
  package mutating func add(
    _ seconds: [RankSeconds], microbatches: [Int]
  ) -> (means: [RankSeconds], findings: [StragglerWatch.Finding])? {
    defer { microbatchesBefore = microbatches }
    return watch.add(seconds, microbatches: microbatchesBefore).map { ($0.means, $0.findings) }
  }

  /// A sentence for each slow rank: when it first is, then in every tenth window in which it still
  /// is. `hosts` are those of the ranks.
  package mutating func sentences(
    of findings: [StragglerWatch.Finding], on hosts: [String]
  ) -> [String] {
    let slow = Set(findings.map(\.rank))
    slowWindows = slowWindows.filter { slow.contains($0.key) }
    return findings.compactMap { finding in
      let windows = slowWindows[finding.rank, default: 0]
      slowWindows[finding.rank] = windows + 1
      guard windows % 10 == 0 else { return nil }
      return "rank \(finding.rank) on \(hosts[finding.rank]) is slow: "
        + "\(Int((100 * finding.excess).rounded())) % more than the median rank over the last "
        + "\(StragglerWatch.window) steps, by \(finding.cause.text); the others wait for it"
    }
  }
}
