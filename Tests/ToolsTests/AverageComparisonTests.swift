import Comparison
import Configuration
import Foundation
import RunSupport
import TestSupport
import Testing
import Training

/// Averages of the weights are compared too, of which no step tells.
@Suite struct AverageComparisonTests {
  private static func train(_ name: String, in folder: String, ema: String?) throws -> String {
    let flags = FlaggedRun.small.merging(["steps": "4"]) { $1 }
      .merging(ema.map { ["ema": $0] } ?? [:]) { $1 }
    try FlaggedRun.train(flags, in: "\(folder)/\(name)")
    return "\(folder)/\(name)"
  }

  @Test func runsOfOtherAveragesAreNotAlike() throws {
    try FlaggedRun.withFolder { folder in
      let runs = try [("a", "0.9"), ("b", "0.1"), ("c", nil), ("d", "0.9")].map {
        try Self.train($0.0, in: folder, ema: $0.1)
      }
      func compare(_ one: Int, _ other: Int) throws -> (text: String, isAlike: Bool) {
        let (lines, isAlike) = try CompareRequest(first: runs[one], second: runs[other]).run()
        return (lines.joined(separator: "\n"), isAlike)
      }
      let other = try compare(0, 1)
      #expect(!other.isAlike && other.text.hasPrefix("alike in all 4 steps"), "\(other.text)")
      #expect(other.text.contains("averages: ema was 0.9, is 0.1"), "\(other.text)")
      #expect(other.text.contains("averages after step 4: "), "\(other.text)")
      #expect(!other.text.contains("momentum"))
      let without = try compare(0, 2)
      #expect(!without.isAlike && without.text.contains("averages: ema was 0.9"), "\(without.text)")
      #expect(without.text.contains("in the first alone"), "\(without.text)")
      let same = try compare(0, 3)
      #expect(same.isAlike && !same.text.contains("averages"), "\(same.text)")
    }
  }
}
