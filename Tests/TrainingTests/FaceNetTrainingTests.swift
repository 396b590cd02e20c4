import CheckpointParts
import Checkpoints
import Collectives
import Configuration
import Datasets
import Foundation
import Losses
import Measuring
import Networks
import Resumption
import RunSupport
import Sweeps
import Testing
import Training

/// FaceNet's networks, and its harmonic embedding (Schroff et al. 2015, sections 3.3 and 7).
extension LawsOfTriplets {
  /// Each of the six, narrow, with triplets and with a loss head: trained, measured, stopped and
  /// gone on with.
  @Test(arguments: ["nn1", "nn2", "nn3", "nn4", "nns1", "nns2"], [LossName.triplet, .arcface])
  func everyNetworkOfFaceNetTrainsAndIsMeasured(model: String, loss: LossName) throws {
    func configuration(_ steps: Int) -> RunConfiguration {
      Self.configuration(mining: .always(.all), steps: steps) {
        $0.model = Models.model(named: model)!
        // So narrow, and on so few pixels, the deep ones embed everybody alike without.
        $0.batchNorm = ["nn2", "nn3", "nn4"].contains(model)
        $0.learningRate = 0.005
        $0.imageSize = ImageSize(side: 48)
        $0.split = .peopleRandom(fraction: 0.6)
        $0.evaluateEvery = .steps(2)
        $0.initialAccumulator = 0.1
        $0.schedule = .constant
        $0.resume = .auto
        guard loss != .triplet else { return }
        $0.loss = loss
        $0.scale = 16
        $0.margin = loss.traits.margin
        $0.mining = .always(.semiHard)
        $0.peoplePerBatch = nil
        $0.photosPerPerson = nil
      }
    }
    let whole = try SmallRun.train(configuration(4))[0]
    #expect(whole.records.count == 4 && whole.records.allSatisfy { $0.loss.isFinite })
    #expect(Set(whole.records.map(\.weightsHash)).count == 4)
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try SmallRun.train(configuration(2), ranks: 2, folder: folder)
    let progress = try Checkpoint(path: SmallRun.checkpoints(in: folder).last!).progress
    #expect(progress.step == 2 && progress.evaluatedStep == 2 && progress.threshold != nil)
    let resumed = try SmallRun.train(configuration(4), folder: folder)[0]
    #expect(resumed.weights == whole.weights)
  }

  /// A network that learns to be compatible with an older one: the same bits in any world, with
  /// both passes, and after stops; another older network is refused by name.
  @Test func harmonicTripletsKeepTheLaws() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (name, seed) in [("old", 3), ("other", 4)] {
      _ = try SmallRun.train(
        Self.configuration(steps: 2) { $0.seed = UInt64(seed) }, folder: "\(folder)/\(name)")
    }
    let modes = Self.stages((.semiHard, 0), (.violating, 3), (.all, 5))
    func configuration(_ steps: Int, _ change: (inout RunConfiguration) -> Void = { _ in })
      -> RunConfiguration
    {
      Self.configuration(mining: modes, steps: steps) {
        $0.compatibleWith = folder + "/old"
        $0.schedule = .constant
        $0.resume = .auto
        change(&$0)
      }
    }
    let reference = try SmallRun.train(configuration(6))[0]
    let expected = reference.records.map(TripletBits.init)
    let alone = try SmallRun.train(configuration(6) { $0.compatibleWith = nil })[0].records
    #expect(reference.records[0].triplets!.candidates > 3 * alone[0].triplets!.candidates)
    #expect(
      reference.records[0].triplets!.positiveDistance == alone[0].triplets!.positiveDistance)
    for (ranks, threads, passes) in [(1, 2, 1), (2, 1, 2), (3, 2, 1), (8, 1, 2)] {
      let world = try SmallRun.train(
        configuration(6) { $0.passes = passes }, ranks: ranks, threads: threads)
      for outcome in world {
        #expect(
          outcome.records.map(TripletBits.init) == expected, "\(ranks) x \(threads), \(passes)")
        #expect(outcome.weights == reference.weights)
      }
    }
    _ = try SmallRun.train(configuration(4), ranks: 2, folder: folder + "/new")
    let wrong = #expect(throws: ResumeError.self) {
      try SmallRun.train(
        configuration(6) { $0.compatibleWith = folder + "/other" }, folder: folder + "/new")
    }
    guard case .otherOldNetwork = wrong else {
      Issue.record("\(String(describing: wrong))")
      return
    }
    let resumed = try SmallRun.train(configuration(6), threads: 2, folder: folder + "/new")[0]
    #expect(resumed.weights == reference.weights)
    #expect(throws: (any Error).self) {
      try SmallRun.train(configuration(6) { $0.embedding = 16 })
    }
  }

  /// Trained with the mixtures, a network's embeddings come to lie where the older one has the same
  /// people; trained without, they do not.
  @Test func aHarmonicNetworkIsComparableWithTheOlderOne() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // The same people, with one photo more in the set that is measured.
    for count in [6, 7] {
      try SyntheticFaces(people: 12, photosPerPerson: count, size: 32, seed: 7)
        .writeFolder(to: "\(folder)/photos-\(count)")
    }
    func train(_ name: String, _ change: (inout RunConfiguration) -> Void) throws {
      _ = try SmallRun.train(
        Self.configuration(mining: .always(.all), steps: 40) {
          $0.data = .folder(folder + "/photos-6")
          $0.dropout = 0
          $0.augment = .none
          $0.learningRate = 0.01
          change(&$0)
        }, folder: "\(folder)/\(name)")
    }
    try train("old") { $0.seed = 3 }
    try train("apart") { _ in }
    try train("harmonic") { $0.compatibleWith = folder + "/old" }
    func crossAUC(_ name: String) throws -> Double {
      var evaluation = EvaluateRequest(source: .checkpoint(folder + "/old"), quiet: true)
      evaluation.data = .folder(folder + "/photos-7")
      evaluation.threads = 2
      var request = SweepRequest(.compatibility, evaluation)
      request.other = "\(folder)/\(name)"
      request.csv = "\(folder)/\(name).csv"
      _ = try request.answer(over: SoloCommunicator()) { _, _ in true }
      let rows = try String(contentsOfFile: request.csv!, encoding: .utf8)
        .split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
      let column = try #require(rows[0].firstIndex(of: "auc"))
      #expect(rows[2][0] == "new to old")
      return try #require(Double(rows[2][column]))
    }
    let (apart, harmonic) = (try crossAUC("apart"), try crossAUC("harmonic"))
    #expect(harmonic > 0.7 && harmonic > apart + 0.15, "\(harmonic), apart \(apart)")
  }
}
