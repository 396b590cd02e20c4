internal import Interchange

/// Where the face is on each photo of a data set, by five points (eyes, nose, corners of the
/// mouth).
package struct Landmarks: Sendable {
  /// What a file of landmarks says of the photos of a data set.
  package struct Found: Sendable {
    /// For each photo, what maps a pixel of its aligned sample to a pixel of the photo; nil where
    /// the file has no line for it.
    package var similarities: [Similarity?]
    /// The photos whose points are those of no face, and by how much (`Alignment.misfit`).
    package var misfits: [(photo: Int, misfit: Double)] = []
    /// The path of the first line for a photo that the data set does not have.
    package var stranger: String?
    /// Photos of which the file says, by ten equal numbers below one, that it found no face.
    package var faceless = 0
  }

  /// For each photo, what maps a pixel of its aligned sample to a pixel of the photo.
  private let toPhoto: [Similarity]
  /// Height and width of an aligned sample.
  package let imageSize: ImageSize
  /// What is worth saying of the file: photos whose points are those of no face.
  package let notes: [String]

  /// Reads lines `path x1 y1 ... x5 y5` for the photos of `index`, and aligns each to the template
  /// of `imageSize`; lines for other photos are passed over.
  ///
  /// Paths are relative to the root of the data set, or name a photo as `PhotoLookup` has it, and
  /// may have spaces; points are in pixels of the upright full-size photo, with pixel centres at
  /// whole numbers. Throws `DatasetError` for a line that is none, for points in another order or
  /// unit, and where a photo has no line.
  package init(file: String, for index: PhotoIndex, imageSize: ImageSize) throws(DatasetError) {
    let found = try Self.found(in: file, for: index, imageSize: imageSize)
    let missing = found.similarities.indices.filter { found.similarities[$0] == nil }
    if let first = missing.first {
      throw .missingLandmarks(
        file: file, count: missing.count, first: index.photos[first].path, other: found.stranger)
    }
    toPhoto = found.similarities.compactMap(\.self)
    self.imageSize = imageSize
    notes = Self.notes(of: found.misfits.map { index.photos[$0.photo].path }, file: file)
  }

  /// Aligns photo i by the five points `points[i]`, x1 y1 ... x5 y5 in pixels of the upright photo,
  /// to the template of `imageSize`; fails with the photo whose points are one.
  ///
  /// Points of no face are in the notes by the `name` of their photo, nil for one that is not asked
  /// for; `file` is where points come from.
  package static func aligning(
    _ points: [[Double]], imageSize: ImageSize, file: String, name: (Int) -> String?
  ) -> Result<Landmarks, Misfit> {
    let template = Alignment.template(size: imageSize)
    var toPhoto: [Similarity] = []
    var misfits: [String] = []
    for (photo, numbers) in points.enumerated() {
      let five = FacePoints.points(numbers)
      guard let similarity = Similarity(from: five, to: template) else {
        return .failure(Misfit(photo: photo))
      }
      toPhoto.append(similarity.inverse)
      if Alignment.misfit(five) > Alignment.largestMisfit, let name = name(photo) {
        misfits.append(name)
      }
    }
    return .success(
      Landmarks(toPhoto: toPhoto, imageSize: imageSize, notes: notes(of: misfits, file: file)))
  }

  /// A photo whose five points are one.
  package struct Misfit: Error {
    /// Its number in the data.
    package let photo: Int
  }

  private init(toPhoto: [Similarity], imageSize: ImageSize, notes: [String]) {
    (self.toPhoto, self.imageSize, self.notes) = (toPhoto, imageSize, notes)
  }

  private static func notes(of misfits: [String], file: String) -> [String] {
    guard let first = misfits.first else { return [] }
    return [
      "\(file): the points of \(misfits.count) photos are those of no face, such as of \(first)"
    ]
  }

  /// What the file says of the photos of `index`; throws as `init` does for lines and points.
  package static func found(
    in file: String, for index: PhotoIndex, imageSize: ImageSize
  ) throws(DatasetError) -> Found {
    var reader = LandmarkReader(file: file, index: index)
    try LineReader.forEach(file) { (bytes, number) throws(DatasetError) in
      guard let line = String(validating: bytes, as: UTF8.self) else {
        throw .badLine(path: file, line: number, reason: "is not UTF-8 text")
      }
      try reader.read(line[...].trimmedASCII, number)
    }
    try reader.requireFaces()
    let template = Alignment.template(size: imageSize)
    var found = Found(
      similarities: [Similarity?](repeating: nil, count: index.photos.count),
      stranger: reader.stranger, faceless: reader.faceless)
    for (photo, line) in reader.lines.sorted(by: { $0.key < $1.key }) {
      guard let similarity = Similarity(from: line.points, to: template) else {
        throw .badLine(path: file, line: line.number, reason: "its five points are one")
      }
      found.similarities[photo] = similarity.inverse
      let misfit = Alignment.misfit(line.points)
      if misfit > Alignment.largestMisfit { found.misfits.append((photo, misfit)) }
    }
    return found
  }

  /// The alignments as words, for a hash that tells two files apart.
  package var words: [UInt64] {
    toPhoto.flatMap { [$0.a.bitPattern, $0.b.bitPattern, $0.tx.bitPattern, $0.ty.bitPattern] }
  }

  /// What maps a pixel of the aligned sample of `photo` to a pixel of the photo.
  package func similarity(of photo: Int) -> Similarity { toPhoto[photo] }
}

/// Reads the lines of a file of landmarks.
struct LandmarkReader {
  typealias Point = FacePoints.Point

  struct Line {
    let number: Int
    let points: [Point]
  }

  /// By photo.
  private(set) var lines: [Int: Line] = [:]
  private(set) var stranger: String?
  private(set) var faceless = 0
  private let file: String
  private let index: PhotoIndex
  private var places: [ExactText: Int] = [:]
  /// Made for the first path that is none of the data set's own.
  private var lookup: PhotoLookup?

  /// Numbers of a line behind its points, which the titles of `FoundFaces` announce.
  private var trailing = 0

  /// Points farther from the first pixel than this are on no photo.
  private static let farthest = 1e6

  init(file: String, index: PhotoIndex) {
    self.file = file
    self.index = index
    places.reserveCapacity(index.photos.count)
    for (photo, facts) in index.photos.enumerated() { places[ExactText(facts.path)] = photo }
  }

  private func bad(_ number: Int, _ reason: String) -> DatasetError {
    .badLine(path: file, line: number, reason: reason)
  }

  /// Takes the line into account; throws `DatasetError` where it is none.
  mutating func read(_ line: Substring, _ number: Int) throws(DatasetError) {
    if line.isEmpty || number == 1 && SeparatorLine.separator(in: line.utf8) != nil { return }
    if number <= 2, line == FoundFaces.titles {
      trailing = FoundFaces.numbersBehindPoints
      return
    }
    var (path, words) = Self.parts(line)
    if trailing > 0 {
      guard let found = Self.found(line, words, trailing) else {
        throw bad(number, "is not of the columns that the first line names")
      }
      // Points are of the photo's first face.
      guard found.face < 2 else { return }
      (path, words) = (found.path, found.points)
    }
    if words.count < 10, number <= 2, Self.isHeader(line) { return }
    guard words.count >= 10 else { throw bad(number, "is not 'path x1 y1 ... x5 y5'") }
    if words.count > 10 {
      // A path may end in numbers; else there is more than five points.
      let longer = line[..<words[words.count - 10].startIndex].trimmedASCII
      guard place(of: longer) != nil else {
        throw bad(
          number,
          "has \(words.count) numbers; ten are 'path x1 y1 ... x5 y5', without a confidence or a box"
        )
      }
      path = longer
    }
    var numbers: [Double] = []
    for word in words.suffix(10) {
      guard let value = Double(word), value.magnitude <= Self.farthest else {
        throw bad(number, "'\(word.prefix(20))' is no place on a photo, in pixels")
      }
      numbers.append(value)
    }
    // The index that pandas writes before the path.
    if let mark = path.firstIndex(where: { [",", ";", "\t", "|"].contains($0) }),
      Int(path[..<mark]) != nil, place(of: path) == nil,
      place(of: path[path.index(after: mark)...]) != nil
    {
      path = path[path.index(after: mark)...]
    }
    guard let photo = place(of: path) else {
      stranger = stranger ?? String(path)
      return
    }
    if numbers[0] <= 0, numbers.allSatisfy({ $0 == numbers[0] }) {
      faceless += 1
      return
    }
    let points = FacePoints.points(numbers)
    try requireSize(of: points, number)
    if let known = lines[photo] {
      guard zip(known.points, points).allSatisfy({ $0 == $1 }) else {
        throw bad(number, "names \(path) as line \(known.number) does, with other points")
      }
      return
    }
    lines[photo] = Line(number: number, points: points)
  }

  /// Path, points and number of the face of a line that `align --points` has written.
  private static func found(
    _ line: Substring, _ words: [Substring], _ trailing: Int
  ) -> (path: Substring, points: [Substring], face: Int)? {
    guard words.count >= 10 + trailing, let face = words.last.flatMap({ Int($0) }) else {
      return nil
    }
    // A path may end in numbers.
    let numbers = words.suffix(10 + trailing)
    var path = line[..<(numbers.first?.startIndex ?? line.endIndex)]
    if path.last == "," { path.removeLast() }
    return (path, Array(numbers.dropLast(trailing)), face)
  }

  private mutating func place(of path: Substring) -> Int? {
    let isQuoted = path.first == "\"" && path.last == "\"" && path.utf8.count > 1
    let name =
      isQuoted
      ? path.dropFirst().dropLast().replacing("\"\"", with: "\"") : path
    if let place = places[ExactText(String(name))] { return place }
    var lookup = lookup ?? PhotoLookup(index.photos.map(\.path))
    defer { self.lookup = lookup }
    guard case .one(let place) = lookup.find(String(name)) else { return nil }
    return place
  }

  /// Throws `DatasetError` for points that are too near to each other to be those of a face.
  private func requireSize(of points: [Point], _ number: Int) throws(DatasetError) {
    if let problem = FacePoints.sizeProblem(points) { throw bad(number, problem) }
  }

  /// Throws `DatasetError` where most points are those of no face: in another order or unit.
  func requireFaces() throws(DatasetError) {
    let known = lines.sorted { $0.key < $1.key }.prefix(FacePoints.sampleCount).map(\.value.points)
    if let problem = FacePoints.orderProblem(of: known) {
      throw .unusable(path: file, reason: problem)
    }
  }

  /// A line's path and the numbers behind it, with white space, commas, semicolons or bars
  /// between.
  private static func parts(_ line: Substring) -> (path: Substring, words: [Substring]) {
    func separates(_ character: Character) -> Bool {
      character.isWhitespace || [",", ";", "|"].contains(character)
    }
    var rest = line
    var words: [Substring] = []
    while true {
      while let last = rest.last, separates(last) { rest.removeLast() }
      let start = rest.lastIndex(where: separates).map(rest.index(after:)) ?? rest.startIndex
      guard start > rest.startIndex, Double(rest[start...]) != nil else { break }
      words.append(rest[start...])
      rest = rest[..<start]
    }
    return (rest, words.reversed())
  }

  /// Whether a line at the top counts the photos or names the columns (CelebA has both).
  private static func isHeader(_ line: Substring) -> Bool {
    if Int(line) != nil { return true }
    let words = line.split { $0.isWhitespace || [",", ";", "|"].contains($0) }
    return words.count >= 10 && words.allSatisfy { Double($0) == nil }
  }
}
