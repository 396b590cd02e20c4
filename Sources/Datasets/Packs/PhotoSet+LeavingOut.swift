extension PhotoSet {
  /// The set as it would be without `photos`, and without people who have no others; `notes` are
  /// those of the whole.
  package func leavingOut(_ photos: Set<Int>) -> PhotoSet {
    guard !photos.isEmpty else { return self }
    let all = index.photos
    let kept = all.indices.filter { !photos.contains($0) }
    var hasPhoto = [Bool](repeating: false, count: index.people.count)
    for photo in kept { hasPhoto[all.person(of: photo)] = true }
    let people = index.people.indices.filter { hasPhoto[$0] }
    var numbers = [Int32](repeating: -1, count: index.people.count)
    for (number, person) in people.enumerated() { numbers[person] = Int32(number) }
    let list = PhotoList(people: kept.map { numbers[all.person(of: $0)] }) { all[kept[$0]].path }
    return PhotoSet(
      self, index: PhotoIndex(photos: list, people: people.map { index.people[$0] }),
      source: KeptPhotos(kept, of: source),
      labels: labels.map { labels in people.map { labels[$0] } })
  }

  /// The set without what the file at `exclude` leaves out, with what is to be said of that; nil
  /// leaves it as it is. Throws `DatasetError`.
  package func excluding(_ exclude: String?, data: String) throws(DatasetError) -> PhotoSet {
    guard let exclude else { return self }
    let left = try ExclusionList(path: exclude).apply(to: index, data: data)
    var notes = notes
    left.tell(&notes)
    return PhotoSet(
      self, index: left.index, source: left.source(of: source),
      labels: labels.map { labels in left.people.map { labels[$0] } }, notes: notes)
  }

  private init(
    _ whole: PhotoSet, index: PhotoIndex, source: any PhotoSource, labels: [Int]?,
    notes: DataNotes? = nil
  ) {
    format = whole.format
    self.notes = notes ?? whole.notes
    self.index = index
    self.source = source
    self.labels = labels
  }
}
