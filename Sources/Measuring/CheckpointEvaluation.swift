internal import CheckpointParts
internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
internal import Evaluation
internal import Foundation
internal import Inputs
internal import Interchange
internal import Networks
internal import Reports
internal import Scoring
internal import Sessions
internal import Threads

extension CheckpointNetwork {
  /// Scores photos as `request` asks and prints the figures.
  func evaluate(_ request: EvaluateRequest) throws {
    let bringAll = request.pairs.allSatisfy(EvaluationSet.bringsPhotos)
    let areAlone = bringAll && !request.pairs.isEmpty
    let own =
      areAlone
      ? configuration
      : configuration(
        data: request.data ?? configuration.data, split: request.split,
        splitSeed: request.splitSeed, minPhotos: request.minPhotos,
        exclude: exclusion(
          for: request.data ?? configuration.data, given: request.exclude),
        landmarks: request.landmarks)
    if areAlone, request.data != nil || request.landmarks != nil || request.exclude != nil {
      session.console.warn(
        "--pairs \(request.pairs.joined(separator: ", ")) bring their photos: --data, --exclude and "
          + "--landmarks are not looked at")
    }
    let opened =
      areAlone
      ? nil
      : try OpenedPhotos.open(
        own.data, besides: own.filesRead.map(\.path) + request.filesRead,
        excluding: own.exclude, seed: own.seed, communicator: session.communicator,
        pool: session.pool, work: session.work)
    opened?.notes.tell(session.console)
    let preprocessing =
      try opened.map { try Preprocessing(own, index: $0.index) } ?? Preprocessing(aligned: own)
    let sets =
      try opened.map { try self.sets(request, own, $0, preprocessing) }
      ?? EvaluationSet.open(request.pairs, index: nil)
    for set in sets { for warning in set.plan.warnings { session.console.warn(warning) } }
    try tellOverlaps(of: sets, in: opened?.index)
    if request.storesThreshold, session.communicator.rank == 0 {
      try checkpoint.requireWritable()
    }
    try WorldCheck.run(
      configuration: sets.map { "\($0.plan.photos)" }.joined(), dataFingerprint: 0,
      pixels: JPEGProbe.hash, communicator: session.communicator)
    let start = Clock.seconds
    let flip = request.flipTest ?? configuration.flipTest
    let tables = try EvaluationTables(request)
    var scored: [(name: String, result: EvaluationResult)] = []
    var measured: [(photos: [Int], source: any PhotoSource)] = []
    for set in sets {
      guard let source = set.source ?? opened?.source else { continue }
      let (embeddings, bad) = try embeddings(
        of: set.plan.photos, in: source, preprocessing: set.preprocessing(preprocessing),
        flip: flip, badLimit: request.maxBad ?? configuration.maxBad)
      guard let embeddings else { continue }
      let weights = set.plan.classes == nil ? nil : try closedSetWeights()
      let result = set.plan.score(
        embeddings, bad: bad, classWeights: weights, centres: configuration.subCentres)
      scored.append((set.name, result))
      measured.append((set.plan.photos, source))
    }
    guard !scored.isEmpty else { return }
    let results = SetResults(results: scored)
    for rule in results.rules { session.console.say(rule) }
    for line in results.lines { session.console.receipt(line) }
    for warning in results.warnings { session.console.warn(warning) }
    let pages = try tell(
      tables, of: results,
      names: measured.map { set in set.photos.map { set.source.name(of: $0) } })
    if let html = request.html {
      let origin =
        sets.map { $0.origin(data: opened?.name ?? "") }.joined(separator: ", ")
        + (flip ? "; each photo with its mirror image" : "")
      try TextFile.write(
        page(of: results, pages, photos: measured, origin: origin).render(), to: html)
    }
    if request.storesThreshold {
      try storeThreshold(
        of: results.first, targetFAR: request.thresholdFAR, flip: flip,
        origin: "of \(sets[0].origin(data: opened?.name ?? "")), by evaluate")
    }
    let photoCount = sets.reduce(0) { $0 + $1.plan.photos.count }
    session.console.say(
      "evaluated \(photoCount) photos in \(Console.fixed(Clock.seconds - start, 1)) s")
  }

  /// The class weights that a closed set is decided by; nil, with a warning, where parts of them
  /// are not beside the checkpoint.
  private func closedSetWeights() throws -> [Float]? {
    do {
      return try checkpoint.classWeights(of: kind)
    } catch let lack as CheckpointError where checkpoint.head.lacksParts {
      session.console.warn("no accuracy of the closed set: \(lack)")
      return nil
    }
  }

  /// How long a side of the pictures of a page is, in pixels.
  private static let pictureSide = 160

  /// The page of `results` with their tables and the pictures of their `photos`; `origin` says what
  /// was measured. Throws where no pictures can be made.
  private func page(
    of results: SetResults, _ tables: [EvaluationTables.Page],
    photos: [(photos: [Int], source: any PhotoSource)], origin: String
  ) throws -> EvaluationReport {
    var report = EvaluationReport(
      title: "Evaluation of \(checkpoint.path)", facts: [title, origin])
    for (tables, (set, scored)) in zip(tables, zip(photos, results.results)) {
      let thumbnails = try Thumbnails(set.source, side: Self.pictureSide)
      report.add(
        tables.detail(of: scored.result) {
          set.source.name(of: set.photos[$0])
        } jpeg: {
          thumbnails.jpeg(set.photos[$0])
        }, called: scored.name)
    }
    report.add(summaryOf: results)
    return report
  }

  /// Prints the tables of every set, whose photos have `names`, and what is of all; returns them.
  /// Throws what is wrong with the files of the tables.
  private func tell(
    _ tables: EvaluationTables, of results: SetResults, names: [[String]]
  ) throws -> [EvaluationTables.Page] {
    var pages: [EvaluationTables.Page] = []
    for ((name, result), names) in zip(results.results, names) {
      let prefix = results.results.count > 1 ? name + " " : ""
      let page = try tables.page(of: result, names: names)
      for rule in page.rules { session.console.say(prefix + rule) }
      for line in page.lines { session.console.receipt(prefix + line) }
      for warning in page.warnings { session.console.warn(prefix + warning) }
      pages.append(page)
    }
    for line in results.summary { session.console.receipt(line) }
    try tables.requireSubsets(in: pages)
    return pages
  }

  /// Keeps the threshold that `result` has chosen in the checkpoint; throws
  /// `EvaluationFailure.noThreshold` where no pairs were verified, `.tooFewForRate` where there are
  /// too few for `targetFAR`.
  private func storeThreshold(
    of result: EvaluationResult, targetFAR: Double?, flip: Bool, origin: String
  ) throws {
    if let targetFAR, let scores = result.scores,
      let refusal = scores.acceptRates(at: [targetFAR])[0].refusal
    {
      throw EvaluationFailure.tooFewForRate(targetFAR, refusal: refusal)
    }
    let threshold =
      if let targetFAR {
        DecisionThreshold(result, targetFAR: targetFAR, flipTest: flip, origin: origin)
      } else {
        DecisionThreshold(result, flipTest: flip, origin: origin)
      }
    guard let threshold else { throw EvaluationFailure.noThreshold }
    try checkpoint.store(threshold)
    session.console.say("threshold: \(threshold.pairText)")
    session.console.say("threshold of many: \(threshold.cautiousText)")
    session.console.say("stored in \(checkpoint.path)")
  }
}
