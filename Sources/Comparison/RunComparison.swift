internal import Checkpoints
internal import Configuration
private import Foundation
internal import Interchange

/// Two runs held side by side: where they part first, in what, and what could be the reason.
package struct RunComparison {
  private let folders: [String]
  private let traces: [RunTrace]
  /// The newest good checkpoint of each.
  private let newest: [Checkpoint?]

  /// Reads the run folders `first` and `second`; throws what cannot be read.
  package init(_ first: String, _ second: String) throws {
    folders = [first, second]
    traces = try folders.map(RunTrace.init)
    newest = folders.map { CheckpointStore.newestGood(in: $0 + "/checkpoints").checkpoint }
  }

  /// The step that both runs have and that is the first to differ; nil where all are alike.
  private var firstDifference: (StepTrace, StepTrace)? {
    common.lazy.map { (traces[0].steps[$0]!, traces[1].steps[$0]!) }.first { $0 != $1 }
  }

  /// The steps that both have, ascending.
  private var common: [Int] {
    traces[0].steps.keys.filter { traces[1].steps[$0] != nil }.sorted()
  }

  /// Whether they have steps in common and agree in all of them.
  package var isAlike: Bool { !common.isEmpty && firstDifference == nil }

  /// What there is to say, a line each.
  package func lines() throws -> [String] {
    guard let last = common.last else { return ["no step that both runs have made"] }
    guard let (one, other) = firstDifference else {
      return [
        "alike in all \(common.count) steps that both have made, up to step \(last)",
        "weights after it: \(one(at: last))",
      ]
    }
    let before = common.prefix { $0 < one.step }.count
    var lines = ["first difference: step \(one.step), after \(before) steps that are alike"]
    lines += Self.fields(one, other)
    lines += try tensorLines(from: one.step)
    let reasons = try reasons()
    lines += reasons
    lines.append(
      "likely: "
        + Self.verdict(one, other, hasReasons: !reasons.isEmpty))
    return lines
  }

  private func one(at step: Int) -> String { traces[0].steps[step]!.weightsHash }

  private static func fields(_ one: StepTrace, _ other: StepTrace) -> [String] {
    func row(_ name: String, _ a: String, _ b: String) -> String? {
      a == b ? nil : "  \(name): \(a) | \(b)"
    }
    return [
      row("samples so far", "\(one.samples)", "\(other.samples)"),
      row("photos replaced", "\(one.skippedSamples)", "\(other.skippedSamples)"),
      row("loss", one.loss, other.loss),
      row("skipped", "\(one.isSkipped)", "\(other.isSkipped)"),
      row("gradient", one.gradientHash, other.gradientHash),
      row("weights", one.weightsHash, other.weightsHash),
    ].compactMap { $0 }
  }

  /// The tensors that differ in the first checkpoint that both have from `step` on.
  private func tensorLines(from step: Int) throws -> [String] {
    let steps = folders.map { Set(CheckpointStore.steps(in: $0 + "/checkpoints")) }
    guard let shared = steps[0].intersection(steps[1]).filter({ $0 >= step }).min() else {
      return ["tensors: no checkpoint from step \(step) on that both have (--checkpoint-every)"]
    }
    let paths = folders.map { $0 + "/checkpoints/" + CheckpointStore.name(step: shared) }
    return try TensorComparison(paths[0], paths[1]).lines(title: "tensors after step \(shared)")
  }

  /// The configurations of both, by their newest checkpoints, else as they were written at the
  /// start; nil where one has neither.
  private func configurations() throws -> [RunConfiguration]? {
    let texts = zip(newest, folders).map { checkpoint, folder -> (path: String, text: String)? in
      if let checkpoint { return (checkpoint.path, checkpoint.configurationText) }
      let path = folder + "/config.yaml"
      return (try? String(contentsOfFile: path, encoding: .utf8)).map { (path, $0) }
    }
    guard let one = texts[0], let other = texts[1] else { return nil }
    return try [one, other].map {
      try RunConfiguration.parse(yaml: $0.text, path: $0.path)
    }
  }

  /// Differences of what the runs were given and where they ran.
  private func reasons() throws -> [String] {
    var lines: [String] = []
    if let configurations = try configurations() {
      lines += configurations[1].mathematicsDifferences(from: configurations[0])
        .map { "configuration: \($0)" }
    }
    if let one = newest[0], let other = newest[1] {
      if one.dataFingerprint != other.dataFingerprint {
        lines.append(
          "data: other photos, people or landmarks (\(one.dataFingerprint) | "
            + "\(other.dataFingerprint))")
      }
    }
    if let one = newest[0]?.pixels, let other = newest[1]?.pixels, one != other {
      lines.append("libjpeg: other pixels of the same photo (\(one) | \(other))")
    }
    func compare(_ name: String, _ path: KeyPath<RunTrace, String?>) {
      let (one, other) = (traces[0][keyPath: path], traces[1][keyPath: path])
      if let one, let other, one != other { lines.append("\(name): \(one) | \(other)") }
    }
    compare("program", \.program)
    compare("processor", \.processor)
    return lines
  }

  /// Where in a step the difference arose, by what is the first of it to differ.
  private static func verdict(
    _ one: StepTrace, _ other: StepTrace, hasReasons: Bool
  ) -> String {
    let what =
      if one.samples != other.samples {
        "the batches differ: --batch, the number of photos, or steps of another run in between"
      } else if one.skippedSamples != other.skippedSamples {
        "one of them could not read photos that the other could: see 'bad photo' in log.txt"
      } else if one.loss != other.loss {
        "forward differs: other photos, other weights before the step, or other arithmetic"
      } else if one.isSkipped != other.isSkipped {
        "one skipped the step: its gradient was not finite or left the grid (--gradient-grid)"
      } else if one.gradientHash != other.gradientHash {
        "backward or the sum over ranks differs: arithmetic, or --reduce"
      } else {
        "the update differs: rates, optimizer, or its state"
      }
    return what
      + (hasReasons
        ? "; what differs above comes first"
        : "; configuration, data, program and processor are the same as far as the folders tell: "
          + "memory or a processor may be at fault, run both again")
  }
}
