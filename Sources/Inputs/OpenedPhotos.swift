package import Collectives
package import Configuration
package import Datasets
internal import Determinism
package import Sessions
private import Synchronization
package import Threads

/// A data set as `--data` names it: its index and where its bytes are.
package struct OpenedPhotos {
  /// Which photos there are, and who is on them.
  package let index: PhotoIndex
  /// Where the bytes of the photos come from.
  package let source: any PhotoSource
  /// What to call the data in a message: the path, or the words for drawn faces.
  package let name: String
  /// What is passed over, and what is most likely not meant; nothing of drawn faces.
  package let notes: DataNotes

  /// Opens a folder, a pack or a list; or draws synthetic faces, each rank its share, and exchanges
  /// them; a collective. Very many are drawn as they are read. It can be left, and says how far it
  /// is, where `work` is given. Without `drawing` synthetic faces are listed and not drawn, for who
  /// looks at no photo. The files at the paths `used` are given for something else, and are not
  /// among what is passed over. What the file `exclude` names is left out (`ExclusionList`).
  package static func open(
    _ data: DataSource, besides used: [String], excluding exclude: String? = nil, seed: UInt64,
    communicator: any Communicator, pool: WorkerPool, drawing: Bool = true, work: LongWork? = nil
  ) throws -> OpenedPhotos {
    try whole(
      data, besides: used, seed: seed, communicator: communicator, pool: pool, drawing: drawing,
      work: work
    ).without(exclude, work: work)
  }

  private static func whole(
    _ data: DataSource, besides used: [String], seed: UInt64, communicator: any Communicator,
    pool: WorkerPool, drawing: Bool, work: LongWork?
  ) throws -> OpenedPhotos {
    switch data {
    case .folder: return try wholeListed(data, besides: used, seed: seed, work: work)
    case .synthetic where !drawing:
      return try wholeListed(data, besides: used, seed: seed, work: work)
    case .synthetic(let size):
      let faces = SyntheticFaces(
        people: size.people, photosPerPerson: size.photos, size: size.size, seed: seed)
      let name = name(size)
      guard faces.count <= DrawnPhotos.keptCount else {
        return listed(faces, name: name) { _ in DrawnPhotos(faces) }
      }
      let index = try LongWork.run(in: work, "naming people") { _ in
        PhotoIndex(
          photos: (0..<faces.count).map {
            Photo(
              path: faces.path(person: $0 / size.photos, photo: $0 % size.photos),
              person: $0 / size.photos)
          }, people: (0..<size.people).map(faces.personName))
      }
      let files = try draw(faces, communicator: communicator, pool: pool, work: work)
      return OpenedPhotos(
        index: index, source: MemorySource(files, names: index.photos.map(\.path)),
        name: name, notes: DataNotes())
    }
  }

  /// The photos of `data` for who looks at none of them: synthetic faces are not drawn. Makes no
  /// collective; can be left, and says how far it is, where `work` is given.
  package static func listed(
    _ data: DataSource, besides used: [String], excluding exclude: String? = nil, seed: UInt64,
    work: LongWork? = nil
  ) throws -> OpenedPhotos {
    try wholeListed(data, besides: used, seed: seed, work: work).without(exclude, work: work)
  }

  /// The same without what the file `exclude` names; nil leaves out nothing.
  private func without(_ exclude: String?, work: LongWork?) throws -> OpenedPhotos {
    guard let exclude else { return self }
    let left = try LongWork.run(in: work, "leaving out what \(exclude) names") { _ in
      try ExclusionList(path: exclude).apply(to: index, data: name)
    }
    var notes = notes
    left.tell(&notes)
    return OpenedPhotos(
      index: left.index, source: left.source(of: source), name: name, notes: notes)
  }

  private static func wholeListed(
    _ data: DataSource, besides used: [String], seed: UInt64, work: LongWork? = nil
  ) throws -> OpenedPhotos {
    switch data {
    case .folder(let path):
      let set = try LongWork.run(in: work, "listing \(path)", unit: "photos") {
        try PhotoSet(path: path, besides: used, meter: $0)
      }
      return OpenedPhotos(index: set.index, source: set.source, name: path, notes: set.notes)
    case .synthetic(let size):
      let faces = SyntheticFaces(
        people: size.people, photosPerPerson: size.photos, size: size.size, seed: seed)
      return listed(faces, name: name(size)) { UndrawnSource(photos: $0.photos) }
    }
  }

  private static func name(_ size: SyntheticData) -> String {
    "synthetic:people=\(size.people),photos=\(size.photos),size=\(size.size)"
  }

  /// The faces that there are, without drawing them.
  private static func listed(
    _ faces: SyntheticFaces, name: String, source: (PhotoIndex) -> any PhotoSource
  ) -> OpenedPhotos {
    let photosPerPerson = faces.photosPerPerson
    @Sendable func path(_ photo: Int) -> String {
      faces.path(person: photo / photosPerPerson, photo: photo % photosPerPerson)
    }
    let photos = PhotoList(
      people: (0..<faces.count).map { Int32($0 / photosPerPerson) }, path: path)
    let index = PhotoIndex(photos: photos, people: (0..<faces.people).map(faces.personName))
    return OpenedPhotos(index: index, source: source(index), name: name, notes: DataNotes())
  }

  /// Photos by name alone.
  private struct UndrawnSource: PhotoSource {
    let photos: PhotoList

    var count: Int { photos.count }
    func name(of photo: Int) -> String { photos[photo].path }

    func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
      throw ImageError(description: "is not drawn in a dry run")
    }
  }

  private static func draw(
    _ faces: SyntheticFaces, communicator: any Communicator, pool: WorkerPool, work: LongWork?
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
    let meter = WorkMeter()
    meter.expect(share.count * faces.photosPerPerson)
    let isLeft = LeftFlag()
    let start = Clock.seconds
    let look = {
      communicator.progress.tick()
      do {
        try work?.look("drawing people", meter, unit: "photos", since: start)
      } catch {
        isLeft.value.store(true, ordering: .relaxed)
        throw error
      }
    }
    try pool.forEach(share.count, onWait: look) { worker, person in
      for photo in 0..<faces.photosPerPerson where !isLeft.value.load(ordering: .relaxed) {
        places[person * faces.photosPerPerson + photo] = shared[worker].jpeg(
          person: share.lowerBound + person, photo: photo)
        meter.add()
      }
    }
    let own = Array(
      UnsafeBufferPointer(start: drawn, count: share.count * faces.photosPerPerson))
    guard communicator.size > 1 else { return own }
    return try communicator.allGather(FilePack.pack(own)).flatMap(FilePack.unpack)
  }
}

/// Whether those who draw are to stop amid a person.
private final class LeftFlag: Sendable {
  let value = Atomic<Bool>(false)
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
