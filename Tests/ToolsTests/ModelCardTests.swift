import Cards
import Checkpoints
import Configuration
import Determinism
import Foundation
import Interchange
import Interop
import RunFolders
import RunSupport
import TestSupport
import Testing
import Training

/// Model cards of runs: what they say is what the run has, and what it has not is said.
@Suite struct ModelCardTests {
  private static func withRun(
    _ change: [String: String] = [:], _ body: (String) throws -> Void
  ) throws {
    try FlaggedRun.withFolder { folder in
      let flags = FlaggedRun.small.merging([
        "split": "people-random:0.67", "evaluate-every": "4", "steps": "8",
      ]) { $1 }.merging(change) { $1 }
      try FlaggedRun.train(flags, in: folder)
      try body(folder)
    }
  }

  private static func card(
    _ run: String, evaluations: [String] = []
  ) throws -> [String] {
    var request = CardRequest(checkpoint: run)
    request.evaluations = evaluations
    request.out = run + "/card.md"
    try request.run()
    defer { try? FileManager.default.removeItem(atPath: run + "/card.md") }
    return try TextFile.lines(of: run + "/card.md")
  }

  @Test func itSaysWhatTheRunHas() throws {
    try Self.withRun { run in
      let lines = try Self.card(run)
      let checkpoint = try FlaggedRun.newest(run)
      let headings = lines.filter { $0.hasPrefix("#") && !$0.hasPrefix("# data") }
      #expect(
        headings.filter { $0.hasPrefix("## ") } == [
          "## Intended use", "## Network", "## Training data", "## Training", "## Evaluation",
          "## Leaks", "## Limits",
        ])
      #expect(lines[0] == "---" && lines.firstIndex(of: "library_name: ddp-train") == 1)
      #expect(lines.contains("| weights | `\(Hash64.text(try checkpoint.weightsHash()))` |"))
      let threshold = try #require(checkpoint.progress.threshold)
      #expect(lines.contains("| the same person below, two photos | \(threshold.pairText) |"))
      // Each figure of the last evaluation stands there once.
      let evaluation = try #require(
        TextFile.lines(of: run + "/metrics.jsonl").last { $0.hasPrefix("{\"evaluation\"") })
      for name in ["accuracy", "AUC", "EER", "rank-1"] {
        let value = try #require(evaluation.components(separatedBy: "\"\(name)\":").last)
          .prefix { "0123456789.e-".contains($0) }
        let row = "| \(name) | \(String(format: "%.6f", Double(value)!)) |"
        #expect(lines.count { $0 == row } == 1, "\(row)")
      }
      // What too few pairs decide has no number, nor has what stands beside it.
      let refused = lines.filter { $0.hasPrefix("| VAL@FAR=1e-3") }
      #expect(refused.count == 1 && refused[0].hasPrefix("| VAL@FAR=1e-3 | insufficient data: "))
      let first = try #require(lines.firstIndex(of: "```yaml"))
      let last = try #require(lines[first...].firstIndex(of: "```"))
      #expect(
        lines[first + 1..<last].joined(separator: "\n").trimmingCharacters(in: .newlines)
          == checkpoint.configurationText.trimmingCharacters(in: .newlines))
      #expect(
        lines.contains(
          "| course | 8 steps in batches of 21, \(checkpoint.progress.samples) faces seen |"))
      #expect(lines.contains { $0.hasPrefix("- It has seen drawn faces alone") })
    }
  }

  @Test func whatOtherCommandsPrintedComesIn() throws {
    try Self.withRun { run in
      let path = run + "/lfw.txt"
      try TextFile.write(
        """
        people overlap: 3 of the 40 people measured were trained on
        accuracy 0.991000
        TAR@FAR=1e-3 0.950000
        subset mean 0.9
        """, to: path)
      let lines = try Self.card(run, evaluations: [path])
      #expect(lines.contains { $0.hasPrefix("As `lfw.txt` has it, which does not name") })
      #expect(lines.contains("TAR@FAR=1e-3 0.950000"))
      #expect(lines.contains("- people overlap: 3 of the 40 people measured were trained on"))
      #expect(!lines.contains { $0.contains("No figures by groups") })
      #expect(!lines.contains { $0.contains("No rates at small") })
      let bare = try Self.card(run)
      #expect(bare.contains { $0.contains("No figures by groups") })
      #expect(bare.contains { $0.contains("No rates at small") })
      #expect(bare.contains { $0.hasPrefix("No person who was measured is known to have been") })
    }
  }

  @Test func nothingMeasuredIsSaid() throws {
    try Self.withRun(["split": "all", "evaluate-every": "0"]) { run in
      let lines = try Self.card(run)
      #expect(lines.contains("Nothing was measured: what it is worth is not known."))
      #expect(!lines.contains { $0.contains("thresholds were chosen") })
      #expect(lines.contains("Nobody was measured."))
    }
  }

  @Test func peopleOnBothSidesAreTold() throws {
    try Self.withRun(["split": "random:60"]) { run in
      let lines = try Self.card(run)
      #expect(
        lines.contains(
          "By its split, random:60, the people who were measured were trained on, with other "
            + "photos."))
      #expect(!lines.contains { $0.hasPrefix("No person who was measured") })
    }
  }

  /// A checkpoint that was copied away from its run has no log beside it.
  @Test func aCheckpointAloneHasACard() throws {
    try Self.withRun { run in
      let copy = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: copy) }
      let path = copy.path + "/net.safetensors"
      let newest = try #require(try SmallRun.checkpoints(in: run).last)
      try FileManager.default.copyItem(atPath: newest, toPath: path)
      var request = CardRequest(checkpoint: path)
      request.out = copy.path + "/card.md"
      try request.run()
      let lines = try TextFile.lines(of: copy.path + "/card.md")
      #expect(lines.contains { $0.hasPrefix("| photos | synthetic:people=12") })
      #expect(lines.contains("Nothing was measured: what it is worth is not known."))
      request.out = path
      #expect(throws: CommandFiles.Conflict.self) { try request.run() }
    }
  }
}
