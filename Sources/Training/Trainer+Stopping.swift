internal import Collectives
internal import Datasets
internal import Determinism
internal import Foundation

extension Trainer {
  /// Agrees with the other ranks on what signals and bad photos ask for; true to end the run.
  func agreeOnSignals() throws -> Bool {
    let bad = loader.ledger.count
    var word = bad > knownBadPhotos.count ? Word.badPhotos : Word.nothing
    if StopSignals.wantsCheckpoint { word = Word.checkpoint }
    if wantsEnd() { word = Word.end }
    try store?.throwFailure()
    let agreed = try communicator.agreeOnMaximum(word)
    if agreed == Word.end { return progress.step < totalSteps }
    if agreed >= Word.badPhotos { try exchangeBadPhotos() }
    if agreed == Word.checkpoint {
      StopSignals.forgetCheckpoint()
      try checkpoint(isBest: false)
      console.say("checkpoint on request after step \(progress.step)")
    }
    return false
  }

  func exchangeBadPhotos() throws {
    let news = loader.ledger.entries.filter { !knownBadPhotos.contains($0.photo) }
    let own = try JSONEncoder().encode(news)
    for bytes in try communicator.allGather(Array(own)) {
      loader.ledger.merge(try JSONDecoder().decode([BadPhoto].self, from: Data(bytes)))
    }
    let entries = loader.ledger.entries
    for entry in entries where knownBadPhotos.insert(entry.photo).inserted {
      log?.writeLine("bad photo: \(entry.line)")
    }
    try loader.ledger.check(total: data.index.photos.count, limit: configuration.maxBad)
  }

  func isStopOfPeer(_ error: CollectiveError) -> Bool {
    guard case .disagreement(let operations) = error else { return false }
    return wantsEnd() || operations.contains(.agreement)
  }

  /// Leaves in the middle of a step: the last completed step is kept whole, at once.
  func interrupt() throws -> Ending {
    if isFirst, let store, progress.step > 0 { try store.writeNow(snapshot(copying: false)) }
    // Peers that are still in the step learn of it by meeting another operation, and come here.
    var isAgreed = false
    while !isAgreed {
      do {
        _ = try communicator.agreeOnMaximum(Word.end)
        isAgreed = true
      } catch CollectiveError.disagreement {}
    }
    engine.settle()
    console.receipt("interrupted: step \(progress.step) of \(totalSteps)")
    return .interrupted
  }

  func finish() throws {
    try store?.finish()
    if isFirst {
      let hash = weightsHash
      if folder != nil, hasWorked { writeReport(hash: hash) }
      console.receipt("weights: \(Hash64.text(hash))")
    }
    try communicator.barrier()
  }

  /// The receipt of weights, loss head and statistics.
  package var weightsHash: UInt64 { snapshot(copying: false).weightsHash() }
}
