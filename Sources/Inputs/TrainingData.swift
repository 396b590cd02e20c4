package import Collectives
package import Configuration
package import Datasets
internal import Determinism
package import Sessions
package import Threads

/// The photos of a run: which there are, which train, and how their bytes become samples.
package struct TrainingData: Sendable {
  /// All photos of the data, training or not.
  package let index: PhotoIndex
  /// Which photos train, in which class, and which are held out.
  package let divided: DividedPhotos
  /// Where the bytes of the photos are.
  package var photos: any PhotoSource { readAhead.source }
  /// The same, brought ahead by a reader thread.
  package let readAhead: ReadAhead
  /// What makes the network's input of a photo, but for random changes.
  package let preprocessing: Preprocessing
  /// A hash of all paths, of who trains in which class, and of the landmarks: equal on all ranks
  /// and after a resume.
  package let fingerprint: UInt64
  /// What to call the data in a message.
  package let name: String
  /// What of the data is passed over, and what is most likely not meant.
  package let notes: DataNotes

  /// Who the classes are, and who of them trains.
  package var trainedPeople: TrainedPeople {
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

  /// Lists the data of `configuration`, or draws it, sharing the work over ranks and workers; a
  /// collective. It can be left where `work` is given. Throws `DatasetError` and what the
  /// communicator throws.
  package static func open(
    _ configuration: RunConfiguration, communicator: any Communicator, pool: WorkerPool,
    work: LongWork? = nil
  ) throws -> TrainingData {
    let opened = try OpenedPhotos.open(
      configuration.data, besides: configuration.filesRead.map(\.path),
      excluding: configuration.exclude, seed: configuration.seed, communicator: communicator,
      pool: pool,
      drawing: !configuration.dryRun, work: work)
    return try LongWork.run(in: work, "dividing the photos") { _ in
      try TrainingData(configuration, opened: opened)
    }
  }

  private init(_ configuration: RunConfiguration, opened: OpenedPhotos) throws {
    try opened.index.requireSeveralPeople(in: opened.name)
    index = opened.index
    name = opened.name
    var notes = opened.notes
    if let lone = opened.index.lonePhotosWarning { notes.warnings.append(lone) }
    self.notes = notes
    readAhead = ReadAhead(opened.source)
    divided = try configuration.split.divide(
      opened.index, seed: configuration.splitSeed, minPhotos: configuration.minPhotos,
      folder: opened.name)
    preprocessing = try Preprocessing(configuration, index: opened.index)
    fingerprint = Self.fingerprint(of: opened.index, divided, preprocessing)
  }

  /// Hashes of some of its photos: hosts with another copy of the data differ in them, and those
  /// with a few other files most likely. `onPhoto` is called for each that is read.
  package func sample(onPhoto: () -> Void = {}) -> PhotoSample {
    PhotoSample(of: photos, count: index.photos.count, onPhoto: onPhoto)
  }

  /// Photos that `--crop` enlarges, of some that are looked at; nil where none is. `onPhoto` is
  /// called for each that is read.
  package func enlargedPhotos(onPhoto: () -> Void = {}) -> EnlargedPhotos? {
    guard preprocessing.landmarks == nil else { return nil }
    return EnlargedPhotos(
      of: photos, among: divided.training, framing: preprocessing.framing, onPhoto: onPhoto)
  }

  /// The `fingerprint` of photos that are divided and prepared so.
  package static func fingerprint(
    of index: PhotoIndex, _ divided: DividedPhotos, _ preprocessing: Preprocessing
  ) -> UInt64 {
    var hash: UInt64 = 0
    for photo in index.photos { hash = Hash64.of(photo.path, seed: hash) }
    hash = divided.training.withUnsafeBytes { Hash64.of($0, seed: hash) }
    hash = Hash64.of(divided.classOfPerson.map { UInt64(bitPattern: Int64($0)) }, seed: hash)
    return Hash64.of(preprocessing.landmarks?.words ?? [], seed: hash)
  }
}
