internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
internal import Foundation
internal import Inputs
internal import Planning

/// The bad photos of a run, as far as all ranks know of them.
struct BadPhotos {
  private let plan: TrainingPlan
  private let ledger: BadPhotoLedger
  /// Those that all ranks know of.
  private var known: Set<Int> = []

  /// `ledger` is where this rank notes its own.
  init(_ plan: TrainingPlan, ledger: BadPhotoLedger) {
    self.plan = plan
    self.ledger = ledger
  }

  /// Whether this rank has met some that the others may not know of.
  var hasNews: Bool { ledger.count > known.count }

  /// Tells all ranks of all bad photos, and `say` of those that are new. Throws
  /// `DatasetError.tooManyBadPhotos`, `TrainingFailure.photosDiffer` and what the communicator
  /// throws.
  mutating func exchange(saying say: (BadPhoto) -> Void) throws {
    let communicator = plan.communicator
    let news = ledger.entries.filter { !known.contains($0.photo) }
    for entries in try communicator.allGather(value: news) { ledger.merge(entries) }
    let found = ledger.entries.filter { known.insert($0.photo).inserted }
    found.forEach(say)
    try checkAllRanksSee(found)
    try ledger.check(total: plan.data.index.photos.count, limit: plan.configuration.maxBad)
  }

  /// Throws `TrainingFailure.photosDiffer` where the ranks do not find the same bytes, or the same
  /// reason, behind one of the bad photos: a rank that can read it would not replace it.
  private func checkAllRanksSee(_ photos: [BadPhoto]) throws {
    let communicator = plan.communicator
    guard communicator.size > 1, !photos.isEmpty else { return }
    let buffer = ByteBuffer()
    let own = photos.map { entry -> String in
      do throws(ImageError) {
        try plan.data.photos.read(entry.photo, into: buffer)
        return "\(buffer.bytes.count) bytes, hash \(Hash64.text(Hash64.of(buffer.bytes)))"
      } catch {
        return error.description
      }
    }
    let ranks = try communicator.allGather(value: [communicator.hostName] + own)
    for (i, entry) in photos.enumerated() where ranks.contains(where: { $0[i + 1] != own[i] }) {
      throw TrainingFailure.photosDiffer(
        photo: entry.path,
        ranks: ranks.enumerated().map { "rank \($0) on \($1[0]): \($1[i + 1])" })
    }
  }
}
