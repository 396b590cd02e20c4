package import Collectives
package import Datasets
internal import Determinism

/// The bad photos of a run, as far as all ranks know of them.
package struct BadPhotos {
  /// Ranks that do not find the same bytes behind a photo, or the same reason why it is bad.
  package struct Difference: Error, CustomStringConvertible {
    /// The path of the photo.
    let photo: String
    /// What each rank finds.
    let ranks: [String]

    package var description: String {
      "\(photo) is not the same for all ranks: \(ranks.joined(separator: "; ")); "
        + "give all hosts the same data, then resume"
    }
  }

  private let data: TrainingData
  private let limit: Double
  private let communicator: any Communicator
  private let ledger: BadPhotoLedger
  /// Those that all ranks know of.
  private var known: Set<Int> = []

  /// Those of `data`, of which a share of `limit` may be bad; `ledger` is where this rank notes its
  /// own.
  package init(
    of data: TrainingData, limit: Double, ledger: BadPhotoLedger,
    over communicator: any Communicator
  ) {
    (self.data, self.limit, self.ledger) = (data, limit, ledger)
    self.communicator = communicator
  }

  /// Whether this rank has met some that the others may not know of.
  package var hasNews: Bool { ledger.count > known.count }

  /// Tells all ranks of all bad photos, and `say` of those that are new. Throws
  /// `DatasetError.tooManyBadPhotos`, `Difference` and what the communicator throws.
  package mutating func exchange(saying say: (BadPhoto) -> Void) throws {
    let news = ledger.entries.filter { !known.contains($0.photo) }
    for entries in try communicator.allGather(value: news) { ledger.merge(entries) }
    let found = ledger.entries.filter { known.insert($0.photo).inserted }
    found.forEach(say)
    try checkAllRanksSee(found)
    try ledger.check(total: data.index.photos.count, limit: limit)
  }

  /// Throws `Difference` where the ranks do not find the same bytes, or the same
  /// reason, behind one of the bad photos: a rank that can read it would not replace it.
  private func checkAllRanksSee(_ photos: [BadPhoto]) throws {
    guard communicator.size > 1, !photos.isEmpty else { return }
    let buffer = ByteBuffer()
    let own = photos.map { entry -> String in
      do throws(ImageError) {
        try data.photos.read(entry.photo, into: buffer)
        return "\(buffer.bytes.count) bytes, hash \(Hash64.text(Hash64.of(buffer.bytes)))"
      } catch {
        return error.description
      }
    }
    let ranks = try communicator.allGather(value: [communicator.hostName] + own)
    for (i, entry) in photos.enumerated() where ranks.contains(where: { $0[i + 1] != own[i] }) {
      throw Difference(
        photo: entry.path,
        ranks: ranks.enumerated().map { "rank \($0) on \($1[0]): \($1[i + 1])" })
    }
  }
}
