private import Synchronization

/// A photo that could not be used.
package struct BadPhoto: Equatable, Sendable {
  /// Its index in the data set.
  package var photo: Int
  /// Its name in the data.
  package var path: String
  /// What is wrong with it.
  package var reason: String

  /// Photo number `photo` of the data, called `path`, which cannot be used for `reason`.
  package init(photo: Int, path: String, reason: String) {
    self.photo = photo
    self.path = path
    self.reason = reason
  }

  /// One line for the log.
  package var line: String { "\(path): \(reason)" }
}

/// The bad photos of a run, each once, and how often a sample was replaced; for all threads.
///
/// Ranks meet different bad photos: gather `entries`, `merge` them everywhere, then `check`.
package final class BadPhotoLedger: Sendable {
  private struct State {
    var byPhoto: [Int: BadPhoto] = [:]
    var replacedSamples = 0
  }

  private let state = Mutex(State())

  /// A ledger without entries.
  package init() {}

  /// Notes that `photo` is bad.
  package func record(_ photo: BadPhoto) {
    state.withLock { state in
      if state.byPhoto[photo.photo] == nil { state.byPhoto[photo.photo] = photo }
    }
  }

  /// Notes that a sample was made of another photo than the one asked for.
  package func recordReplacement() { state.withLock { $0.replacedSamples += 1 } }

  /// Takes over the entries of another rank; those known here stay as they are.
  package func merge(_ entries: [BadPhoto]) {
    state.withLock { state in
      for entry in entries where state.byPhoto[entry.photo] == nil {
        state.byPhoto[entry.photo] = entry
      }
    }
  }

  /// The bad photos met so far, in the order of the data set.
  package var entries: [BadPhoto] {
    state.withLock { $0.byPhoto.values.sorted { $0.photo < $1.photo } }
  }

  /// Bad photos that are known.
  package var count: Int { state.withLock { $0.byPhoto.count } }

  /// How many samples of this process were replaced so far.
  package var replacedSamples: Int { state.withLock { $0.replacedSamples } }

  /// Throws `DatasetError.tooManyBadPhotos`, with the list, where more than `limit` (0.01 is 1 %)
  /// of `total` photos are bad.
  package func check(total: Int, limit: Double) throws(DatasetError) {
    let bad = entries
    guard Double(bad.count) > limit * Double(total) else { return }
    throw .tooManyBadPhotos(count: bad.count, total: total, limit: limit, list: bad.map(\.line))
  }
}
