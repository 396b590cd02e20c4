import Comparison
import Configuration
import Foundation
import Testing
import TestSupport
import Training

/// `ddp-train compare`: where two runs part, and in what.
@Suite struct RunComparisonTests {
  private let folder = SmallRun.temporaryFolder()

  private func train(
    _ name: String, ranks: Int = 1, _ change: (inout RunConfiguration) -> Void = { _ in }
  ) throws -> String {
    let path = "\(folder)/\(name)"
    _ = try SmallRun.train(
      SmallRun.configuration {
        $0.length = .steps(4)
        $0.checkpointEvery = .steps(1)
        $0.keep = 10
        change(&$0)
      }, ranks: ranks, folder: path)
    return path
  }

  private func compare(_ first: String, _ second: String) throws -> (text: String, isAlike: Bool) {
    let (lines, isAlike) = try CompareRequest(first: first, second: second).run()
    return (lines.joined(separator: "\n"), isAlike)
  }

  @Test func worldsAreAlike() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let found = try compare(try train("one"), try train("two", ranks: 2))
    #expect(found.isAlike && found.text.hasPrefix("alike in all 4 steps"), "\(found.text)")
  }

  @Test func anotherRateShowsInTheUpdateOfTheFirstStep() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (one, other) = (try train("one"), try train("other") { $0.learningRate = 0.05 })
    let found = try compare(one, other)
    #expect(!found.isAlike)
    #expect(found.text.hasPrefix("first difference: step 1, after 0 steps that are alike"))
    #expect(!found.text.contains("  loss: ") && !found.text.contains("  gradient: "))
    #expect(found.text.contains("  weights: "))
    #expect(found.text.contains("tensors after step 1:"))
    #expect(found.text.contains("conv1.weight: "))
    #expect(found.text.contains("configuration: lr was 0.1, is 0.05"))
    #expect(found.text.contains("likely: the update differs"))
    let name = "checkpoints/step-000000001.safetensors"
    let files = try compare("\(one)/\(name)", "\(other)/\(name)")
    #expect(!files.isAlike && files.text.contains("conv1.weight: "))
    #expect(try compare("\(one)/\(name)", "\(one)/\(name)").isAlike)
  }

  @Test func otherFirstWeightsShowInTheLoss() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let found = try compare(try train("one"), try train("other") { $0.seed = 2 })
    #expect(found.text.contains("  loss: ") && found.text.contains("likely: forward differs"))
  }

  @Test func aFolderWithoutARunIsRefused() throws {
    #expect(throws: (any Error).self) { try compare(folder, folder) }
  }
}
