internal import Sessions
internal import Timing
internal import Collectives

/// What the trainer says of the ranks beside its own.
extension Trainer {
  /// Names slow ranks: when they first are, then in every tenth window in which they still are.
  func reportSlowRanks(_ findings: [StragglerWatch.Finding]) {
    let slow = Set(findings.map(\.rank))
    slowWindows = slowWindows.filter { slow.contains($0.key) }
    for finding in findings {
      let windows = slowWindows[finding.rank, default: 0]
      slowWindows[finding.rank] = windows + 1
      guard windows % 10 == 0 else { continue }
      console.warn(
        "rank \(finding.rank) on \(session.hostNames[finding.rank]) is slow: "
          + "\(Int((100 * finding.excess).rounded())) % more than the median rank over the last "
          + "\(StragglerWatch.window) steps, by \(finding.cause.text); the others wait for it")
    }
  }
}
