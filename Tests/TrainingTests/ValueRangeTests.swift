import Assembly
import Configuration
import Datasets
import Foundation
import RunSupport
import TestSupport
import Testing
import Training

/// Every number of every option has a range in which nothing traps.
@Suite struct ValueRangeTests {
  /// Numbers at which arithmetic ends.
  private static let extremes = [
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615",
    "4294967296", "2147483647", "1000000000000", "1000000000001", "1000000000", "1000001", "0",
    "-1", "1", "1e19", "1e30", "1e31", "1e308", "1e-30", "1e-31", "1e-320", "inf", "-inf", "nan",
    "0x1p-3", "9223372036854775807e", "1000000000000e", "1000000000e", "1e9e",
    "9223372036854775807x8", "1024x1024", "1,2,9223372036854775807", "1e9,1e10",
    "1e300,1e300,1e300", "hardest@9223372036854775807", "semi-hard,hardest@1000000000000e",
    "random:9223372036854775807", "first:1000000000", "people-random:1e-300",
    "synthetic:people=9223372036854775807,photos=9223372036854775807",
    "synthetic:people=10000000,photos=2", "synthetic:people=2,photos=5000000,size=17",
    "flip:1e300", "shift:9223372036854775807",
  ]

  private static let besides: [String: [String: String]] = [
    "milestones": ["schedule": "step", "milestones": "9e"],
    "gamma": ["schedule": "step", "milestones": "3e"], "power": ["schedule": "polynomial"],
    "mining": ["loss": "triplet"], "people-per-batch": ["loss": "triplet"],
    "photos-per-person": ["loss": "triplet"], "passes": ["loss": "triplet"],
    "offline-every": ["loss": "triplet", "mining": "offline"],
    "offline-pool": ["loss": "triplet", "mining": "offline"],
    "initial-accumulator": ["optimizer": "adagrad"],
  ]

  private func configuration(_ given: [String: String]) throws -> RunConfiguration? {
    do {
      return try RunConfiguration.resolve(
        flags: given.map { .flag($0.key, $0.value) })
    } catch is ConfigurationError {
      return nil
    }
  }

  @Test(arguments: ConfigurationOption.all.map(\.name))
  func anExtremeNumberIsRefusedOrPlannedAndNeverTraps(name: String) throws {
    let small = [
      "data": "synthetic:people=12,photos=6,size=32", "split": "all", "image-size": "32",
      "width": "0.125", "embedding": "32", "batch": "18", "microbatch": "4", "dry-run": "true",
      "threads": "1",
    ]
    for text in Self.extremes {
      let given = small.merging(Self.besides[name] ?? [:]) { _, new in new }
        .merging([name: text]) { _, new in new }
        .filter { name != "split" || $0.key != "batch" }
      guard var configuration = try configuration(given) else { continue }
      // Ten million photos are listed in seconds; that is not what is asked here.
      if name == "data", text.contains("0000") { continue }
      // Written and read back, and the intervals of any epoch.
      let again = try RunConfiguration.parse(
        yaml: configuration.yamlText(), path: "f")
      #expect(again == configuration, "\(name) \(text)")
      for steps in [1, 1_000_000_000] {
        let course = EpochCourse(count: steps, batch: 1)
        _ = configuration.totalSteps(in: course)
        _ = configuration.scheduleValue(totalSteps: 1000, in: course)
          .rates(at: 999, base: configuration.baseRates)
        _ = configuration.mining.mode(after: 7, in: course)
        _ = configuration.keepEvery.isDue(after: 7, in: course)
      }
      configuration.dryRun = true
      do {
        _ = try SmallRun.train(configuration)
      } catch {
        #expect(!"\(error)".isEmpty && !"\(error)".contains("\n"), "\(name) \(text): \(error)")
      }
    }
  }

  @Test(arguments: [
    ("batch", "9223372036854775807"), ("microbatch", "9223372036854775807"), ("stall", "1e10"),
    ("watchdog", "1e30"), ("watchdog", "1e19"), ("keep", "9223372036854775807"),
    ("lr", "1e-320"), ("lr", "0"), ("clip-norm", "1e300"), ("weight-decay", "1e300"),
    ("scale", "1e-300"), ("min-lr", "-1"), ("min-photos", "9223372036854775807"),
    ("epochs", "1000000001"), ("lr-head", "1e40"),
  ])
  func whatNoRunCanMeanIsRefusedByName(name: String, text: String) {
    do {
      _ = try RunConfiguration.resolve(flags: [.flag(name, text)])
      Issue.record("--\(name) \(text) was taken")
    } catch {
      #expect("\(error)".hasPrefix("--\(name): \(name) is "), "\(error)")
      #expect("\(error)".contains("; give "), "\(error)")
    }
  }

  @Test(arguments: [
    "synthetic:people=1000000000,photos=1000000000", "synthetic:people=0", "synthetic:photos=-1",
    "synthetic:size=15", "synthetic:size=9223372036854775807", "synthetic:people=10000001,photos=1",
  ])
  func syntheticFacesThatCannotBeDrawnAreRefusedByEveryCommand(text: String) {
    #expect(throws: ConfigurationError.self) {
      try RunConfiguration.value(of: \.data, from: text)
    }
  }
}
