internal import Datasets
internal import Determinism
internal import Evaluation
internal import Inputs
internal import Interchange

/// Who of a data set is in an evaluation set too.
struct SetOverlap {
  let path: String
  /// The people of the data, ascending.
  let people: [Int]
  /// What is most likely not meant with the set, or cannot be told of it.
  private(set) var warnings: [String] = []

  /// Looks at the set at `path`; `hashes` are those of the data's photos, 0 of one that cannot be
  /// read. Throws `DatasetError` and `PairsFileError`.
  init(_ path: String, _ set: PhotoSet, _ hashes: [UInt64]) throws {
    self.path = path
    let index = set.index
    if EvaluationSet.bringsPhotos(path) {
      let bin = try VerificationBin(path: path)
      let theirs = Set((0..<bin.photoCount).map { bin.withImage($0) { Hash64.of($0) } })
      let shared = hashes.indices.filter { hashes[$0] != 0 && theirs.contains(hashes[$0]) }
      people = Set(shared.map { index.photos.person(of: $0) }).sorted()
      return
    }
    let list = try PairsFile(parsing: FileReader.text(of: path), file: path)
    let photos = index.photos.map(\.path)
    let found = Self.people(of: list, index, PhotoLookup(photos))
    people = found.sorted()
    warnings = list.resolved(against: photos).warnings.map { "\(path): \($0)" }
    if found.isEmpty, index.people.allSatisfy({ Int($0) != nil }) {
      warnings.append(
        "\(path): none of its photos is called so here, and the people here have numbers for names: "
          + "whether they are the same people cannot be told")
    }
  }

  /// Those of the photos that `list` names, and those in whose folders it looks for others.
  private static func people(
    of list: PairsFile, _ index: PhotoIndex, _ photos: PhotoLookup
  ) -> Set<Int> {
    var lookup = photos
    var people: Set<Int> = []
    var folders: Set<Substring> = []
    for name in Set(list.entries.flatMap { [$0.first, $0.second] }) {
      switch lookup.find(name) {
      case .one(let photo): people.insert(index.photos.person(of: photo))
      case .several(let all): people.formUnion(all.map { index.photos.person(of: $0) })
      case .none: if let end = name.lastIndex(of: "/") { folders.insert(name[..<end]) }
      }
    }
    // As many components as both have.
    var tails: [Int: Set<String>] = [:]
    func tail(_ path: [Substring], _ count: Int) -> String {
      path.suffix(count).joined(separator: "/")
    }
    let theirs = folders.map { $0.split(separator: "/") }
    for (person, name) in index.people.enumerated() where !people.contains(person) {
      let own = name.split(separator: "/")
      for count in Set(theirs.map { min($0.count, own.count) }) where count > 0 {
        let key = 1000 * own.count + count
        let known =
          tails[key]
          ?? Set(
            theirs.filter { min($0.count, own.count) == count }.map { tail($0, count) })
        tails[key] = known
        if known.contains(tail(own, count)) { people.insert(person) }
      }
    }
    return people
  }
}
