import CheckpointParts
import Checkpoints
import Configuration
import Datasets
import Engine
import Foundation
import Interchange
import Interop
import Networks
import RunFolders
import RunSupport
import State
import TestSupport
import Testing
import Training

/// Runs that keep an average of their weights (`--ema`).
@Suite struct AveragedWeightsTests {
  private static func configuration(
    _ decay: Double? = 0.6, _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.configuration {
      $0.ema = decay
      $0.schedule = .constant
      $0.length = .steps(8)
      change(&$0)
    }
  }

  private static func inFolder<Result>(_ body: (String) throws -> Result) rethrows -> Result {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }

  /// All averages in the newest checkpoint, by name.
  private static func averages(in folder: String) throws -> [String: [Float]] {
    let checkpoint = try CheckpointStore.open(folder).checkpoint
    var values: [String: [Float]] = [:]
    for entry in checkpoint.file.entries where entry.name.hasPrefix("optimizer.ema/") {
      values[entry.name] = try checkpoint.file.floats(entry.name)
    }
    values["optimizer.ema/head.weight"] = try checkpoint.classWeights(of: .ema)
    return values
  }

  private final class Recurrence: @unchecked Sendable {
    var average: [Double] = []
    var found: [Float] = []

    private func values(_ trainer: Trainer) -> [Float] {
      let state = trainer.engine.state
      return Array(UnsafeBufferPointer(start: state.parameters, count: state.parameterCount))
        + Array(UnsafeBufferPointer(start: state.statistics, count: state.statisticsCount))
    }

    func add(_ trainer: Trainer, decay: Double) {
      let (n, values) = (trainer.progress.updates - 1, values(trainer))
      if average.isEmpty { average = [Double](repeating: 0, count: values.count) }
      let kept = min(decay, Double(n) / Double(n + 9))
      for i in values.indices { average[i] = kept * average[i] + (1 - kept) * Double(values[i]) }
      let state = trainer.engine.state
      guard let weights = state.average, let moments = state.averageMoments else { return }
      found =
        Array(UnsafeBufferPointer(start: weights, count: state.parameterCount))
        + Array(UnsafeBufferPointer(start: moments, count: state.statisticsCount))
    }
  }

  @Test func theAverageFollowsTheWeightsAndDoesNotMoveThem() throws {
    let recurrence = Recurrence()
    let averaged = try SmallRun.train(
      Self.configuration(),
      hook: { hooks, _ in
        hooks.onStep = { trainer, _ in recurrence.add(trainer, decay: 0.6) }
      })
    #expect(recurrence.found.count == recurrence.average.count && !recurrence.found.isEmpty)
    for (found, expected) in zip(recurrence.found, recurrence.average) {
      #expect(abs(Double(found) - expected) <= 1e-5 * max(1, abs(expected)))
    }
    #expect(try SmallRun.train(Self.configuration(nil))[0].weights == averaged[0].weights)
  }

  /// Ways to keep the state, each by what it changes.
  private static let ways: [String: @Sendable (inout RunConfiguration) -> Void] = [
    "whole": { _ in }, "sharded": { $0.shardsOptimizer = true },
    "a divided head": { $0.head = .divided },
    "a divided head, sharded": {
      $0.head = .divided
      $0.shardsOptimizer = true
    },
  ]

  /// Stopped and resumed on the way as well.
  @Test(arguments: ways.keys.sorted())
  func everyWorldHasTheSameAverages(way: String) throws {
    let alone = try Self.inFolder {
      _ = try SmallRun.train(Self.configuration(), folder: $0)
      return try Self.averages(in: $0)
    }
    #expect(alone.values.contains { $0.contains { $0 != 0 } })
    for (ranks, threads) in [(1, 3), (2, 1), (3, 2)] {
      try Self.inFolder { folder in
        let configuration = Self.configuration(0.6) { Self.ways[way]?(&$0) }
        var half = configuration
        half.length = .steps(5)
        _ = try SmallRun.train(half, ranks: ranks, threads: threads, folder: folder)
        var rest = configuration
        rest.resume = .auto
        _ = try SmallRun.train(rest, ranks: ranks % 3 + 1, threads: threads, folder: folder)
        #expect(try Self.averages(in: folder) == alone, "\(way), \(ranks) x \(threads)")
      }
    }
  }

  /// The figures of `metrics.jsonl`, by set.
  private static func sets(in folder: String) throws -> [[String: [String: Double]]] {
    let text = try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8)
    return try text.split(separator: "\n").compactMap { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      guard let evaluation = object?["evaluation"] as? [String: Any] else { return nil }
      return evaluation["sets"] as? [String: [String: Double]]
    }
  }

  private static func evaluated(_ decay: Double) -> RunConfiguration {
    configuration(decay) {
      $0.split = .peopleRandom(fraction: 0.67)
      $0.evaluateEvery = .steps(4)
    }
  }

  @Test(arguments: ways.keys.sorted())
  func theAverageIsEvaluatedBesideTheWeights(way: String) throws {
    let alone = try Self.inFolder {
      _ = try SmallRun.train(Self.evaluated(0.99), folder: $0, speaks: true)
      let log = try String(contentsOfFile: $0 + "/log.txt", encoding: .utf8)
      #expect(log.contains(" ema accuracy "))
      return try Self.sets(in: $0)
    }
    #expect(alone.count == 2 && alone.allSatisfy { $0.keys.sorted() == ["", "ema"] })
    #expect(alone.last?["ema"] != alone.last?[""])
    for ranks in [2, 3] {
      try Self.inFolder { folder in
        var configuration = Self.evaluated(0.99)
        Self.ways[way]?(&configuration)
        _ = try SmallRun.train(configuration, ranks: ranks, folder: folder)
        #expect(try Self.sets(in: folder) == alone, "\(way), \(ranks)")
      }
    }
  }

  /// With next to no decay the average is the weights, and so are its figures.
  @Test func anAverageWithoutMemoryIsTheWeights() throws {
    try Self.inFolder { folder in
      _ = try SmallRun.train(Self.evaluated(1e-30), ranks: 2, folder: folder)
      for sets in try Self.sets(in: folder) { #expect(sets["ema"] == sets[""]) }
      let file = try CheckpointStore.open(folder).checkpoint.file
      for name in ["conv1.weight", "bn1.running_mean", "bn1.running_var", "head.weight"] {
        #expect(try file.floats("optimizer.ema/" + name) == file.floats(name), "\(name)")
      }
    }
  }

  /// Steps that are skipped move no average, and one that has not begun is not measured.
  @Test func anAverageBeginsWithTheFirstUpdate() throws {
    try Self.inFolder { folder in
      var configuration = Self.evaluated(0.99)
      configuration.length = .steps(3)
      configuration.evaluateEvery = .steps(1)
      configuration.checkpointEvery = .steps(1)
      configuration.keep = 9
      let outcome = try SmallRun.train(
        configuration, folder: folder,
        hook: { hooks, _ in
          var kept: Float = 0
          hooks.onStart = {
            kept = $0.engine.state.parameters[3]
            $0.engine.state.parameters[3] = .nan
          }
          hooks.onStep = { trainer, record in
            if record.step == 1 { trainer.engine.state.parameters[3] = kept }
          }
        })[0]
      #expect(outcome.records.map(\.isSkipped) == [true, false, false])
      // The evaluation of the first step has no named sets.
      #expect(try Self.sets(in: folder).count == 2)
      let files = try SmallRun.checkpoints(in: folder)
      #expect(files.map { String($0.suffix(14)) } == ["02.safetensors", "03.safetensors"])
      let first = try Checkpoint(path: files[0])
      #expect(first.holds(.ema))
      #expect(
        try first.file.floats("optimizer.ema/fc.weight") == first.file.floats("fc.weight"))
    }
  }

  @Test func theAverageIsExportedByItsName() throws {
    try Self.inFolder { folder in
      _ = try SmallRun.train(Self.configuration(), folder: folder)
      var request = ExportRequest(
        checkpoint: folder, format: .safetensors, out: folder + "/out.safetensors")
      request.weights = .ema
      _ = try request.run()
      let written = try SafetensorsFile(path: request.out)
      let averages = try Self.averages(in: folder)
      let names = written.entries.map(\.name).filter { !$0.hasSuffix("num_batches_tracked") }
      #expect(names.contains("bn1.running_var") && names.contains("conv1.weight"))
      for name in names {
        guard let average = averages["optimizer.ema/" + name] else { continue }
        #expect(try written.floats(name) == average, "\(name)")
      }
      let file = try CheckpointStore.open(folder).checkpoint.file
      #expect(try written.floats("conv1.weight") != file.floats("conv1.weight"))
      #expect(try written.floats("bn1.running_var") != file.floats("bn1.running_var"))
    }
  }

  @Test func aRunWithoutAnAverageSaysSo() throws {
    try Self.inFolder { folder in
      _ = try SmallRun.train(Self.configuration(nil), folder: folder)
      var request = ExportRequest(
        checkpoint: folder, format: .safetensors, out: folder + "/out.safetensors")
      request.weights = .ema
      let error = #expect(throws: CheckpointError.self) { try request.run() }
      #expect(
        "\(try #require(error))".contains(
          "without --ema or had not moved them yet; remove --weights ema"))
      // And cannot go on with one.
      var configuration = Self.configuration()
      configuration.resume = .auto
      let refusal = #expect(throws: (any Error).self) {
        try SmallRun.train(configuration, folder: folder)
      }
      #expect("\(try #require(refusal))".contains("ema was none, is 0.6"))
    }
  }
}
