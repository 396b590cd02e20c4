import Comparison
import Foundation
import Interchange
import RunSupport
import Testing
import Training

/// What else than a run has written may stand in `metrics.jsonl`: other ends of lines, and steps
/// twice.
@Suite struct MetricsLinesTests {
  private static let small = FlaggedRun.small.merging(["steps": "8", "evaluate-every": "4"]) { $1 }

  private static func warning(_ folder: String) throws -> String? {
    try FlaggedRun.log(folder).last { $0.contains("metrics.jsonl") && $0.contains("warning: ") }
  }

  private static func steps(_ path: String) throws -> [String] {
    try TextFile.lines(of: path).map { String($0.prefix { $0 != "," }) }
  }

  @Test func linesThatEndInCarriageReturnsAreSound() throws {
    try FlaggedRun.withFolder { folder in
      for name in ["a", "b"] { try FlaggedRun.train(Self.small, in: "\(folder)/\(name)") }
      for name in ["metrics.jsonl", "log.txt"] {
        let path = "\(folder)/b/\(name)"
        let lines = try TextFile.lines(of: path)
        try Data((lines.joined(separator: "\r\n") + "\r\n").utf8).write(
          to: URL(fileURLWithPath: path))
      }
      let found = try CompareRequest(first: folder + "/a", second: folder + "/b").run()
      #expect(found.isAlike && found.lines[0].hasPrefix("alike in all 8 steps"), "\(found.lines)")
      #expect(found.lines.count == 2, "\(found.lines)")
      for name in ["a", "b"] {
        try FlaggedRun.train(
          ["resume": "auto", "steps": "10", "csv": "true"], in: "\(folder)/\(name)")
      }
      #expect(try Self.warning(folder + "/b") == nil)
      let tables = try ["a", "b"].map { name in
        try Self.steps("\(folder)/\(name)/metrics.csv")
      }
      #expect(tables[0].count == 11 && tables[0] == tables[1], "\(tables)")
    }
  }

  @Test func theFirstLineOfAStepIsKept() throws {
    let small = Self.small.merging(["split": "people-random:0.67"]) { $1 }
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(small, in: folder)
      let path = folder + "/metrics.jsonl"
      let lines = try TextFile.lines(of: path)
      let other = lines[1].replacingOccurrences(of: "\"loss\":", with: "\"loss\":9")
      let evaluation = try #require(lines.first { $0.hasPrefix("{\"evaluation\"") })
      let more = lines + [other, lines[3], evaluation]
      try TextFile.write(more.joined(separator: "\n") + "\n", to: path)
      let found = try CompareRequest(first: folder, second: folder).run()
      #expect(found.isAlike)
      #expect(
        found.lines.last
          == "not compared: \(path) has 2 lines of steps that stand there already")
      try FlaggedRun.train(["resume": "auto", "steps": "9"], in: folder)
      let warning = try #require(try Self.warning(folder))
      #expect(
        warning.hasSuffix(
          "metrics.jsonl: 3 repeated lines were dropped, the first of each step is kept"),
        "\(warning)")
      #expect(try Array(TextFile.lines(of: path).prefix(lines.count)) == lines)
      #expect(try Self.steps(path).count { $0 == "{\"step\":2" } == 1)
    }
  }

  @Test func linesThatLackAndLinesThatAreRepeatedAreBothTold() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small, in: folder)
      let path = folder + "/metrics.jsonl"
      var lines = try TextFile.lines(of: path)
      lines.append(lines[0])
      lines.remove(at: 2)
      try TextFile.write(lines.joined(separator: "\n") + "\n", to: path)
      try FlaggedRun.train(["resume": "auto", "steps": "9"], in: folder)
      let warning = try #require(try Self.warning(folder))
      #expect(
        warning.hasSuffix(
          "lacks step 3; report, tables and compare lack them too; 1 repeated line was dropped, "
            + "the first of each step is kept"), "\(warning)")
    }
  }

  @Test func compareNamesTheStepsOfAnEmptyFile() throws {
    try FlaggedRun.withFolder { folder in
      for name in ["a", "b"] { try FlaggedRun.train(Self.small, in: "\(folder)/\(name)") }
      try Data().write(to: URL(fileURLWithPath: folder + "/b/metrics.jsonl"))
      let found = try CompareRequest(first: folder + "/a", second: folder + "/b").run()
      #expect(!found.isAlike)
      #expect(
        found.lines == [
          "no step that both runs have made",
          "not compared: \(folder)/b/metrics.jsonl lacks steps 1-8",
        ])
    }
  }
}
