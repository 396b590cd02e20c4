import Comparison
import Foundation
import Interchange
import RunFolders
import RunSupport
import Testing
import Training

/// Each step stands exactly once in `metrics.jsonl`, and where one does not that is said.
@Suite struct MetricsGapTests {
  private static let small = FlaggedRun.small.merging(["steps": "8"]) { $1 }

  /// The warning of a run of 8 steps that goes on to 10 after `change` of the lines of its metrics,
  /// and what its folder then holds.
  private func warning(
    in folder: String, _ change: ([String]) -> [String]
  ) throws -> String? {
    try FlaggedRun.train(Self.small, in: folder)
    let path = folder + "/metrics.jsonl"
    let lines = change(try TextFile.lines(of: path))
    try TextFile.write(lines.joined(separator: "\n") + (lines.isEmpty ? "" : "\n"), to: path)
    try FlaggedRun.train(["resume": "auto", "steps": "10"], in: folder)
    return try Self.warnings(folder).last
  }

  private static func warnings(_ folder: String) throws -> [String] {
    try FlaggedRun.log(folder).filter { $0.contains("metrics.jsonl") && $0.contains("warning: ") }
  }

  @Test func aWholeFileIsNotSpokenOf() throws {
    try FlaggedRun.withFolder { folder in
      let warning = try warning(in: folder) { $0 }
      #expect(warning == nil)
    }
  }

  @Test(arguments: [
    (0..<0, "lacks steps 1-8;"), (0..<5, "lacks steps 6-8;"), (1..<8, "lacks step 1;"),
  ])
  func stepsThatLackAreNamed(kept: Range<Int>, words: String) throws {
    try FlaggedRun.withFolder { folder in
      let warning = try #require(try warning(in: folder) { Array($0[kept]) })
      #expect(warning.contains(words), "\(warning)")
      #expect(warning.hasSuffix("report, tables and compare lack them too"))
      // The page that is made of it says so as well.
      let page = try TextFile.read(folder + "/report.html")
      #expect(page.contains("metrics.jsonl lacks step"))
    }
  }

  @Test func aDamagedLineIsCountedAndItsStepNamed() throws {
    try FlaggedRun.withFolder { folder in
      let warning = try #require(
        try warning(in: folder) { lines in
          var lines = lines
          lines[2] = String(lines[2].dropLast(9))
          lines[6] = "\u{0}" + lines[6].dropFirst()
          return lines
        })
      #expect(warning.contains("lacks steps 3, 7, and 2 damaged lines were dropped"), "\(warning)")
    }
  }

  /// What a kill cuts off is behind the checkpoint, or the last line.
  @Test func theEndOfAKilledRunIsNoDamage() throws {
    try FlaggedRun.withFolder { folder in
      let warning = try warning(in: folder) { $0 + [#"{"step":9,"epoch""#] }
      #expect(warning == nil)
    }
  }

  @Test func aRunThatBeganElsewhereHasItsOwnStepsAlone() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small, in: folder + "/a")
      let checkpoint = folder + "/a/checkpoints/step-000000004.safetensors"
      try FlaggedRun.train(["resume": checkpoint], in: folder + "/b")
      try FlaggedRun.train(["resume": "auto", "steps": "10"], in: folder + "/b")
      #expect(try Self.warnings(folder + "/b").isEmpty)
      // What lacks of those is another matter.
      let path = folder + "/b/metrics.jsonl"
      let lines = try TextFile.lines(of: path)
      try TextFile.write(lines.dropFirst(2).joined(separator: "\n") + "\n", to: path)
      try FlaggedRun.train(["resume": "auto", "steps": "11"], in: folder + "/b")
      #expect(try Self.warnings(folder + "/b").last?.contains("lacks steps 1-6;") == true)
    }
  }

  @Test func compareNamesWhatItCannotCompare() throws {
    try FlaggedRun.withFolder { folder in
      for name in ["a", "b"] { try FlaggedRun.train(Self.small, in: "\(folder)/\(name)") }
      let path = folder + "/b/metrics.jsonl"
      var lines = try TextFile.lines(of: path)
      lines.removeSubrange(1..<3)
      try TextFile.write(lines.joined(separator: "\n") + "\n", to: path)
      let found = try CompareRequest(first: folder + "/a", second: folder + "/b").run()
      #expect(found.isAlike)
      #expect(found.lines.last == "not compared: \(path) lacks steps 2-3")
    }
  }
}
