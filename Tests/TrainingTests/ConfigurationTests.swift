import Configuration
import Datasets
import Foundation
import Networks
import Sessions
import Testing
import Training

private func resolve(yaml: String = "", _ flags: (String, String)...) throws -> RunConfiguration {
  let path = NSTemporaryDirectory() + "configuration-\(UUID().uuidString).yaml"
  try yaml.write(toFile: path, atomically: true, encoding: .utf8)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try RunConfiguration.resolve(
    file: path, flags: flags.map { .flag($0.0, $0.1) })
}

private func parse(_ yaml: String) throws -> RunConfiguration {
  try RunConfiguration.parse(yaml: yaml, path: "run.yaml")
}

/// The sentence that `body` throws.
private func complaint(_ body: () throws -> RunConfiguration) -> String {
  do {
    return "no error: \(try body())"
  } catch {
    return "\(error)"
  }
}

/// Every option of the file away from its default.
private let everything = """
  data: /photos/with space, and 'marks' # but no comment
  split: people:train.txt
  split-seed: 18446744073709551615
  min-photos: 2
  image-size: 112
  resize: 255
  crop: 112
  normalize: unit
  augment: [erase, flip]
  max-bad: 2%
  model: aix-resnet18
  embedding: 256
  dropout: 0.4
  loss: combined
  margin: [0.9, 0.4, 0.15]
  scale: 30
  margin-gradient: straight-through
  margin-warmup-epochs: 1.5
  batch: 1024
  microbatch: 17
  drop-last: true
  sampling: square-root
  threads: 2
  epochs: 300
  optimizer: sgd
  nesterov: yes
  lr: 1e-2
  lr-head: 0.02
  momentum: 0.95
  weight-decay: 1e-3
  decay-norm-and-bias: true
  schedule: step
  milestones: [10e, 15e]
  gamma: 0.5
  warmup-epochs: 2
  clip-norm: null
  ema: 0.9999
  gradient-grid: -34
  seed: 7
  evaluate-every: 100
  checkpoint-every: 10e
  pairs: pairs.txt
  flip-test: true
  out: runs/x
  resume: auto
  keep: 5
  keep-best: false
  keep-every: 10e
  on-full-disk: stop
  watchdog: 2.5
  stall: 99
  quiet: true
  dry-run: true
  """

@Suite struct ConfigurationTests {
  @Test func nothingGivenIsTheDemo() throws {
    #expect(try RunConfiguration.resolve() == .demo)
    #expect(try resolve(yaml: "# nothing\n") == .demo)
  }

  @Test func flagsWinOverTheFileAndTheFileOverTheDemo() throws {
    let both = try resolve(yaml: "lr: 0.25\nbatch: 96\n", ("lr", "0.5"))
    #expect(both.learningRate == 0.5)
    #expect(both.batch == 96)
    #expect(both.microbatch == RunConfiguration.demo.microbatch)
  }

  @Test func aFlagOfLengthReplacesTheFilesOther() throws {
    #expect(try resolve(yaml: "epochs: 7", ("steps", "20")).length == .steps(20))
    #expect(try resolve(yaml: "steps: 7", ("epochs", "2")).length == .epochs(2))
    let flags = complaint { try resolve(("steps", "7"), ("epochs", "2")) }
    #expect(flags.contains("--epochs, --steps: epochs and steps are both given"), "\(flags)")
    let file = complaint { try parse("steps: 7\nepochs: 2") }
    #expect(file.contains("run.yaml:2, run.yaml:1: "), "\(file)")
  }

  @Test func everyValueIsRead() throws {
    let all = try parse(everything)
    #expect(all.data == .folder("/photos/with space, and 'marks'"))
    #expect(all.split == .people(file: "train.txt"))
    #expect(all.splitSeed == .max)
    #expect(all.minPhotos == 2 && all.imageSize == 112 && all.resize == 255 && all.crop == 112)
    #expect(all.normalize == .unit)
    #expect(all.augment.description == "flip:0.5,erase:0.2")
    #expect(all.maxBad == 0.02)
    #expect(all.model.name == "aix-resnet18" && all.embedding == 256 && all.dropout == 0.4)
    #expect(all.loss == .combined && all.scale == 30)
    #expect(all.margin == [0.9, 0.4, 0.15])
    #expect(all.marginGradient == .straightThrough && all.marginWarmupEpochs == 1.5)
    #expect(all.batch == 1024 && all.microbatch == 17 && all.threads == 2 && all.dropsLast)
    #expect(all.sampling == .squareRoot && all.ema == 0.9999)
    #expect(all.length == .epochs(300))
    #expect(all.learningRate == 0.01 && all.headLearningRate == 0.02)
    #expect(all.momentum == 0.95 && all.weightDecay == 0.001)
    #expect(all.schedule == .step && all.milestones == [.epochs(10), .epochs(15)])
    #expect(all.gamma == 0.5 && all.warmupEpochs == 2 && all.clipNorm == nil)
    #expect(all.gradientGrid == .exponent(-34) && all.seed == 7)
    #expect(all.evaluateEvery == .steps(100) && all.checkpointEvery == .epochs(10))
    #expect(all.pairs == ["pairs.txt"] && all.out == "runs/x" && all.resume == .auto)
    #expect(all.keep == 5 && all.keepEvery == .epochs(10) && all.watchdogSeconds == 2.5)
    #expect(all.onFullDisk == .stop && all.stallSeconds == 99)
    #expect(all.nesterov && all.decaysNormAndBias && all.flipTest && all.quiet && all.dryRun)
    #expect(!all.keepBest)
  }

  @Test func everyWayToSplitIsRead() throws {
    #expect(try resolve(("split", "all")).split == .all)
    #expect(try resolve(("split", "random:10560")).split == .random(photos: 10560))
    #expect(try resolve(("split", "first:10")).split == .first(photos: 10))
    #expect(try resolve(("split", "people-random:0.9")).split == .peopleRandom(fraction: 0.9))
    #expect(try resolve(("split", "people:/a:b")).split == .people(file: "/a:b"))
    let faces = try resolve(("data", "synthetic:photos=3,people=9")).data
    guard case .synthetic(let preset) = RunConfiguration.demo.data else { return }
    #expect(faces == .synthetic(SyntheticData(people: 9, photos: 3, size: preset.size)))
  }

  @Test func writtenTextReadsBackEqual() throws {
    var odd = RunConfiguration.demo
    odd.data = .folder("/a b/ü\"\\\n\t: #x,[y]\u{85}\u{1}")
    odd.pairs = ["- ~ weird", "a,b\\c", "d\\"]
    odd.out = "null"
    odd.resume = .path("'quoted'")
    odd.split = .people(file: "a: b")
    odd.learningRate = 0.1 + 0.2
    odd.weightDecay = 1.2345678901234567e-30
    odd.minimumLearningRate = odd.schedule == .cosine ? 1e-17 : 0
    odd.length = .steps(12)
    odd.maxBad = 1.0 / 3
    odd.evaluateEvery = .never
    odd.augment = .none
    odd.threads = 3
    var plain = RunConfiguration.demo
    plain.loss = .softmax
    plain.margin = []
    plain.scale = 1
    plain.marginVariant = .plain
    plain.marginGradient = .exact
    plain.marginWarmupEpochs = 0
    plain.split = .peopleRandom(fraction: 0.123456789)
    plain.optimizer = .adamw
    plain.momentum = 0
    plain.nesterov = false
    plain.headLearningRate = 3e-4
    plain.resize = 64
    plain.crop = 32
    plain.imageSize = ImageSize(height: 40, width: 48)
    plain.model = Models.model(named: "nns2")!
    plain.batchNorm = true
    plain.pooling = .l2
    plain.initialWeights = "a b/weights.safetensors"
    for configuration in [.demo, odd, plain, try parse(everything)] {
      let text = configuration.yamlText()
      let back = try parse(text)
      #expect(back == configuration, "\(text)")
      #expect(back.yamlText() == text)
    }
    let keys = RunConfiguration.demo.yamlText().split(separator: "\n")
      .filter { !$0.hasPrefix("#") }.map { String($0.prefix { $0 != ":" }) }
    let named = everything.split(separator: "\n").map { String($0.prefix { $0 != ":" }) }
    // What belongs to another loss or schedule is written too.
    let others = [
      "landmarks", "width", "margin-variant", "power", "min-lr", "epochs", "steps", "batch-norm",
      "pooling", "initial-accumulator", "reduce", "shard-optimizer", "timeline", "init",
      "tensorboard", "csv", "prometheus", "patience", "precision", "head", "head-start", "freeze",
      "lr-scale", "sample-classes", "idle-rows", "norm-concentration", "statistics-rate",
      "margin-deviation", "teacher", "teacher-weight", "exclude", "norm-range", "norm-weight",
      "bias-rate", "label-smoothing", "sub-centres",
    ]
    #expect(Set(keys).union(["epochs", "steps"]) == Set(named).union(others))
  }

  @Test(arguments: [
    ("lr: 0.1\nepoch: 3", "run.yaml:2: unknown key 'epoch'; did you mean 'epochs'?"),
    ("# c\n\nbtach: 3", "run.yaml:3: unknown key 'btach'; did you mean 'batch'?"),
    ("modell: x", "run.yaml:1: unknown key 'modell'; did you mean 'model'?"),
    ("model: irestnet18", "run.yaml:1: unknown model 'irestnet18'; did you mean 'iresnet18'?"),
    ("loss: arcfase", "run.yaml:1: loss: unknown loss 'arcfase'; did you mean 'arcface'?"),
    ("optimizer: sdg", "did you mean 'sgd'? (valid: sgd, adagrad, adamw, lars)"),
    ("schedule: cosin", "unknown schedule 'cosin'; did you mean 'cosine'?"),
    ("normalize: halv", "unknown normalization 'halv'; did you mean 'half'?"),
    ("augment: flip,bur", "unknown augmentation 'bur'; did you mean 'blur'?"),
    ("split: pepole:f", "unknown split 'pepole'; did you mean 'people'?"),
    ("margin-variant: monoton", "did you mean 'monotone'?"),
    ("data: synthetic:peoples=3", "did you mean 'people'?"),
    ("lr: fast", "run.yaml:1: lr: 'fast' is not a number"),
    ("lr: nan", "'nan' is not a number"),
    ("batch: 1.5", "run.yaml:1: batch: '1.5' is not a whole number"),
    ("batch: [1, 2]", "batch: '1,2' is not a whole number"),
    ("batch: {a: 1}", "batch: takes one value or a flat list"),
    ("quiet: 1", "quiet: '1' is not true or false"),
    ("lr: 1\nlr: 2", "key given twice: lr"),
    ("config: other.yaml", "run.yaml:1: config: a file cannot name another file"),
    ("- lr", "run.yaml:1: the file is not a list of 'key: value' lines"),
    ("lr: [1", "not valid YAML"),
    ("seed: -1", "seed: '-1' is not a whole number from 0"),
    ("evaluate-every: 2epochs", "'2epochs' is not N steps, Ne epochs or 0"),
    ("batch:", "batch: has no value"),
    ("lr: 0.1\nbatch: 0", "run.yaml:2: batch is 0"),
  ])
  func mistakesInAFileAreNamedWithTheirLine(yaml: String, expected: String) {
    let text = complaint { try parse(yaml) }
    #expect(text.contains(expected), "\(text)")
    #expect(text.hasPrefix("run.yaml"), "\(text)")
  }

  @Test(arguments: [
    ("batch", "0", "--batch: batch is 0"), ("microbatch", "0", "--microbatch: "),
    ("threads", "0", "--threads: "), ("epochs", "0", "--epochs: epochs is 0"),
    ("steps", "-5", "--steps: "), ("lr", "0", "--lr: lr is 0"), ("lr-head", "-1", "--lr-head: "),
    ("momentum", "1", "--momentum: "), ("weight-decay", "-0.1", "--weight-decay: "),
    ("clip-norm", "0", "--clip-norm: "), ("max-bad", "1.5", "--max-bad: "),
    ("dropout", "1", "--dropout: "), ("embedding", "0", "--embedding: "),
    ("scale", "0", "--scale: "), ("margin", "4", "--margin: "),
    ("margin", "1,2", "--margin: "), ("split", "people-random:1", "--split: "),
    ("split", "random:0", "--split: "), ("split", "random", "--split: 'random' is not a split"),
    ("image-size", "4", "--image-size: "), ("keep", "0", "--keep: "),
    ("watchdog", "-1", "--watchdog: "), ("stall", "0.5", "--stall: "),
    ("on-full-disk", "wait", "--on-full-disk: "), ("data", "synthetic:people=1", "--data: "),
    ("min-photos", "-1", "--min-photos: "), ("gradient-grid", "5", "--gradient-grid: "),
    ("warmup-epochs", "-1", "--warmup-epochs: "), ("landmarks", "f", "--landmarks: "),
    ("resize", "0", "--resize: "), ("unheard-of", "1", "unknown key 'unheard-of'"),
  ])
  func valuesOutOfRangeAreRefusedByTheirFlag(key: String, value: String, expected: String) {
    let text = complaint { try resolve(("loss", "arcface"), (key, value)) }
    #expect(text.contains(expected), "\(text)")
  }

  @Test(arguments: [
    ("schedule: constant\nmilestones: 3e", "run.yaml:2: milestones does nothing"),
    ("optimizer: adamw\ninitial-accumulator: 0.1", "run.yaml:2: initial-accumulator does nothing"),
    ("optimizer: adagrad\ninitial-accumulator: -1", "run.yaml:2: initial-accumulator is -1"),
    ("schedule: constant\ngamma: 0.5", "run.yaml:2: gamma does nothing"),
    ("schedule: constant\npower: 2", "run.yaml:2: power does nothing"),
    ("schedule: constant\nmin-lr: 1e-9", "run.yaml:2: min-lr does nothing"),
    ("schedule: cosine\nlr: 0.1\nmin-lr: 0.2", "run.yaml:3: min-lr is 0.2"),
    ("schedule: step", "run.yaml:1: schedule step needs milestones"),
    ("schedule: step\nmilestones: 3e,2e", "run.yaml:2: milestones must rise"),
    ("schedule: step\nmilestones: 3e,100", "run.yaml:2: milestones must rise"),
    ("crop: 112\nresize: 64", "run.yaml:1, run.yaml:2: crop 112 is larger than resize 64"),
    ("loss: softmax\nmargin: 0.3", "run.yaml:2: margin does nothing with loss softmax"),
    ("loss: softmax\nscale: 30", "run.yaml:2: scale does nothing"),
    (
      "loss: cosface\nmargin-variant: easy",
      "run.yaml:2: margin-variant does nothing with loss cosface; remove it or take arcface"
    ),
    ("loss: combined\nmargin: 0.3", "run.yaml:2: loss combined takes three margins"),
    ("optimizer: adamw\nnesterov: true", "run.yaml:2: nesterov does nothing with optimizer adamw"),
    ("optimizer: adamw\nmomentum: 0.9", "run.yaml:2: momentum does nothing"),
    (
      "model: iresnet18\nbatch-norm: on",
      "run.yaml:2: batch-norm does nothing with model iresnet18, which is published"
    ),
    (
      "model: nn1\npooling: l2",
      "run.yaml:2: pooling does nothing with model nn1, which has no inception"
    ),
    ("data: d\nlandmarks: f\ncrop: 99", "run.yaml:3: crop does nothing to photos aligned"),
  ])
  func contradictionsNameTheLineToChange(yaml: String, expected: String) {
    let text = complaint { try parse(yaml) }
    #expect(text.hasPrefix(expected), "\(text)")
  }

  @Test func anotherLossOrOptimizerBringsItsOwnDefaults() throws {
    let arcface = "loss: arcface\nmargin: 0.4"
    #expect(try resolve(yaml: arcface, ("loss", "cosface")).margin == [0.35])
    #expect(try resolve(yaml: arcface, ("loss", "arcface")).margin == [0.4])
    #expect(try resolve(yaml: "margin: 0.2\nloss: cosface").margin == [0.2])
    #expect(try resolve(("loss", "softmax")).margin == [])
    let adamw = try resolve(("optimizer", "adamw"))
    #expect(adamw.learningRate == 0.001 && adamw.momentum == 0)
    #expect(try resolve(("optimizer", "adamw"), ("lr", "0.3")).learningRate == 0.3)
    #expect(try resolve(("crop", "112")).imageSize == 112)
    #expect(try resolve(("crop", "112"), ("image-size", "56")).imageSize == 56)
  }

  @Test func aModelBringsItsOwnImageSize() throws {
    let tall = ImageSize(height: 140, width: 116)
    #expect(try resolve(("model", "nns2")).imageSize == tall)
    #expect(try resolve(("model", "iresnet50")).imageSize == 112)
    #expect(try resolve(("model", "iresnet50"), ("image-size", "56")).imageSize == 56)
    #expect(try resolve(yaml: "model: nns2", ("model", "nn1")).imageSize == 220)
    #expect(try resolve(yaml: "image-size: 64x48\nmodel: nns2").imageSize.description == "64x48")
    // A crop is the size of a residual network, of FaceNet's what they see is theirs.
    #expect(try resolve(("model", "iresnet50"), ("crop", "96")).imageSize == 96)
    #expect(try resolve(("model", "nns2"), ("crop", "96")).imageSize == tall)
    let chosen = try resolve(("model", "nns2"), ("batch-norm", "on"), ("pooling", "max"))
    #expect(chosen.batchNorm == true && chosen.pooling == .max && chosen.embedding == nil)
    #expect(try resolve(yaml: "model: nns2\npooling: max", ("model", "nn1")).pooling == nil)
  }

  @Test func missingFilesAreNamed() {
    let text = complaint {
      try RunConfiguration.resolve(file: "/no/such.yaml")
    }
    #expect(text.contains("--config: cannot read '/no/such.yaml'"))
  }

  @Test func nearestNameCountsSwapsAsOneMistake() {
    #expect(NearestName.distance("sdg", "sgd") == 1)
    #expect(NearestName.distance("kitten", "sitting") == 3)
    #expect(NearestName.distance("", "abc") == 3)
    #expect(NearestName.of("bacth", among: ["patch", "batch"]) == "batch")
    #expect(NearestName.of("x", among: []) == nil)
  }

  @Test func missingInstructionsAreNamed() {
    let old = "processor : 0\nflags\t\t: fpu sse4_2 avx avx2x bmi1\nprocessor : 1\n"
    #expect(ProcessorRequirements.missing(in: old) == ["avx2", "fma", "bmi2", "f16c", "movbe"])
    let new = "flags : fma avx2 bmi1 bmi2 f16c movbe sse\n"
    #expect(ProcessorRequirements.missing(in: new) == [])
    #expect(ProcessorRequirements.missing(in: "Features : neon\n") == [])
    #expect(ProcessorRequirements.complaint(missing: ["avx2", "fma"]).contains("lacks avx2, fma"))
  }
}
