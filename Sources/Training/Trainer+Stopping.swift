internal import Scoring
internal import Timing
internal import RunFolders
internal import Configuration
internal import Checkpoints
internal import Engine
internal import Sessions
internal import Collectives
internal import Datasets
internal import Determinism
internal import Foundation
internal import Interchange

extension Trainer {
  /// Agrees with the other ranks on what signals and bad photos ask for; true to end the run.
  func agreeOnSignals() throws -> Bool {
    let bad = loader.ledger.count
    var word = bad > knownBadPhotos.count ? Word.badPhotos : Word.nothing
    if StopSignals.wantsCheckpoint { word = Word.checkpoint }
    if wantsEnd() { word = Word.end }
    try store?.throwFailure()
    sayFullDisk()
    communicator.progress.enter(.reduce)
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
    let found = loader.ledger.entries.filter { knownBadPhotos.insert($0.photo).inserted }
    for entry in found { log?.writeLine("bad photo: \(entry.line)") }
    try checkAllRanksSee(found)
    try loader.ledger.check(total: data.index.photos.count, limit: configuration.maxBad)
  }

  /// Throws `TrainingFailure.photosDiffer` where the ranks do not find the same bytes, or the same
  /// reason, behind one of the bad photos: a rank that can read it would not replace it.
  private func checkAllRanksSee(_ photos: [BadPhoto]) throws {
    guard communicator.size > 1, !photos.isEmpty else { return }
    let buffer = ByteBuffer()
    let own = photos.map { entry -> String in
      do throws(ImageError) {
        try data.source.source.read(entry.photo, into: buffer)
        return "\(buffer.bytes.count) bytes, hash \(Hash64.text(Hash64.of(buffer.bytes)))"
      } catch {
        return error.description
      }
    }
    let message = try JSONEncoder().encode([communicator.hostName] + own)
    let ranks = try communicator.allGather(Array(message)).map {
      try JSONDecoder().decode([String].self, from: Data($0))
    }
    for (i, entry) in photos.enumerated() where ranks.contains(where: { $0[i + 1] != own[i] }) {
      throw TrainingFailure.photosDiffer(
        photo: entry.path,
        ranks: ranks.enumerated().map { "rank \($0) on \($1[0]): \($1[i + 1])" })
    }
  }

  func isStopOfPeer(_ error: CollectiveError) -> Bool {
    guard case .disagreement(let operations) = error else { return false }
    return wantsEnd() || operations.contains(.agreement)
  }

  /// What this rank does while it waits for its peers: told to end, it keeps the last completed step
  /// at once. The peers may be dead, and the launcher about to kill the rest.
  func waitForPeers() throws {
    guard wantsEnd(), !hasKeptLastStep, !engine.checkpointNeedsAllRanks else { return }
    hasKeptLastStep = true
    try keepLastStep()
  }

  private func keepLastStep() throws {
    guard progress.step > 0 else { return }
    let gathered = try gatherForCheckpoint()
    guard isFirst, let store else { return }
    do {
      try store.writeNow(snapshot(copying: false, gathered: gathered))
    } catch InterchangeError.noSpace where configuration.onFullDisk == .continue {
      console.warn(
        "no space left for the checkpoint of step \(progress.step): the one before is the last")
    }
  }

  func sayFullDisk() {
    for notice in store?.takeFullDiskNotices() ?? [] { console.warn(notice) }
  }

  /// Leaves in the middle of a step: the last completed step is kept whole, at once.
  func interrupt() throws -> Ending {
    if !engine.checkpointNeedsAllRanks { try keepLastStep() }
    // Peers that are still in the step learn of it by meeting another operation, and come here.
    var isAgreed = false
    while !isAgreed {
      do {
        _ = try communicator.agreeOnMaximum(Word.end)
        isAgreed = true
      } catch CollectiveError.disagreement {}
    }
    engine.settle()
    if engine.checkpointNeedsAllRanks { try keepLastStep() }
    try writeTimeline()
    console.receipt("interrupted: step \(progress.step) of \(totalSteps)")
    return .interrupted
  }

  func finish() throws {
    communicator.progress.enter(.checkpoint)
    try store?.finish()
    sayFullDisk()
    // The result itself must not be lost: without space for it the run ends with an error.
    // It is written after skipped steps too, which left the weights as they were.
    if isFirst, hasWorked, let store, progress.step > 0 {
      try store.writeNow(snapshot(copying: false))
    }
    try log?.writePending()
    if isFirst {
      let hash = weightsHash
      if folder != nil, hasWorked { writeReport(hash: hash) }
      console.receipt("weights: \(Hash64.text(hash))")
    }
    try writeTimeline()
    try communicator.barrier()
  }

  private func writeTimeline() throws {
    guard let timeline = engine.timeline, let path = configuration.timeline else { return }
    try timeline.write(to: path, over: communicator)
    console.say("timeline: \(path)")
  }

  /// The receipt of weights, loss head and statistics.
  package var weightsHash: UInt64 { snapshot(copying: false).weightsHash() }
}
