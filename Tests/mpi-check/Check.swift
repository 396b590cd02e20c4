import Collectives

/// One law of the communicator or the trainer, checked by all ranks together.
///
/// The closure runs on every rank and makes the same collectives on each; what it expects may
/// differ from rank to rank. It passes where no rank recorded a failure.
struct Check: Sendable {
  let name: String
  let body: @Sendable (any Communicator, Expectations) throws -> Void

  init(
    _ name: String,
    _ body: @escaping @Sendable (any Communicator, Expectations) throws -> Void
  ) {
    self.name = name
    self.body = body
  }
}

/// Records what did not hold on this rank, and goes on, so that the ranks stay in step.
final class Expectations {
  private(set) var failures: [String] = []

  func callAsFunction(_ holds: Bool, _ claim: @autoclosure () -> String) {
    if !holds { failures.append(claim()) }
  }
}

/// Runs the checks one by one and counts them, equally on every rank.
struct CheckRunner {
  let communicator: any Communicator
  private(set) var passedCount = 0
  private(set) var failedCount = 0

  init(on communicator: any Communicator) { self.communicator = communicator }

  mutating func run(_ suite: String, _ checks: [Check]) throws {
    for check in checks {
      let expectations = Expectations()
      try check.body(communicator, expectations)
      for failure in expectations.failures {
        printError("rank \(communicator.rank): \(suite): \(check.name): \(failure)")
      }
      let failures = try communicator.agreeOnMaximum(expectations.failures.count)
      if failures == 0 { passedCount += 1 } else { failedCount += 1 }
      if communicator.rank == 0 {
        print("\(failures == 0 ? "passed" : "FAILED")  \(suite): \(check.name)")
      }
    }
  }
}
