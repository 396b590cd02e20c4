private import Foundation
internal import Threads

/// Times of a piece of work that was run again and again.
package struct Timing: Sendable {
  package let bestSeconds, medianSeconds: Double

  /// Runs `body` once for nothing, then for at least `budgetSeconds` and five times; quick bodies
  /// are repeated within a sample, so that the clock does not show.
  package static func best(budgetSeconds: Double, _ body: () -> Void) -> Timing {
    body()
    var start = Clock.seconds
    body()
    let once = max(Clock.seconds - start, 1e-9)
    let repeats = max(1, Int(5e-5 / once))
    var samples: [Double] = []
    let begin = Clock.seconds
    while samples.count < 5 || (Clock.seconds - begin < budgetSeconds && samples.count < 500) {
      start = Clock.seconds
      for _ in 0..<repeats { body() }
      samples.append((Clock.seconds - start) / Double(repeats))
    }
    return Timing(samples)
  }

  /// The best and the median of `samples`, in seconds.
  package init(_ samples: [Double]) {
    let sorted = samples.sorted()
    bestSeconds = sorted[0]
    medianSeconds = sorted[sorted.count / 2]
  }
}

/// What the system says of this process.
package enum ProcessFigures {
  /// The most memory that was resident at once, in bytes (VmHWM); 0 where /proc does not tell.
  package static var peakMemoryBytes: Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else {
      return 0
    }
    for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
      return (Int(line.split(whereSeparator: { $0 == " " || $0 == "\t" })[1]) ?? 0) << 10
    }
    return 0
  }
}
