internal import CheckpointParts
internal import Checkpoints
internal import Configuration
internal import Datasets
internal import Determinism
internal import Evaluation
private import Foundation
internal import Interchange
internal import Networks
internal import Reports
internal import RunFolders

/// A page on a trained network for who takes it over (Mitchell et al. 2019, "Model Cards for Model
/// Reporting"), in Markdown, with the front matter that Hugging Face reads.
///
/// It says what the run knows. What nobody but its author can know stands between angle brackets.
struct ModelCard {
  private let checkpoint: Checkpoint
  private let configuration: RunConfiguration
  private let measured: [MeasuredText]
  /// The folder of the run; nil where the checkpoint lies in none.
  private let folder: RunFolder?
  private let log: RunNotes
  private let history: RunHistory
  private let receipt: String

  /// The card of `checkpoint`, with what was `measured` of it. Throws what is wrong with the
  /// checkpoint.
  init(of checkpoint: Checkpoint, measured: [MeasuredText]) throws {
    self.checkpoint = checkpoint
    self.measured = measured
    configuration = try checkpoint.configuration
    receipt =
      checkpoint.head.lacksParts
      ? Hash64.text(try checkpoint.fileHash()) + ", of the network alone"
      : Hash64.text(try checkpoint.weightsHash())
    let above = URL(fileURLWithPath: checkpoint.path).resolvingSymlinksInPath()
      .deletingLastPathComponent().deletingLastPathComponent().path
    let folder = RunFolder(path: above)
    self.folder = FileManager.default.fileExists(atPath: folder.configuration) ? folder : nil
    log = RunNotes(self.folder?.log)
    history = self.folder.map { MetricsFile.read($0.metrics) } ?? RunHistory()
  }

  /// The page.
  var lines: [String] {
    frontMatter + introduction + intendedUse + network + data + training + evaluation + leaks
      + limits
  }

  private func text<Value>(_ option: KeyPath<RunConfiguration, Value> & Sendable) -> String {
    ConfigurationOption.of(option).text(configuration) ?? "none"
  }

  private func table(_ rows: [(String, String)]) -> [String] {
    ["| | |", "|---|---|"]
      + rows.map { "| \($0) | \($1.replacingOccurrences(of: "|", with: "\\|")) |" }
  }

  private var frontMatter: [String] {
    [
      "---", "library_name: ddp-train", "tags:", "- face-recognition", "- face-verification",
      "---", "",
    ]
  }

  private var introduction: [String] {
    let progress = checkpoint.progress
    let origin = checkpoint.file.metadata["imported-from"].map { ", imported from \($0)" } ?? ""
    return [
      "# \(configuration.model.name), \(embeddingCount) numbers a face", "",
      "Made by `ddp-train card` from `\(name(of: checkpoint.path))`, after step \(progress.step)"
        + "\(origin). What stands between angle brackets is for the author to say.", "",
    ]
  }

  private var intendedUse: [String] {
    [
      "## Intended use", "",
      "<Who may use it, for what; what it must not be used for.> Embeddings of faces are personal "
        + "data in many countries: who makes them of others needs a reason that holds there.", "",
    ]
  }

  private var embeddingCount: Int {
    configuration.embedding ?? configuration.makeNetwork().embeddingCount
  }

  private var network: [String] {
    var rows = [
      ("model", "\(configuration.model.name), width \(text(\.width))"),
      (
        "input",
        "\(text(\.imageSize)) pixels, RGB; resize \(text(\.resize)), crop \(text(\.crop)), "
          + "landmarks \(text(\.landmarks)), normalize \(text(\.normalize))"
      ),
      ("output", "\(embeddingCount) numbers, compared after normalisation to length 1"),
      ("products", text(\.precision)),
      ("weights", "`\(receipt)`"),
      ("file", "\(checkpoint.file.byteCount) bytes"),
    ]
    if let threshold = checkpoint.progress.threshold {
      rows.append(("the same person below, two photos", threshold.pairText))
      rows.append(("one photo against many", threshold.cautiousText))
    }
    return ["## Network", ""] + table(rows) + [
      "", "Thresholds are of squared distances between embeddings of length 1, 0 to 4.", "",
    ]
  }

  private var data: [String] {
    var rows: [(String, String)] = []
    if let data = log.last("data: ") {
      rows.append(("photos", data))
    } else {
      rows.append(("photos", "\(text(\.data)), \(checkpoint.classCount) people"))
    }
    rows.append(("augmentation", text(\.augment)))
    for line in log.all("passed over: ") { rows.append(("passed over", line)) }
    if log.badPhotoCount > 0 { rows.append(("could not be read", "\(log.badPhotoCount) photos")) }
    return ["## Training data", ""] + table(rows) + [
      "",
      "<Where the photos come from, who is on them, what they agreed to, under which licence.>", "",
    ]
  }

  private var training: [String] {
    let progress = checkpoint.progress
    var rows = [
      ("loss", "\(text(\.loss)), scale \(text(\.scale)), margin \(text(\.margin))"),
      (
        "optimizer",
        "\(text(\.optimizer)), rate \(text(\.learningRate)), schedule \(text(\.schedule)), weight "
          + "decay \(text(\.weightDecay))"
      ),
      (
        "course",
        "\(progress.step) steps in batches of \(text(\.batch)), \(progress.samples) faces seen"
          + (progress.skippedSteps > 0 ? ", \(progress.skippedSteps) steps skipped" : "")
      ),
      ("first weights", text(\.initialWeights)),
    ]
    if let receipt = checkpoint.teacher {
      rows.append(
        (
          "teacher",
          "\(text(\.teacher)), weight \(text(\.teacherWeight)), receipt \(receipt): what it knows "
            + "of people beyond these data is in this network too"
        ))
    }
    let speeds = history.steps.map(\.imagesPerSecond).filter(\.isFinite).sorted()
    if !speeds.isEmpty {
      rows.append(("speed", "\(Figure.text(speeds[speeds.count / 2], digits: 1)) images/s"))
    }
    for start in Set(log.all("processor: ")).sorted() { rows.append(("processor", start)) }
    if let program = log.last("program: ") { rows.append(("program", program)) }
    for change in checkpoint.changes { rows.append(("changed", change.sentence)) }
    return ["## Training", ""] + table(rows) + [
      "",
      "<details><summary>The whole configuration, as `ddp-train train --config` takes it"
        + "</summary>", "", "```yaml",
    ]
      + checkpoint.configurationText.split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init) + ["```", "", "</details>", ""]
  }

  // MARK: What it is worth

  /// The figures that the run measured last, which are those of the first set.
  private var figures: [(name: String, text: String)] {
    let known = ["accuracy", "accuracy-std", "AUC", "EER", "rank-1", "pairs", "probes", "gallery"]
    guard let last = history.evaluations.last(where: { $0.step <= checkpoint.progress.step })
    else { return [] }
    let counts = ["pairs", "probes", "gallery"]
    return last.figures.sorted { $0.key < $1.key }.compactMap { name, value in
      guard value.isFinite,
        known.contains(name) || name.hasPrefix("VAL@FAR=") && !name.hasSuffix("-reached")
      else { return nil }
      // What too few pairs decide is stored as a number, and printed as the lack of one.
      let rate = name.hasSuffix("-std") ? String(name.dropLast(4)) : name
      if rate.hasPrefix("VAL@FAR="), let printed = log.last(rate + " "), Double(printed) == nil {
        return name == rate ? (name, printed) : nil
      }
      return (name, Figure.text(value, digits: counts.contains(name) ? 0 : 6))
    }
  }

  private var evaluation: [String] {
    var lines = ["## Evaluation", ""]
    let figures = figures
    if figures.isEmpty, measured.isEmpty {
      return lines + ["Nothing was measured: what it is worth is not known.", ""]
    }
    if !figures.isEmpty {
      lines += ["By the run itself, on \(measuredBy):", ""]
      lines += table(figures.map { ($0.name, $0.text) }) + [""]
    }
    for text in measured {
      lines +=
        [
          "As `\(name(of: text.path))` has it"
            + (text.namesNetwork ? ":" : ", which does not name the network that it is of:"), "",
          "```text",
        ] + text.lines + ["```", ""]
    }
    return lines
  }

  private var measuredBy: String {
    configuration.pairs.first.map { "the pairs of `\(name(of: $0))`" }
      ?? "the part of the data that split \(text(\.split)) holds out"
  }

  private var leaks: [String] {
    var lines: [String] = []
    if figures.isEmpty, measured.isEmpty {
      return ["## Leaks", "", "Nobody was measured."] + firstPeople + [""]
    }
    let own =
      Set(log.all("warning: \(PeopleOverlap.title)") + log.all(PeopleOverlap.title)).sorted()
      .map { PeopleOverlap.title + $0 }
    let printed = measured.flatMap(\.overlaps)
    lines += (own + printed.filter { !PeopleOverlap.isNone($0) }).map { "- " + $0 }
    for text in measured where text.overlaps.isEmpty {
      lines.append(
        "- `\(name(of: text.path))` does not say how many of the people in it were trained on: that "
          + "is not known.")
    }
    if !figures.isEmpty {
      for path in configuration.pairs where path.hasSuffix(".bin") {
        lines.append(
          "- The photos of `\(name(of: path))` have no names: whether its people were trained on is "
            + "not known.")
      }
    }
    if configuration.split.isClosedSet, configuration.pairs.isEmpty, !figures.isEmpty {
      lines.append(
        "By its split, \(text(\.split)), the people who were measured were trained on, with other "
          + "photos.")
    } else if lines.isEmpty, firstPeople.isEmpty {
      lines = [
        "No person who was measured is known to have been trained on. People are compared by name."
      ]
    }
    return ["## Leaks", ""] + lines + firstPeople + [""]
  }

  /// Of whom it cannot be known whether the first weights were trained on them.
  private var firstPeople: [String] {
    if checkpoint.classCount == 0 {
      return ["- The network was imported, and whom it was trained on is not known."]
    }
    let unknown = (try? checkpoint.trainedPeople())?.earlier.unknown.sorted() ?? []
    guard !unknown.isEmpty else { return [] }
    return [
      "- Its first weights come from \(unknown.map { "`\($0)`" }.joined(separator: ", ")), and whom "
        + "these were trained on is not known: anybody who was measured may be among them."
    ]
  }

  private var limits: [String] {
    var limits: [String] = []
    if case .synthetic = configuration.data {
      limits.append("It has seen drawn faces alone: on photos of people it is worth nothing.")
    }
    if checkpoint.progress.threshold != nil {
      limits.append(
        "The thresholds were chosen on the pairs that they were measured on; choose your own on "
          + "photos like yours (`ddp-train evaluate --store-threshold`).")
    }
    if !measured.contains(where: { $0.lines.contains { $0.contains("subset") } }) {
      limits.append(
        "No figures by groups of people: that it is as good for all of them is not shown "
          + "(`ddp-train evaluate --subsets`).")
    }
    if !measured.contains(where: { $0.lines.contains { $0.hasPrefix("TAR@FAR=") } }) {
      limits.append(
        "No rates at small false-accept rates with their intervals (`ddp-train evaluate` prints "
          + "them; `--evaluation FILE` brings them here).")
    }
    limits.append(
      "Faces have to be cut out and turned as those of the training were: "
        + "resize \(text(\.resize)), crop \(text(\.crop)), landmarks \(text(\.landmarks)).")
    return ["## Limits", ""] + limits.map { "- " + $0 }
  }

  private func name(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }
}
