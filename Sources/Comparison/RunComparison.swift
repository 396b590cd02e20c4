internal import Checkpoints
internal import Configuration
private import Datasets
private import Foundation
internal import Interchange
internal import RunFolders

/// Two runs held side by side: where they part first, in what, and what could be the reason.
package struct RunComparison {
  private let folders: [RunFolder]
  private let traces: [RunTrace]
  /// The steps that both have, ascending.
  private let common: [Int]
  /// The first of them in which they differ; nil where all are alike.
  private let firstDifference: Int?
  /// The newest good checkpoint of each.
  private let newest: [Checkpoint?]

  /// Reads the run folders `first` and `second`; throws what cannot be read.
  package init(_ first: String, _ second: String) throws {
    let folders = [RunFolder(path: first), RunFolder(path: second)]
    let traces = try folders.map(RunTrace.init)
    let common = traces[0].steps.filter(traces[1].has).sorted()
    (self.folders, self.traces, self.common) = (folders, traces, common)
    firstDifference = common.first { !traces[0].agrees(with: traces[1], at: $0) }
    newest = folders.map {
      CheckpointStore.newestGood(in: $0.checkpoints, needsHead: false).checkpoint
    }
  }

  /// Whether they have steps in common and agree in all of them, and in the averages of their
  /// weights. Throws what cannot be read.
  package func isAlike() throws -> Bool {
    try !common.isEmpty && firstDifference == nil && averageLines().isEmpty
  }

  /// What there is to say, a line each.
  package func lines() throws -> [String] { try differenceLines() + gapLines() }

  /// How the averages of the weights differ where the weights do not: by their options, and in the
  /// last checkpoint that both have. No step of the metrics tells of them.
  private func averageLines() throws -> [String] {
    guard let last = common.last else { return [] }
    var lines: [String] = []
    if let configurations = try configurations(at: last) {
      let ema = ConfigurationOption.of(\.ema)
      let (one, other) = (ema.text(configurations[0]), ema.text(configurations[1]))
      if one != other { lines.append("averages: ema was \(one ?? "none"), is \(other ?? "none")") }
    }
    let steps = folders.map { Set(CheckpointStore.steps(in: $0.checkpoints)) }
    guard let shared = steps[0].intersection(steps[1]).filter({ $0 <= last }).max() else {
      return lines
    }
    let paths = folders.map { $0.checkpoints + "/" + CheckpointStore.name(step: shared) }
    do {
      let tensors = try TensorComparison(paths[0], paths[1]) {
        $0.hasPrefix(Checkpoint.prefix(of: .ema))
      }
      return tensors.isAlike
        ? lines : lines + tensors.lines(title: "averages after step \(shared)")
    } catch {
      // Damage is when this is asked: what the metrics tell is told all the same.
      return lines + ["averages: not compared: \(error)"]
    }
  }

  /// What the metrics of the runs lack, of which nothing can be said.
  private func gapLines() -> [String] {
    let last = traces.compactMap { $0.steps.max() }.max() ?? 0
    var lines: [String] = []
    for (folder, trace) in zip(folders, traces) {
      if let lacking = trace.gaps(upTo: last).text {
        lines.append("not compared: \(folder.metrics) lacks \(lacking)")
      }
      guard trace.repeated > 0 else { continue }
      let count = trace.repeated == 1 ? "1 line" : "\(trace.repeated) lines"
      lines.append(
        "not compared: \(folder.metrics) has \(count) of steps that stand there already")
    }
    return lines
  }

  private func differenceLines() throws -> [String] {
    guard let last = common.last else { return ["no step that both runs have made"] }
    guard let firstDifference else {
      return [
        "alike in all \(common.count) steps that both have made, up to step \(last)",
        "weights_hash after it: \(try traces[0].trace(of: last).weightsHash)",
      ] + (try averageLines())
    }
    let one = try traces[0].trace(of: firstDifference)
    let other = try traces[1].trace(of: firstDifference)
    let before = common.prefix { $0 < one.step }.count
    var lines = ["first difference: step \(one.step), after \(before) steps that are alike"]
    lines += Self.fields(one, other)
    lines += tensorLines(from: one.step)
    let reasons = try reasons(at: one.step)
    lines += reasons
    lines.append(
      "likely: "
        + Self.verdict(
          one, other, hasReasons: !reasons.isEmpty, knowsPhotos: photos.allSatisfy { $0 != nil }))
    return lines
  }

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
  private func tensorLines(from step: Int) -> [String] {
    let steps = folders.map { Set(CheckpointStore.steps(in: $0.checkpoints)) }
    guard let shared = steps[0].intersection(steps[1]).filter({ $0 >= step }).min() else {
      return ["tensors: no checkpoint from step \(step) on that both have (--checkpoint-every)"]
    }
    let paths = folders.map { $0.checkpoints + "/" + CheckpointStore.name(step: shared) }
    do {
      return try TensorComparison(paths[0], paths[1]).lines(title: "tensors after step \(shared)")
    } catch {
      // Damage is when this is asked: what the metrics tell is told all the same.
      return ["tensors: not compared: \(error)"]
    }
  }

  /// The configurations of both that made `step`, by their newest checkpoints, else as they were
  /// written at the start; nil where one has neither.
  private func configurations(at step: Int) throws -> [RunConfiguration]? {
    let texts = zip(newest, folders).map { checkpoint, folder -> (path: String, text: String)? in
      if let checkpoint { return (checkpoint.path, checkpoint.configurationText) }
      let text = try? String(contentsOfFile: folder.configuration, encoding: .utf8)
      return text.map { (folder.configuration, $0) }
    }
    guard let one = texts[0], let other = texts[1] else { return nil }
    return try zip([one, other], newest).map { written, checkpoint in
      let later = (checkpoint?.changes ?? []).filter { $0.step >= step }
      return try RunConfiguration.parse(yaml: written.text, path: written.path).before(later)
    }
  }

  /// The photos of both, by the fingerprint of names and people and the sample of bytes, of their
  /// newest checkpoints, else as the logs have them; nil where neither tells.
  private var photos: [(names: String, bytes: String?)?] {
    zip(newest, traces).map { checkpoint, trace in
      if let checkpoint { return (checkpoint.dataFingerprint, checkpoint.dataSample) }
      guard let words = trace.photos?.split(separator: " ", maxSplits: 1).map(String.init),
        words.count == 2
      else { return nil }
      return (words[0], words[1])
    }
  }

  /// How the photos of both differ, a line at most.
  private func photoReasons() -> [String] {
    guard let one = photos[0], let other = photos[1] else { return [] }
    if one.names != other.names {
      return ["data: other photos, people or landmarks (\(one.names) | \(other.names))"]
    }
    guard let bytes = one.bytes, let others = other.bytes, !PhotoSample.agree(bytes, others) else {
      return []
    }
    return ["data: other bytes of photos of the same names (\(bytes) | \(others))"]
  }

  /// Differences of what the runs were given until they made `step`, and where they ran.
  private func reasons(at step: Int) throws -> [String] {
    var lines: [String] = []
    if let configurations = try configurations(at: step) {
      lines += Self.differences(configurations).map { "configuration: \($0)" }
      if configurations.contains(where: \.dependsOnRanks) {
        lines += lossyReasons(configurations)
      }
    }
    lines += changeReasons(before: step)
    lines += photoReasons()
    if let one = newest[0]?.pixels, let other = newest[1]?.pixels, one != other {
      lines.append("libjpeg: other pixels of the same photo (\(one) | \(other))")
    }
    func compare(_ name: String, _ path: KeyPath<RunTrace, String?>) {
      let (one, other) = (traces[0][keyPath: path], traces[1][keyPath: path])
      if let one, let other, one != other { lines.append("\(name): \(one) | \(other)") }
    }
    compare("first weights", \.firstWeights)
    compare("program", \.program)
    compare("processor", \.processor)
    return lines
  }

  /// What of the mathematics differs, and the length where a schedule ends with the run.
  private static func differences(_ configurations: [RunConfiguration]) -> [String] {
    let lengths = ["epochs", "steps"]
    let bends = configurations.contains { $0.schedule.traits.hasLastRate }
    return configurations[1].changes(from: configurations[0], at: 0)
      .filter { bends || !lengths.contains($0.name) }
      .map { "\($0.name) was \($0.old), is \($0.new)" }
  }

  /// What the sums of a `--reduce` that rounds depend on.
  private func lossyReasons(_ configurations: [RunConfiguration]) -> [String] {
    var lines: [String] = []
    let starts = traces.map { $0.starts.joined(separator: ", ") }
    if starts[0] != starts[1], !starts.contains("") {
      lines.append("ranks under a --reduce that rounds: \(starts[0]) | \(starts[1])")
    }
    let heads = traces.map { $0.heads.joined(separator: ", ") }
    if heads[0] != heads[1], !heads.contains("") {
      lines.append("head under a --reduce that rounds: \(heads[0]) | \(heads[1])")
    }
    let shards = configurations.map(\.shardsOptimizer)
    if shards[0] != shards[1] {
      lines.append("shard-optimizer under a --reduce that rounds: \(shards[0]) | \(shards[1])")
    }
    return lines
  }

  /// What became otherwise on the way of one and not of the other, or at another step, before one
  /// of them made `step`.
  private func changeReasons(before step: Int) -> [String] {
    let changes = newest.map { ($0?.changes ?? []).filter { $0.step < step } }
    guard changes[0] != changes[1] else { return [] }
    let texts = changes.map { own in
      own.isEmpty ? "none" : own.map(\.sentence).joined(separator: ", ")
    }
    return ["changes: \(texts[0]) | \(texts[1])"]
  }

  /// Where in a step the difference arose, by what is the first of it to differ.
  private static func verdict(
    _ one: StepTrace, _ other: StepTrace, hasReasons: Bool, knowsPhotos: Bool
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
        "backward or the sum over ranks differs: arithmetic, --reduce or --gradient-grid"
      } else {
        "the update differs: rates, optimizer, or its state"
      }
    if hasReasons { return what + "; what differs above comes first" }
    guard knowsPhotos else {
      return what
        + "; configuration, program and processor are the same as far as the folders tell, and of "
        + "the photos they do not: compare those first, then run both again"
    }
    return what
      + "; configuration, data, program and processor are the same as far as the folders tell: "
      + "memory or a processor may be at fault, run both again"
  }
}
