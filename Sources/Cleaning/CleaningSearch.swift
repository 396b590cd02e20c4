internal import Datasets
internal import EmbeddingFiles
internal import Evaluation
internal import Sessions
internal import Threads

/// Looks for what is wrong with the people of stored embeddings: strangers first, or what is far
/// from the centres of a loss, then centres without them, by which people are compared, then copies
/// among the photos that stay.
struct CleaningSearch {
  let rows: CheckedRows
  let limits: CleaningLimits
  let pairs: PairSearch
  /// Those that a loss has of the people, where photos are compared with them.
  var ownCentres: PersonCentres?
  /// What says how far it is.
  let work: LongWork

  /// People with more photos than this are compared on all threads.
  private static let sharedCount = 4096

  private func person(of photo: Int) -> Int { rows.index.photos.person(of: photo) }

  /// Finds all of it; `against` are the rows of evaluation sets.
  func find(against: [UnitRows]) throws -> CleaningFindings {
    var findings = CleaningFindings()
    let isDirected = try directions()
    findings.undirected = isDirected.indices.filter { !isDirected[$0] }
    var people = rows.photosOfPeople.map { $0.filter { isDirected[$0] } }
    if let ownCentres {
      try findFar(among: &people, from: ownCentres, into: &findings)
    } else if let limit = limits.strangers {
      try findStrangers(among: &people, at: limit, into: &findings)
    }
    let fallen = findings.fallenApart
    let areFallen = Set(fallen)
    var known = people.indices.filter { !people[$0].isEmpty && !areFallen.contains($0) }
    var values = try centres(of: known.map { people[$0] })
    let width = rows.rows.width
    if let limit = limits.people {
      try findOthersPhotos(
        among: &people, known, UnitRows(.held(values, width: width)), at: limit, into: &findings)
    }
    let rest = fallen.filter { !people[$0].isEmpty }
    values += try centres(of: rest.map { people[$0] })
    known += rest
    let centres = UnitRows(.held(values, width: width))
    tellCosines(of: &findings, known, centres, people.count)
    for (set, others) in against.enumerated() {
      let found = try work.run("comparing people with set \(set + 1)", unit: "pairs") { [pairs] in
        pairs.nearest(centres, among: others, at: limits.overlaps, meter: $0)
      }
      findings.overlaps.append(
        found.sorted { $0.key < $1.key }.map {
          CleaningFindings.Overlap(
            person: known[$0.key], row: $0.value.row, cosine: $0.value.cosine)
        })
    }
    let lost = Set(findings.overlaps.joined().map(\.person))
    var owners = Array(people.indices)
    if let limit = limits.people {
      let found = try work.run("comparing people", unit: "pairs") { [pairs] in
        pairs.components(of: centres, at: limit, meter: $0)
      }
      findings.merges = merges(found, known, centres, people, lost, at: limit)
      for merge in findings.merges {
        for other in merge.others { owners[other.person] = merge.kept }
      }
    }
    if let limit = limits.duplicates {
      for person in lost { people[person] = [] }
      try findDuplicates(among: people, owners: owners, at: limit, into: &findings)
    }
    return findings
  }

  /// Whether each photo can be compared.
  private func directions() throws -> [Bool] {
    let (rows, pairs) = (rows, pairs)
    let step = 1024
    return try work.run("reading embeddings", unit: "photos") { meter in
      let count = rows.places.count
      meter.expect(count)
      var result = [Bool](repeating: false, count: count)
      result.withUnsafeMutableBufferPointer { buffer in
        nonisolated(unsafe) let result = buffer.baseAddress
        pairs.forEach((count + step - 1) / step) { _, part in
          let photos = part * step..<min((part + 1) * step, count)
          for photo in photos {
            result![photo] = UnitRows.hasDirection(Int(rows.places[photo]), of: rows.rows)
          }
          meter.add(photos.count)
        }
      }
      return result
    }
  }

  // MARK: Strangers

  /// Takes out of `people` the photos that are far from the main one of the `centres` of their
  /// person. Throws where it has none of anybody.
  private func findFar(
    among people: inout [[Int]], from centres: PersonCentres,
    into findings: inout CleaningFindings
  ) throws {
    let all = people
    let search = CentreSearch(rows: rows, centres: centres, degrees: limits.centreDegrees)
    let outcomes = try work.run("comparing photos with centres", unit: "people") { [pairs] meter in
      search.outcomes(of: all, on: pairs, meter: meter)
    }
    var told = CleaningFindings.Centres()
    for (person, outcome) in outcomes.enumerated() where !all[person].isEmpty {
      guard let outcome else {
        told.unknownCount += 1
        continue
      }
      told.photoCount += all[person].count
      told.nearestCount += outcome.nearestCount
      let far = Set(outcome.far.map(\.photo))
      people[person].removeAll { far.contains($0) }
      if people[person].isEmpty { told.emptiedCount += 1 }
      findings.far += outcome.far
    }
    guard told.photoCount > 0 || rows.index.people.isEmpty else {
      throw CleaningError.noCentres(
        path: centres.path, people: rows.index.people.count, example: rows.index.people[0])
    }
    findings.centres = told
  }

  /// Takes out of `people`, the photos of each, those that are not of the part that is more than
  /// half of them.
  private func findStrangers(
    among people: inout [[Int]], at limit: Double, into findings: inout CleaningFindings
  ) throws {
    let all = people
    let kept = try work.run("comparing photos of people", unit: "people") { [self] meter in
      meter.expect(all.count)
      var kept = [[Int]?](repeating: [], count: all.count)
      kept.withUnsafeMutableBufferPointer { buffer in
        nonisolated(unsafe) let kept = buffer.baseAddress
        let (rows, alone) = (rows, PairSearch(threads: 1, blockBytes: pairs.blockBytes))
        pairs.forEach(all.count) { _, person in
          guard all[person].count <= Self.sharedCount else { return }
          kept![person] = Self.largestPart(of: all[person], rows, by: alone, at: limit)
          meter.add()
        }
        for person in all.indices where all[person].count > Self.sharedCount {
          kept![person] = Self.largestPart(of: all[person], rows, by: pairs, at: limit)
          meter.add()
        }
      }
      return kept
    }
    for (person, part) in kept.enumerated() {
      guard let part else {
        findings.fallenApart.append(person)
        continue
      }
      guard part.count < all[person].count else { continue }
      let own = Set(part)
      findings.strangers += all[person].filter { !own.contains($0) }.map {
        CleaningFindings.Stranger(photo: $0)
      }
      people[person] = part
    }
  }

  /// Those of one person's `photos` that pairs at `limit` join, where they are more than half; nil
  /// where no such part is.
  private static func largestPart(
    of photos: [Int], _ rows: CheckedRows, by pairs: PairSearch, at limit: Double
  ) -> [Int]? {
    guard photos.count > 1 else { return photos }
    var sets = pairs.components(of: rows.units(of: photos), at: limit, meter: nil)
    guard let largest = sets.groups().max(by: { $0.count < $1.count }),
      2 * largest.count > photos.count
    else { return nil }
    return largest.map { photos[$0] }
  }

  /// Takes out of `people` the photos of those who have fallen apart that are near to the centre of
  /// somebody else, and nearer than to their own: of `known` people, whose centres are `centres`.
  private func findOthersPhotos(
    among people: inout [[Int]], _ known: [Int], _ centres: UnitRows, at limit: Double,
    into findings: inout CleaningFindings
  ) throws {
    let photos = findings.fallenApart.flatMap { people[$0] }
    let units = rows.units(of: photos)
    let found = try work.run("comparing photos that fall apart", unit: "pairs") { [pairs] in
      pairs.nearest(units, among: centres, at: limit, meter: $0)
    }
    var others: [Int: [(photo: Int, row: Int, cosine: Double)]] = [:]
    for (place, photo) in photos.enumerated() {
      guard let other = found[place] else { continue }
      let own = cosine(of: photo, toOthersAmong: people[person(of: photo)].filter { $0 != photo })
      guard other.cosine > own else { continue }
      others[person(of: photo), default: []].append((photo, other.row, other.cosine))
    }
    for person in findings.fallenApart {
      guard let found = others[person] else { continue }
      // All of them near to one other: that is who the person is, and nobody is a stranger.
      if found.count == people[person].count, Set(found.map { $0.row }).count == 1 { continue }
      people[person].removeAll { photo in found.contains { $0.photo == photo } }
      findings.strangers += found.map {
        CleaningFindings.Stranger(photo: $0.photo, like: (known[$0.row], $0.cosine))
      }
    }
    findings.fallenApart.removeAll { people[$0].count <= 1 }
  }

  /// Says how near strangers are to the `centres` of their people, those of `known`.
  private func tellCosines(
    of findings: inout CleaningFindings, _ known: [Int], _ centres: UnitRows, _ peopleCount: Int
  ) {
    var places = [Int](repeating: -1, count: peopleCount)
    for (place, person) in known.enumerated() { places[person] = place }
    for (number, stranger) in findings.strangers.enumerated() {
      let place = places[person(of: stranger.photo)]
      guard place >= 0 else { continue }
      findings.strangers[number].cosine = rows.units(of: [stranger.photo]).cosine(
        0, place, of: centres)
    }
  }

  // MARK: People

  /// The mean direction of each of `groups` of photos, of length 1 [groups.count, width].
  private func centres(of groups: [[Int]]) throws -> [Float] {
    let (rows, pairs, width) = (rows, pairs, rows.rows.width)
    return try work.run("adding up people", unit: "people") { meter in
      meter.expect(groups.count)
      var values = [Float](repeating: 0, count: groups.count * width)
      values.withUnsafeMutableBufferPointer { buffer in
        nonisolated(unsafe) let values = buffer.baseAddress
        pairs.forEach(groups.count) { _, group in
          let sum = Self.sum(of: groups[group], rows)
          let norm = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
          for i in 0..<width where norm > 0 {
            values![group * width + i] = Float(sum[i] / norm)
          }
          meter.add()
        }
      }
      return values
    }
  }

  /// The sum of the rows of `photos`, each of length 1, in their order.
  private static func sum(of photos: [Int], _ rows: CheckedRows) -> [Double] {
    let (width, units) = (rows.rows.width, rows.units(of: photos))
    var sum = [Double](repeating: 0, count: width)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { unit in
      for photo in photos.indices {
        units.read(photo..<photo + 1, into: unit.baseAddress!)
        for i in 0..<width { sum[i] += Double(unit[i]) }
      }
    }
    return sum
  }

  /// People of `found`, sets of `known` ones by their `centres`, who are one and not `lost`: of
  /// each set who has the most photos, of equals the first, with those who are at `limit` to that
  /// centre itself, and so on with the rest.
  private func merges(
    _ found: DisjointSets, _ known: [Int], _ centres: UnitRows, _ people: [[Int]],
    _ lost: Set<Int>, at limit: Double
  ) -> [CleaningFindings.Merge] {
    var found = found
    var merges: [CleaningFindings.Merge] = []
    for group in found.groups() {
      var rest = group.filter { !lost.contains(known[$0]) }.sorted {
        (-people[known[$0]].count, known[$0]) < (-people[known[$1]].count, known[$1])
      }
      while rest.count > 1 {
        let kept = rest.removeFirst()
        let near = rest.map { ($0, centres.cosine($0, kept, of: centres)) }.filter { $0.1 >= limit }
        guard !near.isEmpty else { continue }
        let taken = Set(near.map { $0.0 })
        rest.removeAll { taken.contains($0) }
        merges.append(
          CleaningFindings.Merge(kept: known[kept], others: near.map { (known[$0.0], $0.1) }))
      }
    }
    return merges
  }

  // MARK: Copies

  /// Finds copies among the photos of `people`, who are really `owners`.
  private func findDuplicates(
    among people: [[Int]], owners: [Int], at limit: Double,
    into findings: inout CleaningFindings
  ) throws {
    let photos = people.joined().sorted()
    let units = rows.units(of: photos)
    var sets = try work.run("comparing photos", unit: "pairs") { [pairs] in
      pairs.components(of: units, at: limit, meter: $0)
    }
    findings.duplicates = sets.groups().map { group in
      let copies = group.map { photos[$0] }
      let differs = Set(copies.map { owners[person(of: $0)] }).count > 1
      let kept = differs ? mostAtHome(copies, people) : copies[0]
      let place = group[copies.firstIndex(of: kept)!]
      return CleaningFindings.Duplicate(
        kept: kept,
        others: group.filter { $0 != place }.map {
          (photos[$0], units.cosine($0, place, of: units))
        }, differs: differs)
    }
  }

  /// That of `copies` which is nearest to its person's other photos, of equals the first.
  private func mostAtHome(_ copies: [Int], _ people: [[Int]]) -> Int {
    let own = Set(copies)
    var best = (photo: copies[0], cosine: -Double.infinity)
    var asked: Set<Int> = []
    for photo in copies where asked.insert(person(of: photo)).inserted {
      let others = people[person(of: photo)].filter { !own.contains($0) }
      let cosine = cosine(of: photo, toOthersAmong: others)
      if cosine > best.cosine { best = (photo, cosine) }
    }
    return best.photo
  }

  /// The cosine of `photo` with the mean direction of `others`; -infinity where there are none.
  private func cosine(of photo: Int, toOthersAmong others: [Int]) -> Double {
    guard !others.isEmpty else { return -.infinity }
    let (sum, unit) = (Self.sum(of: others, rows), Self.sum(of: [photo], rows))
    let product = zip(sum, unit).reduce(0) { $0 + $1.0 * $1.1 }
    return product / sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}
