import Configuration
import Networks
import Testing

/// What every entry of the table must hold.
@Suite struct OptionTableTests {
  /// A value of every option that is not its default, and what else must be given for it to fit.
  private static let others: [String: (text: String, beside: [String: String])] = [
    "data": ("photos", [:]), "split": ("random:9", [:]), "split-seed": ("8", [:]),
    "min-photos": ("3", [:]), "exclude": ("drop.txt", [:]), "image-size": ("64x48", [:]),
    "resize": ("99", ["crop": "40", "image-size": "48"]),
    "crop": ("40", ["image-size": "48"]), "landmarks": ("points.txt", ["data": "photos"]),
    "normalize": ("unit", [:]), "augment": ("flip:0.5,color:0.3", [:]), "max-bad": ("0.5", [:]),
    "model": ("iresnet34", [:]), "width": ("0.5", [:]), "embedding": ("99", [:]),
    "dropout": ("0.25", [:]), "batch-norm": ("true", ["model": "nn1"]),
    "pooling": ("l2", ["model": "nn2"]), "precision": ("bf16", [:]),
    "init": ("old.safetensors", [:]),
    "head-start": ("centres", ["init": "old.safetensors"]), "freeze": ("conv1,layer1.*", [:]),
    "lr-scale": ("layer1=0.1,layer*.bias=2", [:]),
    "loss": ("cosface", [:]), "scale": ("31", [:]), "margin": ("0.25", [:]),
    "margin-variant": ("easy", [:]), "margin-gradient": ("straight-through", [:]),
    "norm-concentration": ("0.5", ["loss": "adaface"]),
    "statistics-rate": ("0.02", ["loss": "adaface"]),
    "margin-deviation": ("0.02", ["loss": "elastic-cosface"]),
    "norm-range": ("5,50", ["loss": "magface"]), "norm-weight": ("7", ["loss": "magface"]),
    "bias-rate": ("0.5", ["loss": "uniface"]), "label-smoothing": ("0.1", [:]),
    "margin-warmup-epochs": ("1.5", [:]), "sub-centres": ("3", [:]), "head": ("divided", [:]),
    "sample-classes": ("0.25", ["head": "divided"]),
    "idle-rows": ("decay", ["head": "divided", "sample-classes": "0.25"]),
    "teacher": ("old.npy", [:]), "teacher-weight": ("7", ["teacher": "old.npy"]),
    "mining": ("hardest,offline@3e", ["loss": "triplet"]),
    "people-per-batch": ("5", ["loss": "triplet"]),
    "photos-per-person": ("3", ["loss": "triplet"]),
    "triplet-reduction": ("sum", ["loss": "triplet"]), "passes": ("1", ["loss": "triplet"]),
    "offline-every": ("7", ["loss": "triplet", "mining": "offline"]),
    "offline-pool": ("999", ["loss": "triplet", "mining": "offline"]),
    "compatible-with": ("runs/old", ["loss": "triplet"]), "batch": ("99", [:]),
    "drop-last": ("true", [:]), "sampling": ("class-balanced", [:]),
    "microbatch": ("7", [:]), "threads": ("3", [:]), "epochs": ("17", [:]), "steps": ("18", [:]),
    "seed": ("9", [:]), "gradient-grid": ("-24", [:]), "reduce": ("bf16", [:]),
    "shard-optimizer": ("true", [:]), "optimizer": ("lars", [:]), "momentum": ("0.8", [:]),
    "nesterov": ("true", [:]), "weight-decay": ("0.02", [:]),
    "initial-accumulator": ("0.1", ["optimizer": "adagrad"]),
    "decay-norm-and-bias": ("true", [:]), "clip-norm": ("none", [:]), "ema": ("0.99", [:]),
    "lr": ("0.03", [:]),
    "lr-head": ("0.04", [:]), "schedule": ("constant", [:]), "warmup-epochs": ("2", [:]),
    "milestones": ("3e,4e", ["schedule": "step", "milestones": "9e"]),
    "gamma": ("0.5", ["schedule": "step", "milestones": "3e"]),
    "power": ("2", ["schedule": "polynomial"]), "min-lr": ("0.001", [:]),
    "evaluate-every": ("50", [:]), "pairs": ("a.txt,b\\,c.bin", [:]), "flip-test": ("true", [:]),
    "patience": ("3", [:]),
    "out": ("runs/x", [:]), "resume": ("auto", [:]), "checkpoint-every": ("0", [:]),
    "keep": ("9", [:]), "keep-best": ("false", [:]), "keep-every": ("2e", [:]),
    "on-full-disk": ("stop", [:]), "watchdog": ("99", [:]), "stall": ("0", [:]),
    "timeline": ("t.json", [:]), "tensorboard": ("true", [:]), "csv": ("true", [:]),
    "prometheus": ("m.prom", [:]), "quiet": ("true", [:]), "dry-run": ("true", [:]),
  ]

  private func resolve(_ given: [String: String]) throws -> RunConfiguration {
    try RunConfiguration.resolve(
      flags: given.map { .flag($0.key, $0.value) })
  }

  private func complaint(_ given: [String: String]) -> String? {
    do {
      _ = try resolve(given)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func theseTestsKnowEveryOption() {
    #expect(Set(Self.others.keys) == Set(ConfigurationOption.all.map(\.name)))
  }

  @Test(arguments: ConfigurationOption.all.map(\.name))
  func anOptionIsReadAndWrittenAsFlagAndInTheFile(name: String) throws {
    let option = try #require(ConfigurationOption.named(name))
    let other = try #require(Self.others[name])
    let before = try resolve(other.beside)
    let after = try resolve(other.beside.merging([name: other.text]) { _, new in new })
    #expect(option.text(after) == other.text)
    #expect(after != before && option.value(after) != option.value(before))

    let file = after.yamlText()
    #expect(try RunConfiguration.parse(yaml: file, path: "f") == after)
    #expect(file.contains("\n\(name): "))
    #expect((after.commonText != before.commonText) != option.ranksMayDiffer)
    let changes = after.mathematicsDifferences(from: before)
    #expect(changes.contains { $0.hasPrefix("\(name) was ") } == option.isMathematical)
  }

  /// A member without an entry is no option: nobody could give it a value.
  @Test func everyMemberOfTheConfigurationIsAnOption() throws {
    func members(_ configuration: RunConfiguration) -> [String: String] {
      Dictionary(
        uniqueKeysWithValues: Mirror(reflecting: configuration).children.map {
          ($0.label ?? "", "\($0.value)")
        })
    }
    var reached: Set<String> = []
    for option in ConfigurationOption.all {
      var configuration = RunConfiguration.demo
      let before = members(configuration)
      try option.set(&configuration, try #require(Self.others[option.name]).text)
      let after = members(configuration)
      let changed = before.keys.filter { before[$0] != after[$0] }
      #expect(changed.count == 1, "\(option.name) sets \(changed)")
      reached.formUnion(changed)
    }
    #expect(reached == Set(members(.demo).keys))
  }

  @Test(arguments: ConfigurationOption.all.map(\.name))
  func anOptionSaysWhatItIsFor(name: String) throws {
    let option = try #require(ConfigurationOption.named(name))
    #expect(!option.sentence.hasSuffix(".") && option.help.contains("."))
    #expect(option.valueName.isEmpty == (option.input == .flag))
    let preset = option.value(.demo)
    #expect(option.help.hasSuffix(preset.map { "(default: \($0))" } ?? "."))
    if let absence = option.absence {
      #expect(option.help.contains(absence))
      #expect(!option.note.contains(absence), "the help names it by itself")
    }
    if case .words(let words) = option.completion, option.input == .value, name != "augment" {
      var configuration = RunConfiguration.demo
      for word in words { try option.set(&configuration, word) }
    }
  }

  /// Configurations of every kind.
  private static let kinds: [[String: String]] =
    LossName.allCases.map {
      $0 == .teacher ? ["loss": "teacher", "teacher": "old.npy"] : ["loss": $0.rawValue]
    }
    + OptimizerName.allCases.map { ["optimizer": $0.rawValue] }
    + ScheduleName.allCases.filter { $0 != .step }.map { ["schedule": $0.rawValue] }
    + [
      ["schedule": "step", "milestones": "3e"], ["init": "old.safetensors"], ["momentum": "0"],
      ["model": "iresnet18"], ["model": "nn1"], ["model": "nn2"],
      ["data": "photos", "landmarks": "points.txt"],
      ["loss": "triplet", "mining": "offline"], ["loss": "arcface", "margin": "0"],
      ["loss": "adaface", "margin": "0"], ["loss": "adaface", "norm-concentration": "0"],
    ]

  @Test func whatDoesNothingIsRefusedInEveryKindOfRun() throws {
    for option in ConfigurationOption.all {
      let other = try #require(Self.others[option.name])
      var reached: Set<Int> = []
      for kind in Self.kinds where kind[option.name] == nil {
        let configuration = try resolve(kind)
        let idle = option.idleness.indices.filter { option.idleness[$0].holds(configuration) }
        let message = complaint(kind.merging([option.name: other.text]) { given, _ in given })
        let isRefused = message?.contains("\(option.name) does nothing") == true
        #expect(
          isRefused == !idle.isEmpty, "\(option.name) in \(kind): \(message ?? "no complaint")")
        reached.formUnion(idle)
      }
      #expect(reached == Set(option.idleness.indices), "\(option.name)")
    }
  }

  @Test func aValueOutOfRangeIsRefusedByName() {
    for (name, text) in [
      ("image-size", "7"), ("width", "17"), ("max-bad", "2"), ("people-per-batch", "0"),
      ("photos-per-person", "1"), ("passes", "3"), ("offline-every", "0"), ("gradient-grid", "1"),
      ("gamma", "2"), ("power", "0"), ("stall", "0.5"), ("epochs", "0"), ("threads", "1025"),
      ("sample-classes", "0"),
    ] {
      let beside = Self.others[name]?.beside ?? [:]
      let message = complaint(beside.merging([name: text]) { _, new in new })
      #expect(
        message?.hasPrefix("--\(name): \(name) is \(text); give ") == true, "\(message ?? "")")
    }
  }

  @Test func everyChoiceBringsAConfigurationThatFits() throws {
    for kind in Self.kinds { #expect(complaint(kind) == nil) }
    for model in Models.names { #expect(complaint(["model": model]) == nil) }
  }
}
