internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
internal import Evaluation
internal import Foundation
internal import Inputs
internal import Interchange
internal import Measuring
internal import Networks
internal import Scoring
internal import Sessions

/// Sweeps that train a network for every value, and score them all on the same pairs.
struct TrainingSweep {
  let request: SweepRequest
  let base: RunConfiguration
  let out: String
  let session: Session
  /// Trains as a configuration says; false where it was told to stop before the end.
  let train: (RunConfiguration) throws -> Bool

  /// The table on the first rank; nil where a run was told to stop. Runs that are there already go
  /// on, or are only scored.
  func run(_ sweep: TrainedSweep) throws -> SweepTable? {
    switch sweep {
    case .embeddingDimension: try dimensions()
    case .trainingSize: try sizes()
    }
  }

  /// 64 to 512, as in the paper's table 5.
  private func dimensions() throws -> SweepTable? {
    var table = SweepTable("#dims")
    for value in request.values.isEmpty ? [64, 128, 256, 512] : request.values {
      guard value == value.rounded(), (2...4096).contains(value) else {
        throw SweepError.badValue(
          value, reason: "a size of embeddings is whole and lies in 2...4096")
      }
      var own = base
      own.embedding = Int(value)
      guard let found = try score(own, name: "embedding-\(Int(value))") else { return nil }
      if let verification = found.first { table.append("\(Int(value))", verification) }
    }
    return table
  }

  /// Shares of the people who train; smaller ones are parts of larger ones.
  private func sizes() throws -> SweepTable? {
    let data = try TrainingData.open(base, communicator: session.communicator, pool: session.pool)
    guard !data.divided.isClosedSet else { throw SweepError.closedSet }
    let people = data.trainedPeople
    let names = zip(people.names, people.trains).filter(\.1).map(\.0)
    let order = CounterRandom(seed: base.splitSeed, purpose: .split, 4)
      .permutation(of: names.count)
    let sets = try EvaluationPlan.sets(
      data.index, divided: data.divided, pairsFiles: base.pairs, seed: base.splitSeed)
    guard sets.count < 2, sets.first?.source == nil else { throw EvaluationFailure.severalSets }
    guard let plan = sets.first?.plan else { throw SweepError.noPairs }
    var photosOf: [String: Int] = [:]
    for photo in data.divided.training {
      photosOf[data.index.people[data.index.photos[photo].person], default: 0] += 1
    }
    var table = SweepTable("#training images")
    for value in request.values.isEmpty ? [0.125, 0.25, 0.5, 1] : request.values {
      guard value > 0, value <= 1, Int((value * Double(names.count)).rounded()) > 1 else {
        throw SweepError.badValue(
          value, reason: "a share of the \(names.count) people lies in 0...1 and holds two")
      }
      let chosen = order.prefix(Int((value * Double(names.count)).rounded())).map { names[$0] }
      let name = "people-\(chosen.count)"
      let list = "\(out)/\(name).txt"
      // Every rank, as hosts may not share a file system.
      try Folders.make(out)
      try TextFile.write(chosen.sorted().map { $0 + "\n" }.joined(), to: list)
      var own = base
      own.split = .people(file: list)
      // Scored here, on the pairs of the base.
      own.evaluateEvery = .never
      own.pairs = []
      let photos = chosen.reduce(0) { $0 + (photosOf[$1] ?? 0) }
      guard let found = try score(own, name: name, plan: plan) else { return nil }
      if let verification = found.first { table.append("\(photos)", verification) }
    }
    return table
  }

  /// Trains `configuration` in a folder of its own and scores it on the base's pairs: one
  /// verification on the first rank, none on the others; nil where the run was told to stop.
  private func score(
    _ configuration: RunConfiguration, name: String, plan: EvaluationPlan? = nil
  ) throws -> [Verification]? {
    var own = configuration
    own.out = "\(out)/\(name)"
    own.resume = .auto
    session.console.say("\(name):")
    guard try train(own) else { return nil }
    session.communicator.progress.enter(.evaluate)
    let network = try CheckpointNetwork.open("\(out)/\(name)", in: session)
    let opened = try OpenedPhotos.open(
      own.data, seed: own.seed, communicator: session.communicator, pool: session.pool)
    let preprocessing = try Preprocessing(own, index: opened.index)
    let measured =
      try plan ?? network.plan(EvaluateRequest(source: .checkpoint("")), own, opened, preprocessing)
    let embeddings = try network.embeddings(
      of: measured.photos, in: opened.source, preprocessing: preprocessing, flip: own.flipTest,
      badLimit: own.maxBad
    ).embeddings
    guard let embeddings else { return [] }
    guard let pairs = measured.pairs, pairs.sameCount > 0, pairs.sameCount < pairs.pairs.count
    else {
      throw SweepError.noPairs
    }
    return [Verification(distances: embeddings.squaredDistances(of: pairs), pairs: pairs)]
  }
}
