internal import Datasets
internal import EmbeddingFiles
internal import Interchange

/// Which row of stored embeddings is that of which photo, by names.
struct RowPlaces {
  /// By photo, -1 for none; those of mirrored photos behind, where there are any.
  let places: [Int32]
  let hasMirrored: Bool
  let photoCount: Int

  /// Finds a row for each of those `photos` that are `training` among those called `names`. Throws
  /// `TeacherError`.
  init(_ names: [String], path: String, photos: PhotoList, training: [Int]) throws {
    photoCount = photos.count
    var own: [(name: String, row: Int)] = []
    var mirrored: [(name: String, row: Int)] = []
    own.reserveCapacity(names.count)
    for (row, name) in names.enumerated() {
      if name.hasSuffix(MirroredName.ending) {
        mirrored.append((String(name.dropLast(MirroredName.ending.count)), row))
      } else {
        own.append((name, row))
      }
    }
    func find(
      _ named: [(name: String, row: Int)], _ lack: (_ count: Int, _ example: String) -> TeacherError
    ) throws -> [Int32] {
      try Self.find(named, path: path, photos: photos, training: training, lack)
    }
    let first = try find(own) { count, example in
      .missing(
        path: path, count: count, photos: training.count, example: example,
        name: names.first ?? "")
    }
    hasMirrored = !mirrored.isEmpty
    guard hasMirrored else {
      places = first
      return
    }
    places =
      first
      + (try find(mirrored) { count, example in
        .halfMirrored(path: path, count: count, photos: training.count, example: example)
      })
  }

  private static func find(
    _ named: [(name: String, row: Int)], path: String, photos: PhotoList, training: [Int],
    _ lack: (_ count: Int, _ example: String) -> TeacherError
  ) throws -> [Int32] {
    var places = [Int32](repeating: -1, count: photos.count)
    // As embed writes them: the photos' own names in their own order.
    let isInOrder =
      named.count == photos.count
      && zip(photos, named).allSatisfy { $0.path.utf8.elementsEqual($1.name.utf8) }
    var lookup = isInOrder ? nil : PhotoLookup(named.map(\.name))
    var (missing, example) = (0, "")
    for photo in training {
      switch lookup?.find(photos[photo].path) ?? .one(photo) {
      case .one(let place): places[photo] = Int32(named[place].row)
      case .none:
        if missing == 0 { example = photos[photo].path }
        missing += 1
      case .several(let several):
        throw TeacherError.ambiguous(
          path: path, photo: photos[photo].path, names: lookup?.text(several) ?? "")
      }
    }
    guard missing == 0 else { throw lack(missing, example) }
    return places
  }
}
