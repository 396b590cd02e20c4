private import Interchange
internal import Threads

/// Photos in an LMDB database, as Vec2Face and HSFace ship training sets: `NAME.lmdb`, or a folder
/// with `data.mdb`; a key a photo, a value that is `(image, label)` (see `LabelledImage`), or
/// `(image, feature, label)`.
///
/// Photos are in the order of their keys, by number where all are numbers, and are called
/// `label/key`; where a value is an image alone its key is its path, and the folder in it the
/// person. Keys that begin with `__` say what is in the database.
struct LMDBPhotos: PhotoSource {
  let index: PhotoIndex
  let labels: [Int]?
  let notes: DataNotes
  private let file: RandomAccessFile
  private let offsets: [Int]
  private let sizes: [UInt32]

  /// Opens the database at `path`; throws `DatasetError`. `meter` counts photos as they are found.
  init(path: String, meter: WorkMeter? = nil) throws(DatasetError) {
    let base = try LMDBFile(path: path)
    var scan = Scan(file: base.file)
    meter?.expect(base.count)
    try base.forEach { (key, value) throws(DatasetError) in
      try scan.take(key, value)
      meter?.add()
    }
    guard scan.offsets.count > 0 else { throw .badPack(path: path, reason: "holds no photos") }
    if let announced = scan.announced, announced != scan.offsets.count {
      scan.notes.warnings.append(
        "\(path) announces \(announced) photos and holds \(scan.offsets.count)")
    }
    file = base.file
    notes = scan.notes
    let order = scan.order
    offsets = order.map { scan.offsets[$0] }
    sizes = order.map { scan.sizes[$0] }
    let unsorted = scan.labels.people()
    let people = LabelledPeople(
      people: order.map { unsorted.people[$0] }, names: unsorted.names, labels: unsorted.labels)
    labels = people.labels
    let (names, shown, keys, arePaths) = (people.names, people.people, scan.keys, scan.arePaths)
    index = PhotoIndex(
      photos: PhotoList(people: shown) {
        arePaths ? keys[order[$0]] : "\(names[Int(shown[$0])])/\(keys[order[$0]])"
      }, people: names)
  }

  var count: Int { offsets.count }
  func name(of photo: Int) -> String { index.photos[photo].path }
  func byteCount(of photo: Int) -> Int? { Int(sizes[photo]) }

  func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    guard sizes[photo] <= FileReader.sizeLimitBytes else {
      throw ImageError(
        description: "\(sizes[photo]) bytes are more than \(FileReader.sizeLimitBytes)")
    }
    try file.read(at: offsets[photo], into: buffer.resize(to: Int(sizes[photo])))
  }

  /// What is known while the database is gone through.
  private struct Scan {
    let file: RandomAccessFile
    var keys = TextTable()
    var offsets: [Int] = []
    var sizes: [UInt32] = []
    var labels = PhotoLabels()
    var notes = DataNotes()
    /// How many photos `__len__` says there are.
    var announced: Int?
    /// Whether keys are paths, and values images alone.
    var arePaths = false

    init(file: RandomAccessFile) { self.file = file }

    mutating func take(
      _ key: ArraySlice<UInt8>, _ value: LMDBFile.Value
    ) throws(DatasetError) {
      guard !key.starts(with: "__".utf8) else {
        if key.elementsEqual("__len__".utf8) {
          announced = LabelledImage.number(
            try bytes(at: value.offset, count: min(value.count, LabelledImage.lookAhead)))
        }
        return
      }
      let name = String(decoding: key, as: UTF8.self)
      let start = try bytes(at: value.offset, count: min(value.count, LabelledImage.lookAhead))
      guard String(validating: key, as: UTF8.self) != nil,
        let found = LabelledImage(start[...], count: value.count),
        found.image.count <= Int(UInt32.max)
      else { throw unknown(name) }
      guard let place = found.rest else {
        // The person is the folder in the key.
        guard let cut = key.lastIndex(of: UInt8(ascii: "/")), offsets.isEmpty || arePaths else {
          throw unknown(name)
        }
        arePaths = true
        try append(key, found, value, String(decoding: key[..<cut], as: UTF8.self))
        return
      }
      guard !arePaths else { throw unknown(name) }
      try append(key, found, value, try label(found, value, place, name))
    }

    /// The label of the photo `found`, which stands `place` bytes behind the start of its value, or
    /// a feature further.
    private func label(
      _ found: LabelledImage, _ value: LMDBFile.Value, _ place: Int, _ name: String
    ) throws(DatasetError) -> String {
      if let start = found.pickleStart {
        guard value.count - place <= LabelledImage.pickleLimitBytes else { throw unknown(name) }
        let rest = try bytes(at: value.offset + place, count: value.count - place)
        do throws(PickledLabel.Problem) {
          return try PickledLabel.read(start + rest)
        } catch {
          throw .unusable(
            path: file.path,
            reason: "has under the key '\(name)' \(error.description); labels are whole numbers "
              + "or texts")
        }
      }
      var place = place
      func rest(_ count: Int) throws(DatasetError) -> [UInt8] {
        try bytes(at: value.offset + place, count: min(value.count - place, count))
      }
      if found.hasFeature {
        guard let count = LabelledImage.featureByteCount(try rest(LabelledImage.lookAhead)),
          count <= value.count - place
        else { throw unknown(name) }
        place += count
      }
      guard let label = LabelledImage.text(of: try rest(9 * LabelledImage.lookAhead)) else {
        throw unknown(name)
      }
      return label
    }

    private mutating func append(
      _ key: ArraySlice<UInt8>, _ found: LabelledImage, _ value: LMDBFile.Value, _ label: String
    ) throws(DatasetError) {
      keys.append(key)
      offsets.append(value.offset + found.image.lowerBound)
      sizes.append(UInt32(found.image.count))
      do throws(LabelProblem) {
        try labels.append(label)
      } catch {
        throw .unusable(
          path: file.path,
          reason: "has under the key '\(String(decoding: key, as: UTF8.self))' \(error)")
      }
    }

    private func unknown(_ key: String) -> DatasetError {
      .badPack(
        path: file.path,
        reason: "has a value of a form that is not read, under the key '\(key)'; a photo is "
          + "MessagePack or a pickle of (image, label) or (image, feature, label) as Vec2Face "
          + "writes it, or an image whose key is person/photo")
    }

    private func bytes(at offset: Int, count: Int) throws(DatasetError) -> [UInt8] {
      do throws(ImageError) {
        return try file.bytes(at: offset, count: count)
      } catch {
        throw .unreadable(path: file.path, reason: error.description)
      }
    }

    /// Photos by their keys: by number where all are numbers, else by bytes.
    var order: [Int] {
      var numbers: [Int] = []
      numbers.reserveCapacity(keys.count)
      for key in 0..<keys.count {
        guard let number = Int(keys[key]) else { break }
        numbers.append(number)
      }
      guard numbers.count == keys.count else {
        return (0..<keys.count).sorted {
          keys.slice($0).lexicographicallyPrecedes(keys.slice($1))
        }
      }
      return (0..<keys.count).sorted { numbers[$0] < numbers[$1] }
    }
  }
}
