import Comparison
import Configuration
import Foundation
import RunSupport
import Testing
import Training

/// What `ddp-train compare` says of two runs that sum their gradients on other grids.
@Suite struct RunComparisonGridTests {
  @Test func anotherGridShowsInTheGradientOfTheFirstStepAndIsNamed() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func train(_ name: String, _ grid: GradientGrid) throws -> String {
      _ = try SmallRun.train(
        SmallRun.configuration {
          $0.length = .steps(2)
          $0.gradientGrid = grid
        }, folder: "\(folder)/\(name)", speaks: true)
      return "\(folder)/\(name)"
    }
    let (lines, isAlike) = try CompareRequest(
      first: train("one", .automatic), second: train("other", .exponent(-24))
    ).run()
    #expect(!isAlike && lines[0].hasPrefix("first difference: step 1,"), "\(lines)")
    #expect(!lines.contains { $0.hasPrefix("  loss: ") })
    #expect(lines.contains { $0.hasPrefix("  gradient: ") })
    #expect(lines.contains("configuration: gradient-grid was auto, is -24"), "\(lines)")
    #expect(
      lines.contains {
        $0.hasPrefix(
          "likely: backward or the sum over ranks differs: arithmetic, --reduce or --gradient-grid")
      }, "\(lines)")
  }
}
