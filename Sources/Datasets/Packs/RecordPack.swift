internal import Threads

/// A pack of photos as MXNet and InsightFace keep them: `NAME.rec`, `NAME.idx`, and `NAME.lst`
/// where it fits.
///
/// `NAME.people`, which MXNet does not know, has what people are called, a line each by ascending
/// label, where that is not the folder in the paths of the list.
///
/// Photos are in the order of their keys. InsightFace's layout (record 0 says which keys are images
/// and which are people) is read without touching the images; of other packs every header is read,
/// but where a `.lst` (`key<TAB>label<TAB>path`) names exactly the photos of the pack.
struct RecordPack: PhotoSource {
  let index: PhotoIndex
  /// The label of each person.
  let labels: [Int]?
  /// What is odd about the pack.
  let notes: DataNotes
  private let records: RecordFile
  private let places: RecordIndex
  private let first: Int
  /// Of the file beside a pack that says what its people are called, where nothing else does.
  static let peopleEnding = ".people"

  /// Opens the pack whose records are at `path`; throws `DatasetError`. `meter` counts photos as
  /// they are found.
  init(path: String, meter: WorkMeter? = nil) throws(DatasetError) {
    records = RecordFile(file: try RandomAccessFile(path: path))
    let stem = path.hasSuffix(".rec") ? String(path.dropLast(4)) : path
    places =
      FileReader.exists(stem + ".idx")
      ? try RecordIndex(path: stem + ".idx", meter: meter)
      : try Self.scan(records, path: path, meter)
    let layout = try Layout(records, places, path: path)
    first = layout.photos.lowerBound
    guard !layout.photos.isEmpty else { throw .unusable(path: path, reason: "holds no photos") }
    let reader = LabelReader(records: records, places: places, path: path, meter: meter)
    meter?.restart(of: layout.photos.count)
    var notes = DataNotes()
    notes.warnings += Self.unnamed(records, places, stem: stem)
    if records.magic == RecordFile.formerMagic {
      notes.remarks.append(
        "\(path) was written by ddp-train 0.1, with a word between its records that no other "
          + "program knows; to have them read it, pack it again: ddp-train pack \(path) --to rec "
          + "--out NEW")
    }
    let listed = try Self.list(stem + ".lst", of: layout.photos, places, reader, &notes)
    if let listed {
      var (paths, people) = listed
      try people.takeNames(listedIn: stem + Self.peopleEnding)
      let names = paths
      index = PhotoIndex(
        photos: PhotoList(people: people.people) { names[$0] }, people: people.names)
      labels = people.labels
      self.notes = notes
      return
    }
    let byPeople =
      layout.people.isEmpty ? nil : try reader.labels(of: layout.photos, by: layout.people)
    if byPeople == nil, !layout.people.isEmpty {
      notes.warnings.append(
        "\(path): the records of people give ranges of photos that contradict the labels in the "
          + "photos' own records; the labels are taken, as arcface_torch does")
    }
    let own = if let byPeople { byPeople } else { try reader.labels(of: layout.photos) }
    var found = LabelledPeople(labels: own)
    let ranges = layout.people.count { !$0.isEmpty }
    if byPeople != nil, found.names.count < ranges {
      notes.warnings.append(
        "\(path): \(ranges) records of people have \(found.names.count) labels among them; those "
          + "of one label are one person")
    }
    self.notes = notes
    labels = found.labels
    let (places, first, numbers, people) = (places, first, found.names, found.people)
    try found.takeNames(listedIn: stem + Self.peopleEnding)
    index = PhotoIndex(
      photos: PhotoList(people: people) {
        "\(numbers[Int(people[$0])])/\(places.key(at: first + $0))"
      },
      people: found.names)
  }

  var count: Int { index.photos.count }
  func name(of photo: Int) -> String { index.photos[photo].path }

  func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    try records.read(at: places.offset(at: first + photo), into: buffer)
  }

  /// A warning of records behind the last one that the `.idx` names.
  private static func unnamed(
    _ records: RecordFile, _ places: RecordIndex, stem: String
  ) -> [String] {
    guard let last = places.lastOffset, let end = try? records.end(ofRecordAt: last),
      end < records.file.byteCount
    else { return [] }
    return [
      "\(records.file.path) has records behind the last of the \(places.count) that \(stem).idx "
        + "names, from byte \(end) on, which are left out; give the .idx that belongs to it, or "
        + "move the .idx away: the records are found without it"
    ]
  }

  /// The records of a pack without `.idx`, by the numbers in them where these are all different.
  private static func scan(
    _ records: RecordFile, path: String, _ meter: WorkMeter?
  ) throws(DatasetError) -> RecordIndex {
    let found: [(id: UInt64, offset: Int)]
    do throws(ImageError) {
      found = try records.scan { meter?.add() }
    } catch {
      throw .badPack(path: path, reason: "has no .idx beside it and \(error.description)")
    }
    let ids = found.map { Int(exactly: $0.id) ?? Int.max }
    let sorted = ids.sorted()
    let isNumbered = zip(sorted, sorted.dropFirst()).allSatisfy { $0 < $1 }
    return try RecordIndex(
      found.enumerated().map { (isNumbered ? ids[$0] : $0, $1.offset) }, path: path)
  }

  /// Which records are photos, and the people's ranges of them where record 0 tells.
  private struct Layout {
    /// Positions in the index.
    var photos: Range<Int>
    /// Ranges of positions, one a person, that together are all photos; empty where unknown.
    var people: [Range<Int>] = []

    init(_ records: RecordFile, _ places: RecordIndex, path: String) throws(DatasetError) {
      photos = 0..<places.count
      guard places.count > 0, places.key(at: 0) == 0 else { return }
      let bounds: [Float]
      do throws(ImageError) {
        let buffer = ByteBuffer(capacity: 1 << 12)
        let header = try records.read(at: places.offset(at: 0), into: buffer)
        guard header.labelCount >= 2, buffer.bytes.isEmpty else { return }
        bounds = try records.labels(at: places.offset(at: 0))
      } catch {
        throw .badPack(path: path, reason: "has a record 0 that \(error.description)")
      }
      guard let images = Self.key(bounds[0]), let people = Self.key(bounds[1]), images >= 1,
        people >= images
      else {
        throw .badPack(
          path: path,
          reason: "says in record 0 that its images end at key \(bounds[0]) and its "
            + "people at \(bounds[1])")
      }
      photos = places.position(from: 1)..<places.position(from: images)
      guard photos.count == images - 1 else {
        throw .unusable(
          path: path,
          reason:
            "announces \(images - 1) images, its .idx has \(photos.count); give the .idx that "
            + "belongs to it")
      }
      let rows = places.position(from: images)..<places.position(from: people)
      self.people = try Self.ranges(records, places, rows, path: path)
      if !Self.cover(self.people, photos) { self.people = [] }
    }

    private static func key(_ label: Float) -> Int? {
      label.isFinite && label >= 0 && label < 0x1p31 && label == label.rounded() ? Int(label) : nil
    }

    private static func ranges(
      _ records: RecordFile, _ places: RecordIndex, _ rows: Range<Int>, path: String
    ) throws(DatasetError) -> [Range<Int>] {
      var ranges: [Range<Int>] = []
      for row in rows {
        do throws(ImageError) {
          let bounds = try records.labels(at: places.offset(at: row)).prefix(2).map(key)
          guard bounds.count == 2, let start = bounds[0], let end = bounds[1], start <= end else {
            return []
          }
          ranges.append(places.position(from: start)..<places.position(from: end))
        } catch {
          throw .badPack(
            path: path,
            reason: "has a person, record \(places.key(at: row)), that "
              + error.description)
        }
      }
      return ranges
    }

    /// Whether the ranges are `photos`, each once.
    private static func cover(_ ranges: [Range<Int>], _ photos: Range<Int>) -> Bool {
      var next = photos.lowerBound
      for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
        guard range.lowerBound == next else { return false }
        next = range.upperBound
      }
      return next == photos.upperBound
    }
  }

  /// Reads labels of images.
  private struct LabelReader {
    let records: RecordFile
    let places: RecordIndex
    let path: String
    let meter: WorkMeter?

    /// The label of the record at `position`; nil for a bad record.
    func label(at position: Int) throws(DatasetError) -> Int32? {
      let label: Float
      do throws(ImageError) {
        label = try records.label(at: places.offset(at: position))
      } catch  where error.isOfMachine {
        throw .unreadable(path: path, reason: error.description)
      } catch {
        return nil
      }
      guard label >= 0, label < 0x1p31, label == label.rounded() else {
        throw .unusable(
          path: path,
          reason: "has label \(label) in record \(places.key(at: position)); labels of "
            + "people are whole numbers from 0")
      }
      return Int32(label)
    }

    /// The label of every photo from its own header. A bad record belongs to the person before it,
    /// another of whose photos stands in for it in training.
    func labels(of photos: Range<Int>) throws(DatasetError) -> [Int32] {
      var labels: [Int32] = []
      labels.reserveCapacity(photos.count)
      for position in photos {
        labels.append(try label(at: position) ?? labels.last ?? 0)
        meter?.add()
      }
      return labels
    }

    /// As many people's photos are compared with one another.
    private static let sampleCount = 4096

    /// The label of every photo from that of the first good one of its person; nil where another
    /// label stands in the middle or at the end of a sample of the people's ranges.
    func labels(of photos: Range<Int>, by people: [Range<Int>]) throws(DatasetError) -> [Int32]? {
      var labels = [Int32](repeating: 0, count: photos.count)
      let step = max(1, people.count / Self.sampleCount)
      for (person, range) in people.enumerated() where !range.isEmpty {
        var found: Int32?
        for position in range where found == nil { found = try label(at: position) }
        if person % step == 0 {
          for position in [(range.lowerBound + range.upperBound) / 2, range.upperBound - 1] {
            if let other = try label(at: position), other != found { return nil }
          }
        }
        for position in range { labels[position - photos.lowerBound] = found ?? Int32(person) }
        meter?.add(range.count)
      }
      return labels
    }
  }

  /// The paths and people of the list at `path`, where it names exactly the photos in the order of
  /// their keys, and the labels of a sample of them are those of their records; `notes` are told of
  /// one of another length.
  private static func list(
    _ path: String, of photos: Range<Int>, _ places: RecordIndex, _ reader: LabelReader,
    _ notes: inout DataNotes
  ) throws(DatasetError) -> (TextTable, LabelledPeople)? {
    guard FileReader.exists(path) else { return nil }
    var paths = TextTable()
    var labels = PhotoLabels()
    var fits = true
    var lineCount = 0
    let step = max(1, photos.count / 64)
    try LineReader.forEach(path) { (line, _) throws(DatasetError) in
      if !line.isEmpty { lineCount += 1 }
      guard fits else { return }
      let fields = line.split(separator: 0x09, maxSplits: 3, omittingEmptySubsequences: false)
      let position = photos.lowerBound + paths.count
      guard fields.count == 3, position < photos.upperBound,
        Int(String(decoding: fields[0], as: UTF8.self)) == places.key(at: position),
        String(validating: fields[2], as: UTF8.self) != nil
      else {
        fits = false
        return
      }
      let text = String(decoding: fields[1], as: UTF8.self)
      let label = PhotoLabels.canonical(text[...].trimmedASCII)
      if paths.count % step == 0, let own = try reader.label(at: position), label != String(own) {
        fits = false
      }
      do throws(LabelProblem) {
        try labels.append(label)
      } catch {
        fits = false
      }
      paths.append(fields[2])
      reader.meter?.add()
    }
    guard fits, paths.count == photos.count else {
      reader.meter?.restart(of: photos.count)
      if lineCount != photos.count {
        notes.warnings.append(
          "\(path) names \(lineCount) photos, the pack has \(photos.count): it is another pack's, "
            + "or photos lack; it is left aside")
      }
      return nil
    }
    var people = labels.people()
    people.takeNames(fromFoldersOf: paths)
    return (paths, people)
  }
}
