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

  private init(_ whole: PhotoSet, index: PhotoIndex, source: any PhotoSource, labels: [Int]?) {
    format = whole.format
    notes = whole.notes
    self.index = index
    self.source = source
    self.labels = labels
  }
}

/// Some of the photos of another source, in their order.
private struct KeptPhotos: PhotoSource {
  private let photos: [Int]
  private let whole: any PhotoSource

  init(_ photos: [Int], of whole: any PhotoSource) {
    self.photos = photos
    self.whole = whole
  }

  var count: Int { photos.count }
  func name(of photo: Int) -> String { whole.name(of: photos[photo]) }

  func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    try whole.read(photos[photo], into: buffer)
  }

  func byteCount(of photo: Int) -> Int? { whole.byteCount(of: photos[photo]) }
}
