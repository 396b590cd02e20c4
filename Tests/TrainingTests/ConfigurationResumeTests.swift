import Configuration
import Datasets
import Kernels
import Networks
import Testing
import Training

@Suite struct ConfigurationResumeTests {
  private var run: RunConfiguration {
    var run = RunConfiguration.demo
    run.data = .folder("a")
    run.split = .people(file: "x.txt")
    run.learningRate = 0.1
    return run
  }

  @Test func whatMayChangeOnResumeIsNoDifference() {
    var moved = run
    moved.data = .folder("b")
    moved.split = .people(file: "y.txt")
    moved.length = .steps(1)
    moved.out = "o"
    moved.resume = .auto
    moved.threads = 7
    moved.quiet = true
    moved.dryRun = true
    moved.keep = 9
    moved.keepBest.toggle()
    moved.keepEvery = .epochs(3)
    moved.evaluateEvery = .never
    moved.checkpointEvery = .never
    moved.pairs = ["p"]
    moved.flipTest.toggle()
    moved.patience = 3
    moved.watchdogSeconds = 1
    moved.stallSeconds = 2
    moved.onFullDisk = .stop
    moved.maxBad = 0.5
    #expect(moved.mathematicsDifferences(from: run) == [])
  }

  @Test func theSentenceGivesBothValues() {
    var changed = run
    changed.learningRate = 0.2
    #expect(changed.mathematicsDifferences(from: run) == ["lr was 0.1, is 0.2"])
  }

  @Test func whatChangesTheMathematicsIsNamed() {
    let changes: [(String, (inout RunConfiguration) -> Void)] = [
      ("data", { $0.data = .synthetic(SyntheticData(people: 2, photos: 2, size: 16)) }),
      ("split", { $0.split = .all }), ("split-seed", { $0.splitSeed += 1 }),
      ("min-photos", { $0.minPhotos += 1 }), ("image-size", { $0.imageSize = 47 }),
      ("resize", { $0.resize = 99 }), ("crop", { $0.crop = 98 }),
      ("landmarks", { $0.landmarks = "f" }), ("normalize", { $0.normalize = .imagenet }),
      ("augment", { $0.augment.blur = 0.3 }), ("model", { $0.model = Models.model(named: "nn1")! }),
      ("width", { $0.width = 0.5 }), ("embedding", { $0.embedding = 3 }),
      ("dropout", { $0.dropout = 0.123 }), ("batch-norm", { $0.batchNorm = true }),
      ("pooling", { $0.pooling = .max }), ("precision", { $0.precision = .bfloat16 }),
      ("loss", { $0.loss = .normalizedSoftmax }), ("scale", { $0.scale += 1 }),
      ("sub-centres", { $0.subCentres = 3 }),
      ("margin", { $0.margin = [0.01] }), ("margin-variant", { $0.marginVariant = .easy }),
      ("margin-gradient", { $0.marginGradient = .straightThrough }),
      ("norm-concentration", { $0.normConcentration += 1 }),
      ("statistics-rate", { $0.statisticsRate *= 2 }),
      ("margin-deviation", { $0.marginDeviation *= 2 }),
      ("margin-warmup-epochs", { $0.marginWarmupEpochs += 1 }), ("batch", { $0.batch += 1 }),
      ("microbatch", { $0.microbatch += 1 }), ("seed", { $0.seed += 1 }),
      ("gradient-grid", { $0.gradientGrid = .exponent(-9) }),
      ("optimizer", { $0.optimizer = .lars }), ("nesterov", { $0.nesterov.toggle() }),
      ("lr-head", { $0.headLearningRate = 9 }), ("momentum", { $0.momentum = 0.123 }),
      ("weight-decay", { $0.weightDecay += 1 }),
      ("initial-accumulator", { $0.initialAccumulator = 0.1 }),
      ("decay-norm-and-bias", { $0.decaysNormAndBias.toggle() }),
      ("schedule", { $0.schedule = .polynomial }), ("milestones", { $0.milestones = [.steps(3)] }),
      ("gamma", { $0.gamma = 0.3 }), ("power", { $0.power = 3 }),
      ("min-lr", { $0.minimumLearningRate += 0.01 }), ("warmup-epochs", { $0.warmupEpochs += 1 }),
      ("clip-norm", { $0.clipNorm = 77 }),
      ("teacher", { $0.teacher = "f" }), ("teacher-weight", { $0.teacherWeight = 3 }),
    ]
    for (key, change) in changes {
      var changed = run
      change(&changed)
      let differences = changed.mathematicsDifferences(from: run)
      #expect(differences.count == 1, "\(key): \(differences)")
      #expect(differences.first?.hasPrefix("\(key) was ") == true, "\(key): \(differences)")
    }
  }
}
