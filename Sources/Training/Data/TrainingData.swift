package import Collectives
package import Datasets
private import Determinism

/// The photos of a run: which there are, which train, and how their bytes become samples.
package struct TrainingData: Sendable {
  package let index: PhotoIndex
  package let divided: DividedPhotos
  /// The bytes, brought ahead by a reader thread.
  package let source: ReadAhead
  package let preprocessing: Preprocessing
  /// A hash of all paths, of who trains in which class, and of the landmarks: equal on all ranks and
  /// after a resume.
  package let fingerprint: UInt64
  /// What to call the data in a message.
  package let name: String

  /// Who the classes are, and who of them trains.
  var trainedPeople: TrainedPeople {
    var names = [String](repeating: "", count: divided.classCount)
    for (person, label) in divided.classOfPerson.enumerated() where label >= 0 {
      names[label] = index.people[person]
    }
    var trains = [Bool](repeating: false, count: divided.classCount)
    for photo in divided.training {
      trains[divided.classOfPerson[index.photos.person(of: photo)]] = true
    }
    return TrainedPeople(names: names, trains: trains)
  }

  /// Lists the data of `configuration`, or draws it, sharing the work over ranks and workers.
  ///
  /// Throws `DatasetError` and what the communicator throws.
  package init(
    _ configuration: RunConfiguration, communicator: any Communicator, pool: WorkerPool
  ) throws {
    let opened = try OpenedPhotos(
      configuration.data, seed: configuration.seed, communicator: communicator, pool: pool)
    guard opened.index.people.count > 1 else {
      throw DatasetError.onlyOnePerson(folder: opened.name, person: opened.index.people[0])
    }
    index = opened.index
    name = opened.name
    source = ReadAhead(opened.source)
    divided = try configuration.split.divide(
      opened.index, seed: configuration.splitSeed, minPhotos: configuration.minPhotos,
      folder: opened.name)
    preprocessing = try Preprocessing(configuration, index: opened.index)
    fingerprint = Self.fingerprint(of: opened.index, divided, preprocessing)
  }

  /// A hash of the lengths of 4,096 photos and of the bytes of 32, spread over all of them: hosts
  /// with another copy of the data differ in it, and those with a few other files most likely.
  ///
  /// A photo that cannot be read counts as empty; who trains on it will say so.
  package func sampleFingerprint() -> UInt64 {
    let source = source.source
    func spread(_ limit: Int) -> some Sequence<Int> {
      let count = min(limit, index.photos.count)
      return (0..<count).lazy.map { $0 * index.photos.count / count }
    }
    let lengths = spread(4096).map { UInt64(source.byteCount(of: $0) ?? 0) }
    let buffer = ByteBuffer()
    return spread(32).reduce(Hash64.of(lengths, seed: 0)) { hash, photo in
      guard (try? source.read(photo, into: buffer)) != nil else {
        return Hash64.of("", seed: hash)
      }
      return Hash64.of(buffer.bytes, seed: hash)
    }
  }

  static func fingerprint(
    of index: PhotoIndex, _ divided: DividedPhotos, _ preprocessing: Preprocessing
  ) -> UInt64 {
    var hash: UInt64 = 0
    for photo in index.photos { hash = Hash64.of(photo.path, seed: hash) }
    hash = divided.training.withUnsafeBytes { Hash64.of($0, seed: hash) }
    hash = Hash64.of(divided.classOfPerson.map { UInt64(bitPattern: Int64($0)) }, seed: hash)
    return Hash64.of(preprocessing.landmarks?.words ?? [], seed: hash)
  }
}

/// A data set as `--data` names it: its index and where its bytes are.
package struct OpenedPhotos {
  package let index: PhotoIndex
  package let source: any PhotoSource
  package let name: String

  /// Opens a folder, a pack or a list; or draws synthetic faces, each rank its share, and exchanges
  /// them.
  package init(
    _ data: DataSource, seed: UInt64, communicator: any Communicator, pool: WorkerPool
  ) throws {
    switch data {
    case .folder(let path):
      let set = try PhotoSet(path: path)
      index = set.index
      source = set.source
      name = path
    case .synthetic(let size):
      let faces = SyntheticFaces(
        people: size.people, photosPerPerson: size.photos, size: size.size, seed: seed)
      index = PhotoIndex(
        photos: (0..<faces.count).map {
          Photo(
            path: faces.path(person: $0 / size.photos, photo: $0 % size.photos),
            person: $0 / size.photos)
        }, people: (0..<size.people).map(faces.personName))
      let files = try Self.draw(faces, communicator: communicator, pool: pool)
      source = MemorySource(files, names: index.photos.map(\.path))
      name = "synthetic:people=\(size.people),photos=\(size.photos),size=\(size.size)"
    }
  }

  private static func draw(
    _ faces: SyntheticFaces, communicator: any Communicator, pool: WorkerPool
  ) throws -> [[UInt8]] {
    let share = Microbatches.share(
      of: faces.people, rank: communicator.rank, size: communicator.size)
    let artists = (0..<pool.count).map { _ in SyntheticArtist(faces) }
    nonisolated(unsafe) let shared = artists
    let drawn = UnsafeMutablePointer<[UInt8]>.allocate(
      capacity: share.count * faces.photosPerPerson)
    drawn.initialize(repeating: [], count: share.count * faces.photosPerPerson)
    defer {
      drawn.deinitialize(count: share.count * faces.photosPerPerson)
      drawn.deallocate()
    }
    nonisolated(unsafe) let places = drawn
    pool.forEach(share.count) { worker, person in
      for photo in 0..<faces.photosPerPerson {
        places[person * faces.photosPerPerson + photo] = shared[worker].jpeg(
          person: share.lowerBound + person, photo: photo)
      }
    }
    let own = Array(
      UnsafeBufferPointer(start: drawn, count: share.count * faces.photosPerPerson))
    guard communicator.size > 1 else { return own }
    return try communicator.allGather(FilePack.pack(own)).flatMap(FilePack.unpack)
  }
}

/// Several files in one array of bytes: each with its length, 8 bytes little endian, before it.
enum FilePack {
  static func pack(_ files: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(files.reduce(0) { $0 + $1.count + 8 })
    for file in files {
      withUnsafeBytes(of: UInt64(file.count).littleEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: file)
    }
    return bytes
  }

  static func unpack(_ bytes: [UInt8]) -> [[UInt8]] {
    var files: [[UInt8]] = []
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes {
        Int(UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      }
      files.append(Array(bytes[offset + 8..<offset + 8 + count]))
      offset += 8 + count
    }
    return files
  }
}

extension Preprocessing {
  /// The preprocessing that `configuration` means for photos that are aligned already.
  init(aligned configuration: RunConfiguration) throws {
    self.init(
      framing: try Framing(
        imageSize: configuration.imageSize, resize: configuration.resize,
        crop: configuration.crop), normalization: configuration.normalize)
  }

  /// The preprocessing that `configuration` means for the photos of `index`.
  package init(_ configuration: RunConfiguration, index: PhotoIndex) throws {
    let framing = try Framing(
      imageSize: configuration.imageSize, resize: configuration.resize, crop: configuration.crop)
    self.init(
      framing: framing,
      landmarks: try configuration.landmarks.map {
        try Landmarks(file: $0, for: index, imageSize: configuration.imageSize)
      },
      normalization: configuration.normalize)
  }
}
