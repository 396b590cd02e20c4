import Checkpoints
import Configuration
import Datasets
import Foundation
import RunSupport
import Testing
import Training

/// Which evaluation counts as the best, and when a run ends for want of a better one.
@Suite struct EvaluationPatienceTests {
  /// 12 people who train and 4 who are measured after each epoch of 4 steps.
  private static let measured = FlaggedRun.small.merging([
    "data": "synthetic:people=16,photos=6,size=32", "split": "people-random:0.75",
    "evaluate-every": "1e", "checkpoint-every": "1e", "epochs": "12", "lr": "1e-9",
    "keep-best": "true",
  ]) { $1 }.filter { $0.key != "steps" }

  /// At a rate so small that no evaluation is better than the first.
  @Test(arguments: [1, 2])
  func patienceEndsARunOnAllRanksAndIsKeptOverAResume(ranks: Int) throws {
    try FlaggedRun.withFolder { folder in
      let flags = Self.measured.merging(["patience": "3"]) { $1 }
      let first = try FlaggedRun.train(flags, in: folder, ranks: ranks) { hooks, _ in
        let stop = TestStop()
        hooks.stop = stop
        hooks.onStep = { if $1.step == 10 { stop.wantsEnd = true } }
      }
      #expect(first.ending == .interrupted)
      // Best after step 4; 8, 12 and 16 are no better.
      let resumed = try FlaggedRun.train(["resume": "auto"], in: folder, ranks: ranks)
      #expect(resumed.ending == .finished && resumed.steps == Array(11...16))
      let kept = try FlaggedRun.newest(folder).progress
      #expect(kept.step == 16 && kept.bestStep == 4 && kept.evaluationsSinceBest == 3)
      #expect(try FlaggedRun.log(folder).contains { $0.contains("the run ends at step 16 of 48") })
      for flags in [[:], ["patience": "3"]] {
        #expect {
          try FlaggedRun.train(
            flags.merging(["resume": "auto"]) { $1 }, changes: ["lr=2e-9"], in: folder,
            ranks: ranks)
        } throws: {
          "\($0)".contains(
            "ended after 3 evaluations without a better figure: lr=2e-9 would change nothing; give "
              + "a --patience of more than 3 too")
        }
      }
      // Ended is ended, until it is to be more patient.
      #expect(try FlaggedRun.train(["resume": "auto"], in: folder).steps.isEmpty)
      let on = try FlaggedRun.train(["resume": "auto", "patience": "4"], in: folder)
      #expect(on.steps == Array(17...20))
      let changed = try FlaggedRun.train(
        ["resume": "auto", "patience": "5"], changes: ["lr=2e-9"], in: folder)
      #expect(changed.steps == Array(21...24))
    }
  }

  @Test func patienceWithoutEvaluationsIsRefused() {
    #expect(throws: ConfigurationError.self) {
      try FlaggedRun.request(
        Self.measured.merging(["patience": "1", "evaluate-every": "0"]) { $1 })
    }
  }

  private static func pairs(_ second: Int, in folder: String) throws -> String {
    var lines = ["4"]
    for person in 1...4 { lines.append("person_000\(person)\t1\t\(second)") }
    for person in 1...4 {
      lines.append("person_000\(person)\t1\tperson_000\(person % 4 + 1)\t\(second)")
    }
    let path = folder + "-pairs-\(second).txt"
    try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test func theBestBelongsToThePairsThatItWasMeasuredOn() throws {
    try FlaggedRun.withFolder { folder in
      let (first, second) = (try Self.pairs(2, in: folder), try Self.pairs(3, in: folder))
      defer { for path in [first, second] { try? FileManager.default.removeItem(atPath: path) } }
      let flags = Self.measured.merging(["epochs": "2", "pairs": first]) { $1 }
      try FlaggedRun.train(flags, in: folder)
      let before = try FlaggedRun.newest(folder).progress
      #expect(before.bestStep == 4 && before.bestSet != nil)
      // The same pairs under another name are the same.
      let copy = folder + "-copy.txt"
      try FileManager.default.copyItem(atPath: first, toPath: copy)
      defer { try? FileManager.default.removeItem(atPath: copy) }
      try FlaggedRun.train(["resume": "auto", "epochs": "3", "pairs": copy], in: folder)
      #expect(try FlaggedRun.newest(folder).progress.bestStep == 4)
      try FlaggedRun.train(["resume": "auto", "epochs": "4", "pairs": second], in: folder)
      let after = try FlaggedRun.newest(folder).progress
      #expect(after.bestStep == 16 && after.bestSet != before.bestSet)
      #expect(try FlaggedRun.log(folder).contains { $0.contains("measured on other pairs") })
      let best = try FileManager.default.destinationOfSymbolicLink(
        atPath: folder + "/checkpoints/best.safetensors")
      #expect(best == "step-000000016.safetensors")
      try FlaggedRun.train(["resume": "auto", "epochs": "5", "flip-test": "true"], in: folder)
      #expect(try FlaggedRun.newest(folder).progress.bestStep == 20)
    }
  }
}
