private import Determinism

/// Which photos train and which are held out, as `--split` names it.
package enum DataSplit: Equatable, Sendable, CustomStringConvertible {
  /// Every photo trains.
  case all
  /// So many photos train, drawn at random; the rest is a closed-set test.
  case random(photos: Int)
  /// The first so many photos train, in the order of the folder; the rest is a closed-set test.
  case first(photos: Int)
  /// The people named in a file train; nobody else does.
  case people(file: String)
  /// So large a part of the people trains, drawn at random; the others are held out.
  case peopleRandom(fraction: Double)

  /// The split as `--split` is written.
  package var description: String {
    switch self {
    case .all: "all"
    case .random(let photos): "random:\(photos)"
    case .first(let photos): "first:\(photos)"
    case .people(let file): "people:\(file)"
    case .peopleRandom(let fraction): "people-random:\(fraction)"
    }
  }

  /// Whether people overlap by nature, so that the held-out figure is a closed-set one.
  package var isClosedSet: Bool {
    switch self {
    case .random, .first: true
    case .all, .people, .peopleRandom: false
    }
  }

  /// Divides the photos of `index`; a function of it, of `seed`, and of the list of names.
  ///
  /// People with fewer than `minPhotos` training photos are left out of training. `folder` is for
  /// messages. Throws `DatasetError` where nothing is left to train on.
  package func divide(
    _ index: PhotoIndex, seed: UInt64 = 0, minPhotos: Int = 0, folder: String = "the data set"
  ) throws(DatasetError) -> DividedPhotos {
    let photoCount = index.photos.count
    var trains = [Bool](repeating: false, count: photoCount)
    var absent: [String] = []
    switch self {
    case .all:
      trains = [Bool](repeating: true, count: photoCount)
    case .random(let photos), .first(let photos):
      guard photos < photoCount else {
        throw .badOption(
          name: "--split", text: description,
          reason: "\(folder) has \(photoCount) photos; leave some to test on, or use all")
      }
      let order =
        isFirst
        ? Array(0..<photos)
        : Array(random(seed).permutation(of: photoCount).prefix(photos))
      for photo in order { trains[photo] = true }
    case .people(let file):
      let names = try PeopleList.names(in: file)
      let (chosen, missing) = Self.find(names, among: index.people)
      guard chosen.contains(true) else {
        throw .noNameFound(list: file, first: names.first ?? "", folder: folder)
      }
      absent = missing
      for photo in index.photos.indices { trains[photo] = chosen[index.photos.person(of: photo)] }
    case .peopleRandom(let fraction):
      let peopleCount = index.people.count
      guard peopleCount > 1 else { throw .onlyOnePerson(folder: folder, person: index.people[0]) }
      let wanted = (fraction * Double(peopleCount)).rounded()
      let count = min(max(Int(wanted), 1), peopleCount - 1)
      var chosen = [Bool](repeating: false, count: peopleCount)
      for person in random(seed).permutation(of: peopleCount).prefix(count) {
        chosen[person] = true
      }
      for photo in index.photos.indices { trains[photo] = chosen[index.photos.person(of: photo)] }
    }
    return try DividedPhotos(
      index, trains: trains, isClosedSet: isClosedSet, minPhotos: minPhotos, absentNames: absent)
  }

  private var isFirst: Bool {
    if case .first = self { true } else { false }
  }

  private func random(_ seed: UInt64) -> CounterRandom {
    CounterRandom(seed: seed, purpose: .split)
  }

  /// What a line of a list may name: itself, a folder with a slash at its end, and a name with its
  /// number of photos behind a comma or a space.
  private static func readings(of line: String) -> [String] {
    var readings = [line]
    if line.hasSuffix("/") { readings.append(String(line.dropLast())) }
    if let cut = line.lastIndex(where: { $0 == "," || $0.isWhitespace }),
      Int(line[line.index(after: cut)...]) != nil
    {
      var name = line[..<cut]
      while let last = name.last, last == "," || last.isWhitespace { name.removeLast() }
      readings.append(String(name))
    }
    return readings
  }

  /// Which of `people` are in `names`, by whole relative path or by the name of the last folder.
  private static func find(
    _ names: [String], among people: [String]
  ) -> (chosen: [Bool], absent: [String]) {
    var places: [String: [Int]] = [:]
    for (person, path) in people.enumerated() {
      places[path, default: []].append(person)
      if let last = path.split(separator: "/").last, last.utf8.count < path.utf8.count {
        places[String(last), default: []].append(person)
      }
    }
    var chosen = [Bool](repeating: false, count: people.count)
    var absent: [String] = []
    for name in names {
      guard
        let (found, reading) = Self.readings(of: name).lazy.compactMap({ reading in
          places[reading].map { ($0, reading) }
        }).first
      else {
        absent.append(name)
        continue
      }
      // A name may be composed otherwise than a folder's, unless another's is composed as it is.
      let exact = found.filter { person in
        people[person].utf8.elementsEqual(reading.utf8)
          || (people[person].split(separator: "/").last ?? "").utf8.elementsEqual(reading.utf8)
      }
      for person in exact.isEmpty ? found : exact { chosen[person] = true }
    }
    return (chosen, absent)
  }
}
