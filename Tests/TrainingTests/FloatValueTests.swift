import Configuration
import RunSupport
import Testing

/// A number that is computed with as a 32-bit float is sound as one.
@Suite struct FloatValueTests {
  /// The options whose value becomes a float, and what else must be given for them.
  private static let beside: [String: [String: String]] = [
    "lr": [:], "lr-head": [:], "min-lr": [:], "momentum": [:], "weight-decay": [:],
    "dropout": [:], "scale": [:], "clip-norm": [:], "power": ["schedule": "polynomial"],
    "gamma": ["schedule": "step", "milestones": "3e"],
    "initial-accumulator": ["optimizer": "adagrad"],
  ]

  private func complaint(_ name: String, _ text: String) -> String? {
    do {
      _ = try RunConfiguration.resolve(
        flags: (Self.beside[name] ?? [:]).map { .flag($0.key, $0.value) } + [.flag(name, text)])
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: beside.keys.sorted())
  func whatIsZeroAsAFloatIsZeroOnlyWhereItIsMeant(name: String) {
    for text in ["1e-60", "1e-39", "1e-320"] {
      let message = complaint(name, text)
      #expect(message?.contains("; give ") == true, "--\(name) \(text) was taken")
    }
  }

  @Test(arguments: ["momentum", "dropout"])
  func whatIsOneAsAFloatIsNotBelowOne(name: String) {
    let message = complaint(name, "0.99999999999")
    #expect(message?.contains("(as a 32-bit float it is 1.0)") == true, "\(message ?? "taken")")
    #expect(complaint(name, "0.9999999") == nil)
    #expect(complaint(name, "0") == nil)
  }

  /// 1e30 is a little more as a float.
  @Test(arguments: ["scale", "lr", "lr-head", "clip-norm", "weight-decay"])
  func theBoundsThemselvesAreTaken(name: String) {
    #expect(complaint(name, "1e30") == nil)
    #expect(complaint(name, "1e-30") == nil)
  }

  @Test func aChangeIsHeldToTheSame() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(FlaggedRun.small.merging(["steps": "2"]) { $1 }, in: folder)
      for change in ["momentum=0.99999999999", "weight-decay=1e-60"] {
        #expect(throws: ConfigurationError.self) {
          try FlaggedRun.train(
            ["resume": "auto", "steps": "4"], changes: [change], in: folder)
        }
      }
    }
  }
}
