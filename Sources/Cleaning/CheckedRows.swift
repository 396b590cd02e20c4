internal import Datasets
internal import EmbeddingFiles
private import Foundation
internal import Interchange

/// Stored embeddings with the photos and people that they are of.
struct CheckedRows: Sendable {
  let rows: EmbeddingRows
  /// The photos that have a row, and their people.
  let index: PhotoIndex
  /// The row of each photo of `index`.
  let places: [Int32]
  /// Where the photos themselves are, numbered as in `index`; nil without data.
  let source: (any PhotoSource)?
  /// What is to be said of all that, a line each.
  let notes: [String]

  /// Opens the file at `path`; `names` is that of names, where they stand neither in it nor beside
  /// it. Throws what is wrong with it.
  static func open(
    _ path: String, names: String?, tell: (String) -> Void
  ) throws -> (EmbeddingRows, [String]) {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      throw CleaningError.isFolder(path: path)
    }
    let form = EmbeddingFile(path: path)
    let beside = form?.namesPath(beside: path) ?? path + ".txt"
    let isArray = try form != .csv && TensorFiles.kind(of: path) == .numPyArray
    let found = isArray && FileManager.default.fileExists(atPath: beside) ? beside : nil
    do {
      let (rows, called) = try EmbeddingFile.open(path, names: names ?? found, tell: tell)
      guard rows.count > 0 else {
        throw InterchangeError.foreign(path: path, reason: "holds no embeddings: it has no rows")
      }
      return (rows, called)
    } catch EmbeddingFileError.noNames {
      throw CleaningError.unnamed(path: path, beside: beside)
    }
  }

  /// The photos that `names` of rows are of: people are the folders of names.
  init(
    _ rows: EmbeddingRows, names: [String], path: String, excluding exclude: String?
  ) throws {
    var people: [String: Int32] = [:]
    var titles: [String] = []
    var owners: [Int32] = []
    var places: [Int32] = []
    let (own, mirrored) = Self.plain(names)
    owners.reserveCapacity(own.count)
    for row in own {
      guard let end = names[row].lastIndex(of: "/") else {
        throw CleaningError.noPeople(path: path, name: names[row])
      }
      let person = String(names[row][..<end])
      let number = people[person] ?? Int32(titles.count)
      if number == titles.count {
        people[person] = number
        titles.append(person)
      }
      owners.append(number)
      places.append(Int32(row))
    }
    let whole = PhotoIndex(
      photos: PhotoList(people: owners) { names[own[$0]] }, people: titles)
    source = nil
    self.rows = rows
    var notes = Self.mirroredNote(mirrored, path)
    if let exclude {
      let left = try ExclusionList(path: exclude).apply(to: whole, data: path)
      notes += [left.remark] + [left.warning].compactMap(\.self).map { "warning: \($0)" }
      (index, self.places) = (left.index, left.kept.map { places[$0] })
    } else {
      (index, self.places) = (whole, places)
    }
    self.notes = notes
    try requireDistinctNames(path)
  }

  /// The photos of `set` that have a row among those called `names`.
  init(
    _ rows: EmbeddingRows, names: [String], path: String, photos set: PhotoSet
  ) throws {
    let photos = set.index.photos
    let (own, mirrored) = Self.plain(names)
    let isInOrder =
      own.count == photos.count
      && zip(photos, own).allSatisfy { $0.path.utf8.elementsEqual(names[$1].utf8) }
    var lookup = isInOrder ? nil : PhotoLookup(own.map { names[$0] })
    var kept: [Int] = []
    var places: [Int32] = []
    var missing: [Int] = []
    for photo in photos.indices {
      switch lookup?.find(photos[photo].path) ?? .one(photo) {
      case .one(let place):
        kept.append(photo)
        places.append(Int32(own[place]))
      case .none: missing.append(photo)
      case .several(let several):
        throw CleaningError.ambiguous(
          path: path, photo: photos[photo].path, names: lookup?.text(several) ?? "")
      }
    }
    if kept.isEmpty, let first = missing.first {
      throw CleaningError.noRows(
        path: path, photos: photos.count, example: photos[first].path, name: names.first ?? "")
    }
    self.rows = rows
    self.places = places
    var notes = set.notes.remarks + set.notes.warnings.map { "warning: \($0)" }
    notes += Self.mirroredNote(mirrored, path)
    let left = missing.isEmpty ? set : set.leavingOut(Set(missing))
    (index, source) = (left.index, left.source)
    if let first = missing.first {
      notes.append(
        "warning: \(missing.count) of \(photos.count) photos have no row in \(path), such as "
          + "\(photos[first].path), and are not looked at")
    }
    let strangers = own.count - Set(places).count
    if strangers > 0 {
      notes.append("\(path): rows that are of none of the photos: \(strangers)")
    }
    self.notes = notes
  }

  /// The rows that are not those of mirrored photos, and how many are.
  private static func plain(_ names: [String]) -> (own: [Int], mirrored: Int) {
    let own = names.indices.filter { !names[$0].hasSuffix(MirroredName.ending) }
    return (own, names.count - own.count)
  }

  private static func mirroredNote(_ count: Int, _ path: String) -> [String] {
    count == 0 ? [] : ["\(path): rows of mirrored photos, not looked at: \(count)"]
  }

  /// Throws where names stand twice: who reads them from a list would not know which is meant.
  private func requireDistinctNames(_ path: String) throws {
    for photos in photosOfPeople where photos.count > 1 {
      var seen: Set<String> = []
      for photo in photos {
        let name = index.photos[photo].path
        guard seen.insert(name).inserted else {
          throw CleaningError.ambiguous(
            path: path, photo: name, names: "it stands there several times")
        }
      }
    }
  }

  /// The photos of each person, ascending.
  var photosOfPeople: [[Int]] {
    var photos = [[Int]](repeating: [], count: index.people.count)
    for photo in index.photos.indices { photos[index.photos.person(of: photo)].append(photo) }
    return photos
  }

  /// The rows of `photos`, all of which have a direction.
  func units(of photos: [Int]) -> UnitRows { UnitRows(rows, at: photos.map { places[$0] }) }
}
