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

  /// One network to be trained: its row of the table, its folder below `out`, its configuration.
  private struct Run {
    let label: String
    let name: String
    let configuration: RunConfiguration
  }

  /// 64 to 512, as in the paper's table 5.
  private func dimensions() throws -> SweepTable? {
    let values = request.values.isEmpty ? [64, 128, 256, 512] : request.values
    let runs = try values.map { value in
      guard value == value.rounded(), (2...4096).contains(value) else {
        throw SweepError.badValue(
          value, reason: "a size of embeddings is whole and lies in 2...4096")
      }
      var own = base
      own.embedding = Int(value)
      return Run(label: "\(Int(value))", name: "embedding-\(Int(value))", configuration: own)
    }
    return try table("#dims", of: runs)
  }

  /// Shares of the people who train; smaller ones are parts of larger ones.
  private func sizes() throws -> SweepTable? {
    let data = try TrainingData.open(
      base, communicator: session.communicator, pool: session.pool, work: session.work)
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
    let values = request.values.isEmpty ? [0.125, 0.25, 0.5, 1] : request.values
    let parts = try values.map { value in
      guard value > 0, value <= 1, Int((value * Double(names.count)).rounded()) > 1 else {
        throw SweepError.badValue(
          value, reason: "a share of the \(names.count) people lies in 0...1 and holds two")
      }
      return order.prefix(Int((value * Double(names.count)).rounded())).map { names[$0] }
    }
    // Every rank, as hosts may not share a file system.
    try Folders.make(out)
    try checkLists(parts.map { "\(out)/people-\($0.count).txt" })
    let runs = try parts.map { chosen in
      let name = "people-\(chosen.count)"
      let list = "\(out)/\(name).txt"
      try TextFile.write(chosen.sorted().map { $0 + "\n" }.joined(), to: list)
      var own = base
      own.split = .people(file: list)
      // Scored here, on the pairs of the base.
      own.evaluateEvery = .never
      own.pairs = []
      let photos = chosen.reduce(0) { $0 + (photosOf[$1] ?? 0) }
      return Run(label: "\(photos)", name: name, configuration: own)
    }
    return try table("#training images", of: runs, plan: plan)
  }

  /// Throws `CommandFiles.Conflict` where one of the lists of people is what the sweep reads.
  private func checkLists(_ lists: [String]) throws {
    try CommandFiles.check { files in
      files.read(request.configurationFile, as: "--config")
      files.read(base)
      for list in lists { files.write(list, as: "--out") }
      files.write(request.csv, as: "--csv")
    }
  }

  /// Trains and scores `runs`, all of which are looked at before the first of them begins.
  private func table(
    _ title: String, of runs: [Run], plan: EvaluationPlan? = nil
  ) throws -> SweepTable? {
    try CommandFiles.check { files in
      files.make(out)
      for run in runs { files.keepRun("\(out)/\(run.name)") }
      files.write(request.csv, as: "--csv")
    }
    for run in runs { try requireSameCourse(run) }
    var table = SweepTable(title)
    for run in runs {
      guard let found = try score(run.configuration, name: run.name, plan: plan) else { return nil }
      if let verification = found.first { table.append(run.label, verification) }
    }
    return table
  }

  /// Throws `SweepError.otherRun` where the folder of `run` holds one of another configuration or
  /// length, or one that was changed on its way: a sweep goes on with runs and changes none.
  private func requireSameCourse(_ run: Run) throws {
    let path = "\(out)/\(run.name)"
    var differences: [String] = []
    if session.communicator.rank == 0,
      let checkpoint = CheckpointStore.newestGood(in: path + "/checkpoints").checkpoint
    {
      differences =
        try run.configuration.changes(from: checkpoint.configuration, at: 0)
        .map { "\($0.name) was \($0.old), is \($0.new)" }
      // A length that was changed and fits is still another course than one that has it throughout.
      differences += checkpoint.changes.map { "changed \($0.sentence)" }
    }
    differences = try session.communicator.share(differences, from: 0)
    guard differences.isEmpty else {
      throw SweepError.otherRun(path: path, differences: differences)
    }
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
      own.data, besides: own.filesRead.map(\.path), excluding: own.exclude, seed: own.seed,
      communicator: session.communicator, pool: session.pool, work: session.work)
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
