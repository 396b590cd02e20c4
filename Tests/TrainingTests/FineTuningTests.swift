import CheckpointParts
import Checkpoints
import Configuration
import Datasets
import Engine
import Foundation
import Interchange
import Losses
import Networks
import RunFolders
import RunSupport
import State
import TestSupport
import Testing
import Training

/// Runs that train a part of a network that was trained before.
@Suite struct FineTuningTests {
  /// A run folder with a trained network, made once.
  private static let old: String = {
    let folder = SmallRun.temporaryFolder()
    _ = try! SmallRun.train(configuration { $0.seed = 5 }, folder: folder)
    return folder
  }()

  private static func configuration(
    _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.configuration {
      $0.schedule = .constant
      $0.length = .steps(6)
      change(&$0)
    }
  }

  /// The first parts of iresnet18.
  private static let trunk = ["conv1", "bn1", "prelu", "layer1", "layer2"].map(PartPattern.init)

  private static func inFolder<Result>(_ body: (String) throws -> Result) rethrows -> Result {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }

  private static func complaint(_ change: (inout RunConfiguration) -> Void) throws -> String {
    let error = #expect(throws: (any Error).self) { try SmallRun.train(configuration(change)) }
    return "\(try #require(error))"
  }

  @Test func aMicrobatchOfOneIsEnoughWhereNoMomentsAreTakenOfIt() throws {
    func change(_ freeze: [String]) -> (inout RunConfiguration) -> Void {
      {
        $0.initialWeights = Self.old
        $0.freeze = freeze.map(PartPattern.init)
        $0.batch = 9
        $0.microbatch = 2
      }
    }
    _ = try SmallRun.train(Self.configuration(change(["*"])))
    #expect(try Self.complaint(change(["conv1"])).contains("undefined over a single sample"))
  }

  @Test func partsAreFoundByName() {
    func matches(_ pattern: String, _ name: String) -> Bool { PartPattern(pattern).matches(name) }
    #expect(matches("layer1", "layer1.0.conv1.weight") && matches("layer1", "layer1"))
    #expect(!matches("layer1", "layer10.weight") && !matches("layer", "layer1.weight"))
    #expect(matches("layer*", "layer1.weight") && matches("*.bias", "layer1.0.bn1.bias"))
    #expect(matches("layer1.*.bn*", "layer1.1.bn2.weight") && !matches("*.bias", "fc.weight"))
    #expect(matches("*", "fc.weight") && !matches("fc.weight", "fc"))
  }

  /// Which tensors of the last checkpoint differ from those of the old network.
  private static func moved(in folder: String) throws -> Set<String> {
    let (old, new) = (
      try CheckpointStore.open(old).checkpoint.file,
      try CheckpointStore.open(folder).checkpoint.file
    )
    var names: Set<String> = []
    for entry in old.entries where Checkpoint.isWeight(entry.name) && entry.name != "head.weight" {
      if try old.floats(entry.name) != new.floats(entry.name) { names.insert(entry.name) }
    }
    return names
  }

  @Test func whatIsFrozenKeepsItsWeightsAndItsMoments() throws {
    try Self.inFolder { folder in
      let configuration = Self.configuration {
        $0.initialWeights = Self.old
        $0.freeze = Self.trunk
      }
      _ = try SmallRun.train(configuration, folder: folder, speaks: true)
      let log = try FlaggedRun.log(folder).joined(separator: "\n")
      #expect(
        log.contains(
          " parameters, up to layer2.1.bn3.bias; layer3.0.bn1.weight and what comes after it trains"
        ),
        "\(log)")
      #expect(!log.contains("keeps random weights"))
      let moved = try Self.moved(in: folder)
      #expect(!moved.contains { name in Self.trunk.contains { $0.matches(name) } }, "\(moved)")
      #expect(moved.contains("layer3.0.conv1.weight") && moved.contains("fc.weight"))
      #expect(moved.contains("layer3.0.bn1.running_mean") && moved.contains("bn2.running_var"))
      // No momentum has gathered either.
      let file = try CheckpointStore.open(folder).checkpoint.file
      #expect(try file.floats("optimizer.momentum/conv1.weight").allSatisfy { $0 == 0 })
      #expect(try file.floats("optimizer.momentum/fc.weight").contains { $0 != 0 })
    }
  }

  @Test func aHeadTrainsOnAFrozenNetwork() throws {
    try Self.inFolder { folder in
      let configuration = Self.configuration {
        $0.initialWeights = Self.old
        $0.freeze = [PartPattern("*")]
        $0.dropout = 0
      }
      let outcome = try SmallRun.train(configuration, folder: folder)[0]
      #expect(try Self.moved(in: folder).isEmpty)
      #expect(Set(outcome.records.map(\.weightsHash)).count == 6, "the head trains")
      let (first, last) = (outcome.records[0].loss, outcome.records[5].loss)
      #expect(last < first)
    }
  }

  /// A step would not end if sums of the frozen part were waited for.
  @Test(arguments: ["whole", "divided", "sharded", "two passes of a frozen network"])
  func everyWorldFineTunesAlike(way: String) throws {
    let configuration = Self.configuration {
      $0.initialWeights = Self.old
      $0.freeze = Self.trunk
      $0.rateScales = [RateScale(PartPattern("layer3"), factor: 0.1)]
      $0.headStart = .centres
      if way == "divided" { $0.head = .divided }
      if way == "sharded" {
        $0.shardsOptimizer = true
        $0.ema = 0.5
      }
      if way == "two passes of a frozen network" {
        $0.head = .divided
        $0.freeze = [PartPattern("*")]
        $0.rateScales = []
      }
    }
    let alone = try SmallRun.train(configuration)[0]
    for (ranks, threads) in [(1, 3), (2, 1), (3, 2)] {
      for outcome in try SmallRun.train(configuration, ranks: ranks, threads: threads) {
        #expect(outcome.records.map(StepBits.init) == alone.records.map(StepBits.init))
        #expect(outcome.weights == alone.weights, "\(way), \(ranks) x \(threads)")
      }
    }
    try Self.inFolder { folder in
      var half = configuration
      half.length = .steps(3)
      _ = try SmallRun.train(half, ranks: 2, folder: folder)
      var rest = configuration
      rest.resume = .auto
      #expect(try SmallRun.train(rest, folder: folder)[0].weights == alone.weights)
    }
  }

  private final class First: @unchecked Sendable {
    var parameters: [Float] = []
    var steps: [[Float]] = []
    var ranges: [(name: String, range: Range<Int>)] = []

    func take(_ trainer: Trainer) -> [Float] {
      let state = trainer.engine.state
      return Array(UnsafeBufferPointer(start: state.parameters, count: state.parameterCount))
    }
  }

  /// The first step of plain gradient descent, with factors that are powers of two.
  @Test func aRateIsMultipliedByItsFactor() throws {
    func firstStep(_ scales: [RateScale]) throws -> First {
      let first = First()
      let configuration = Self.configuration {
        $0.rateScales = scales
        $0.momentum = 0
        $0.weightDecay = 0
        $0.length = .steps(1)
        $0.warmupEpochs = 0
      }
      _ = try SmallRun.train(
        configuration,
        hook: { hooks, _ in
          hooks.onStart = {
            first.parameters = first.take($0)
            first.ranges = $0.engine.state.descriptions.map { ($0.name, $0.range) }
          }
          hooks.onStep = { trainer, _ in first.steps.append(first.take(trainer)) }
        })
      return first
    }
    let plain = try firstStep([])
    let scaled = try firstStep([
      RateScale(PartPattern("layer*"), factor: 4), RateScale(PartPattern("layer2"), factor: 0.5),
      RateScale(PartPattern("head"), factor: 0.25),
    ])
    let (start, then) = (plain.parameters, plain.steps[0])
    #expect(start == scaled.parameters)
    for (name, range) in plain.ranges {
      let factor: Float =
        name.hasPrefix("layer2")
        ? 0.5 : name.hasPrefix("layer") ? 4 : name == "head.weight" ? 0.25 : 1
      for i in range {
        let (step, expected) = (scaled.steps[0][i] - start[i], factor * (then[i] - start[i]))
        #expect(abs(step - expected) <= 1e-6 * max(1, abs(start[i])) * max(1, factor))
      }
    }
    #expect(scaled.steps[0] != then)
    let none = try SmallRun.train(Self.configuration())[0].weights
    let ones = try SmallRun.train(
      Self.configuration { $0.rateScales = [RateScale(PartPattern("*"), factor: 1)] })[0].weights
    #expect(ones == none)
  }

  @Test func classesStartFromTheMeanOfTheirPhotos() throws {
    func firstRecord(_ start: HeadStart) throws -> StepRecordFigures {
      let configuration = Self.configuration {
        $0.initialWeights = Self.old
        $0.headStart = start
        $0.length = .steps(1)
      }
      let first = First()
      let outcome = try SmallRun.train(
        configuration,
        hook: { hooks, _ in
          hooks.onStart = { first.parameters = first.take($0) }
        })
      let rows = first.parameters.suffix(12 * 32)
      return StepRecordFigures(
        cosine: outcome[0].records[0].targetCosine,
        norms: (0..<12).map { row in
          rows.dropFirst(row * 32).prefix(32).reduce(0) { $0 + Double($1) * Double($1) }
            .squareRoot()
        })
    }
    let (drawn, centres) = (try firstRecord(.drawn), try firstRecord(.centres))
    #expect(centres.norms.allSatisfy { abs($0 - 1) < 1e-5 })
    #expect(drawn.norms.allSatisfy { abs($0 - 1) > 0.1 })
    #expect(centres.cosine > drawn.cosine + 0.15, "\(centres.cosine), \(drawn.cosine)")
  }

  private struct StepRecordFigures {
    var cosine: Double
    var norms: [Double]
  }

  @Test func wrongPartsAreNamed() throws {
    let unknown = try Self.complaint { $0.freeze = [PartPattern("layr1")] }
    #expect(unknown.contains("no part of iresnet18 is called 'layr1'"), "\(unknown)")
    #expect(unknown.contains("conv1, bn1, prelu, layer1, layer2, layer3, layer4, "), "\(unknown)")
    let later = try Self.complaint { $0.freeze = [PartPattern("layer2")] }
    #expect(later.contains("is frozen and conv1.weight before it is not"), "\(later)")
    let half = try Self.complaint { $0.freeze = [PartPattern("conv1"), PartPattern("bn1")] }
    #expect(
      half.contains("bn1.bias is frozen and prelu.weight is not, and one layer computes both"),
      "\(half)")
    let rate = try Self.complaint {
      $0.freeze = Self.trunk
      $0.rateScales = [RateScale(PartPattern("layer1"), factor: 2)]
    }
    #expect(rate.contains("all that 'layer1' means is frozen"), "\(rate)")
    let nothing = try Self.complaint {
      $0.loss = .triplet
      $0.margin = [0.2]
      $0.scale = 1
      $0.freeze = [PartPattern("*")]
    }
    #expect(nothing.contains("the whole network is frozen"), "\(nothing)")
    #expect(ConfigurationOption.of(\.freeze).mayChange)
  }

  /// A trunk that is frozen for the first steps and trained from then on.
  @Test func aFrozenTrunkMayThaw() throws {
    try Self.inFolder { folder in
      try FlaggedRun.train(
        FlaggedRun.small.merging([
          "steps": "2", "schedule": "constant", "freeze": "conv1,bn1,prelu,layer1",
        ]) { $1 }, in: folder)
      #expect(
        try FlaggedRun.log(folder).contains {
          $0.contains("freeze conv1,bn1,prelu,layer1 keeps random weights, since there is no init")
        })
      let before = try CheckpointStore.open(folder).checkpoint.file.floats("conv1.weight")
      try FlaggedRun.train(
        ["resume": "auto", "steps": "4"], changes: ["freeze=none"], in: folder)
      #expect(try CheckpointStore.open(folder).checkpoint.file.floats("conv1.weight") != before)
    }
  }
}
