import CAllocations
import Comparison
import Foundation
import Reports
import RunFolders
import RunSupport
import Testing

/// Runs of any length are held side by side in little memory.
@Suite(.serialized) struct LongComparisonTests {
  private let folder = SmallRun.temporaryFolder()

  /// A run of `steps` steps in lines as long as usual, whose weights are others from `odd` on; one
  /// evaluation and a torn line are in it.
  private func write(_ name: String, steps: Int, odd: Int = .max) throws -> String {
    let path = "\(folder)/\(name)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    #expect(FileManager.default.createFile(atPath: path + "/metrics.jsonl", contents: nil))
    let file = try #require(FileHandle(forWritingAtPath: path + "/metrics.jsonl"))
    // In pieces: other suites of the process look at what is allocated.
    var text = ""
    let filling = String(repeating: "0.001953125,", count: 60)
    for step in 1...steps {
      text +=
        "{\"step\":\(step),\"samples\":\(32 * step),\"loss\":\(8.0 / Double(step)),"
        + "\"microbatches\":[\(filling)1],\"skipped_steps\":0,\"skipped_samples\":0,"
        + "\"skipped\":false,\"gradient_hash\":\"00000000000000aa\","
        + "\"weights_hash\":\"\(step >= odd ? "b" : "a")00000000000\(1000 + step % 1000)\"}\n"
      if step == 7 { text += "{\"evaluation\":{\"step\":7,\"accuracy\":0.5}}\n{\"step\":8,\"sam\n" }
      guard step % 100 == 0 || step == steps else { continue }
      try file.write(contentsOf: Data(text.utf8))
      text = ""
    }
    try file.close()
    try "2026-01-01T00:00:00 program: one\n2026-01-01T00:00:00 processor: slow\n".write(
      toFile: path + "/log.txt", atomically: true, encoding: .utf8)
    return path
  }

  @Test func memoryDoesNotGrowWithTheLines() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let one = try write("one", steps: 20_000)
    let other = try write("other", steps: 20_000, odd: 19_000)
    let bytes = try #require(
      FileManager.default.attributesOfItem(atPath: one + "/metrics.jsonl")[.size] as? Int)
    #expect(bytes > 16 << 20)
    callocations_watch()
    let (lines, isAlike) = try CompareRequest(first: one, second: other).run()
    let held = Int(callocations_most_held())
    #expect(!isAlike)
    #expect(lines[0] == "first difference: step 19000, after 18999 steps that are alike")
    #expect(lines[1] == "  weights: a000000000001000 | b000000000001000", "\(lines)")
    #expect(held < bytes / 2, "\(held) of \(bytes)")
  }

  /// What a start reads of the run that it goes on from: the lines that it cuts off, and the curves
  /// of the report.
  @Test func goingOnFromALongRunTakesLittleMemory() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let run = try write("long", steps: 20_000)
    let metrics = run + "/metrics.jsonl"
    let bytes = try #require(
      FileManager.default.attributesOfItem(atPath: metrics)[.size] as? Int)
    callocations_watch()
    _ = try RunLog(folder: run, resumedAfter: 19_990, evaluatedAfter: 19_990)
    let cutting = Int(callocations_most_held())
    #expect(cutting < bytes / 2, "\(cutting) of \(bytes)")
    callocations_watch()
    let history = MetricsFile.read(metrics)
    let reading = Int(callocations_most_held())
    #expect(reading < bytes / 2, "\(reading) of \(bytes)")
    #expect(history.steps.map(\.step) == Array(1...19_990))
  }

  @Test func evaluationsAndTornLinesAreNoSteps() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (one, other) = (try write("one", steps: 12), try write("other", steps: 10))
    let found = try CompareRequest(first: one, second: other).run()
    #expect(found.isAlike)
    #expect(found.lines[0] == "alike in all 10 steps that both have made, up to step 10")
    #expect(found.lines[1] == "weights_hash after it: a000000000001010")
  }
}
