import Checkpoints
import Configuration
import Datasets
import Foundation
import RunFolders
import RunSupport
import TestSupport
import Testing
import Training

/// Runs in which people do not come as often as they have photos.
@Suite struct SamplingRunTests {
  /// 50 of 12 x 6 photos, so that people have three to six of them.
  private static func configuration(
    _ sampling: Sampling, _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.configuration {
      $0.split = .random(photos: 50)
      $0.sampling = sampling
      $0.schedule = .constant
      $0.length = .steps(8)
      change(&$0)
    }
  }

  @Test(arguments: [Sampling.squareRoot, .classBalanced])
  func everyWorldTakesTheSameSamples(sampling: Sampling) throws {
    let alone = try SmallRun.train(Self.configuration(sampling))[0]
    // 50 samples an epoch, as with every other sampling.
    #expect(alone.records.map(\.samples) == [21, 42, 50, 71, 92, 100, 121, 142])
    for (ranks, threads) in [(1, 3), (2, 1), (3, 2)] {
      for outcome in try SmallRun.train(
        Self.configuration(sampling), ranks: ranks, threads: threads)
      {
        #expect(outcome.records.map(StepBits.init) == alone.records.map(StepBits.init))
        #expect(outcome.weights == alone.weights, "\(ranks) x \(threads)")
      }
    }
    #expect(try SmallRun.train(Self.configuration(.instance))[0].weights != alone.weights)
  }

  /// Stops in the middle of an epoch.
  @Test(arguments: [Sampling.squareRoot, .classBalanced])
  func aResumedRunTakesTheSameSamples(sampling: Sampling) throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let whole = try SmallRun.train(Self.configuration(sampling))[0]
    _ = try SmallRun.train(Self.configuration(sampling) { $0.length = .steps(4) }, folder: folder)
    let rest = Self.configuration(sampling) { $0.resume = .auto }
    for outcome in try SmallRun.train(rest, ranks: 2, folder: folder, speaks: true) {
      #expect(outcome.weights == whole.weights)
    }
    #expect(try CheckpointStore.open(folder).checkpoint.configuration.sampling == sampling)
    let log = try String(contentsOfFile: folder + "/log.txt", encoding: .utf8)
    #expect(log.contains("sampling: \(sampling.rawValue), 12 people, of whom each comes "))
  }

  @Test func anotherSamplingIsAnotherRunUnlessItIsAskedFor() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try SmallRun.train(Self.configuration(.instance) { $0.length = .steps(4) }, folder: folder)
    let other = Self.configuration(.classBalanced) { $0.resume = .auto }
    let error = #expect(throws: (any Error).self) { try SmallRun.train(other, folder: folder) }
    #expect("\(try #require(error))".contains("sampling was instance, is class-balanced"))
    #expect(ConfigurationOption.of(\.sampling).mayChange)
  }
}
