import Checkpoints
import Configuration
import Foundation
import Kernels
import Networks
import RunSupport
import Testing
import Training

/// Laws 1, 3 and 4 of docs/design.md for products in bfloat16.
@Suite struct LawsOfPrecision {
  private static func configuration(
    model: String = "iresnet18", _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.configuration(model: model) {
      $0.precision = .bfloat16
      change(&$0)
    }
  }

  @Test(arguments: SmallRun.models + ["mobilefacenet"])
  func sameBitsForAnyWorld(model: String) throws {
    let configuration = Self.configuration(model: model) { $0.length = .steps(4) }
    let alone = try SmallRun.expectSameBits(configuration, steps: 4)
    var inFloats = configuration
    inFloats.precision = .float32
    #expect(try SmallRun.train(inFloats)[0].weights != alone.weights)
  }

  @Test func aResumedRunIsTheUndisturbedOne() throws {
    func configuration(_ steps: Int) -> RunConfiguration {
      Self.configuration {
        $0.length = .steps(steps)
        $0.schedule = .constant
        $0.resume = .auto
      }
    }
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let long = try SmallRun.train(configuration(6))[0]
    _ = try SmallRun.train(configuration(3), threads: 2, folder: folder)
    let resumed = try SmallRun.train(configuration(6), ranks: 2, folder: folder)[0]
    #expect(resumed.records.map(\.step) == [4, 5, 6])
    #expect(resumed.weights == long.weights)
    let path = try #require(try SmallRun.checkpoints(in: folder).last)
    let checkpoint = try Checkpoint(path: path)
    #expect(try checkpoint.configuration.precision == .bfloat16)
    #expect(try NetworkWeights(checkpoint).network.precision == .bfloat16)
    let given = try NetworkWeights(checkpoint, precision: .float32)
    #expect(given.network.precision == .float32)
  }
}
