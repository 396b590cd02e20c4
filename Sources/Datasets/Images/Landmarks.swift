/// Where the face is on each photo of a data set, by five points (eyes, nose, corners of the
/// mouth).
package struct Landmarks: Sendable {
  /// For each photo, what maps a pixel of its aligned sample to a pixel of the photo.
  private let toPhoto: [Similarity]
  /// Height and width of an aligned sample.
  package let imageSize: ImageSize

  /// Reads lines `path x1 y1 ... x5 y5` for the photos of `index`, and aligns each to the template
  /// of `imageSize`; lines for other photos are passed over.
  ///
  /// Paths are relative to the root of the data set and may have spaces; points are in pixels of
  /// the upright full-size photo, with pixel centres at whole numbers. Throws `DatasetError` for a
  /// line that is none, and where a photo has no line.
  package init(file: String, for index: PhotoIndex, imageSize: ImageSize) throws(DatasetError) {
    let found = try Self.similarities(file: file, for: index, imageSize: imageSize)
    let missing = found.indices.filter { found[$0] == nil }
    if let first = missing.first {
      throw .missingLandmarks(file: file, count: missing.count, first: index.photos[first].path)
    }
    toPhoto = found.compactMap(\.self)
    self.imageSize = imageSize
  }

  /// For each photo of `index` what maps a pixel of its aligned sample to a pixel of the photo; nil
  /// where the file has no line for it. Throws as `init` does for lines.
  package static func similarities(
    file: String, for index: PhotoIndex, imageSize: ImageSize
  ) throws(DatasetError) -> [Similarity?] {
    let template = Alignment.template(size: imageSize)
    var places: [String: Int] = [:]
    places.reserveCapacity(index.photos.count)
    for (photo, facts) in index.photos.enumerated() { places[facts.path] = photo }
    var found = [Similarity?](repeating: nil, count: index.photos.count)
    try LineReader.forEach(file) { (bytes, number) throws(DatasetError) in
      let line = String(decoding: bytes, as: UTF8.self)
      guard let (path, numbers) = try parse(line, file: file, number: number),
        let photo = places[path]
      else { return }
      let points = (0..<5).map { (x: numbers[2 * $0], y: numbers[2 * $0 + 1]) }
      guard let similarity = Similarity(from: points, to: template) else {
        throw .badLine(path: file, line: number, reason: "its five points are one")
      }
      found[photo] = similarity.inverse
    }
    return found
  }

  /// The alignments as words, for a hash that tells two files apart.
  package var words: [UInt64] {
    toPhoto.flatMap { [$0.a.bitPattern, $0.b.bitPattern, $0.tx.bitPattern, $0.ty.bitPattern] }
  }

  /// What maps a pixel of the aligned sample of `photo` to a pixel of the photo.
  package func similarity(of photo: Int) -> Similarity { toPhoto[photo] }

  private static func parse(
    _ line: String, file: String, number: Int
  ) throws(DatasetError) -> (String, [Double])? {
    var rest = line[...]
    var numbers: [Double] = []
    while let last = rest.last, last.isWhitespace { rest.removeLast() }
    if rest.isEmpty { return nil }
    while numbers.count < 10 {
      let word = rest.suffix(
        from: rest.lastIndex(where: \.isWhitespace).map(rest.index(after:))
          ?? rest.startIndex)
      guard let value = Double(word), value.isFinite, word.startIndex > rest.startIndex else {
        throw .badLine(path: file, line: number, reason: "is not 'path x1 y1 ... x5 y5'")
      }
      numbers.append(value)
      rest = rest[..<word.startIndex]
      while let last = rest.last, last.isWhitespace { rest.removeLast() }
    }
    return (String(rest), numbers.reversed())
  }
}
