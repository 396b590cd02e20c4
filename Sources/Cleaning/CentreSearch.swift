internal import Datasets
internal import Determinism
internal import EmbeddingFiles
internal import Threads

/// Finds photos that are far from the main centre of their person: the one, of those that a loss
/// with several has learnt, to which most of the person's photos are nearest (Deng et al., ECCV
/// 2020).
struct CentreSearch: Sendable {
  let rows: CheckedRows
  let centres: PersonCentres
  /// Photos at a larger angle are far.
  let degrees: Double

  /// What is found of one person.
  struct Outcome: Sendable {
    /// Photos to which no other centre is nearer than the main one.
    var nearestCount = 0
    var far: [CleaningFindings.Far] = []
  }

  /// Looks at the photos of each of `people`, all of which have a direction [people.count]; nil for
  /// those who have no centres.
  func outcomes(
    of people: [[Int]], on pairs: PairSearch, meter: WorkMeter
  ) -> [Outcome?] {
    meter.expect(people.count)
    var outcomes = [Outcome?](repeating: nil, count: people.count)
    outcomes.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let outcomes = buffer.baseAddress
      pairs.forEach(people.count) { _, person in
        outcomes![person] = outcome(of: people[person], rows.index.people[person])
        meter.add()
      }
    }
    return outcomes
  }

  private func outcome(of photos: [Int], _ name: String) -> Outcome? {
    let own = (centres.rows(of: name) ?? 0..<0).filter {
      UnitRows.hasDirection($0, of: centres.rows)
    }
    guard !own.isEmpty else { return nil }
    let directions = UnitRows(centres.rows, at: own.map { Int32($0) })
    let units = rows.units(of: photos)
    var counts = [Int](repeating: 0, count: own.count)
    let cosines = photos.indices.map { photo in
      let cosines = own.indices.map { units.cosine(photo, $0, of: directions) }
      counts[Self.first(ofTheGreatest: cosines)] += 1
      return cosines
    }
    let main = Self.first(ofTheGreatest: counts)
    var outcome = Outcome(nearestCount: counts[main])
    for (photo, cosines) in zip(photos, cosines) {
      let angle = Elementary.acos(min(1, max(-1, cosines[main]))) * 180 / .pi
      if angle > degrees {
        outcome.far.append(CleaningFindings.Far(photo: photo, degrees: angle))
      }
    }
    return outcome
  }

  private static func first<Value: Comparable>(ofTheGreatest values: [Value]) -> Int {
    values.indices.dropFirst().reduce(0) { values[$1] > values[$0] ? $1 : $0 }
  }
}
