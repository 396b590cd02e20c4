private import Determinism
private import Preconditions

/// The photo that a sample was made of, and its class.
package struct LoadedSample: Equatable, Sendable {
  /// The index of the photo in the data set: the one asked for, or its replacement.
  package var photo: Int
  /// The class of its person.
  package var label: Int
  /// Whether it stands in for an unreadable photo.
  package var isReplacement: Bool
  /// Whether left and right are exchanged.
  package var isMirrored: Bool
}

/// The training samples of a data set: which photos, what they become, and what stands in for bad
/// ones. Shared by all threads, each of which makes itself a `SampleDecoder`.
package final class SampleLoader: Sendable {
  /// The photos of the data set that train, in the order that samplers count.
  package let training: [Int]
  /// What makes the network's input of a photo.
  package let preprocessing: Preprocessing
  /// How training photos are changed at random.
  package let augmentation: Augmentation
  /// What those changes are a function of, with step and slot.
  package let seed: UInt64
  /// Where unreadable photos are noted.
  package let ledger: BadPhotoLedger
  let source: any PhotoSource
  private let photos: PhotoList
  private let classOfPerson: [Int]
  /// The training photos class by class: those of class c at `firstOfClass[c]` up to the next
  /// one's.
  private let members: [Int32]
  private let firstOfClass: [Int]

  /// Prepares the training part of `divided` photos of `index`, whose bytes come from `source`.
  package init(
    _ index: PhotoIndex, divided: DividedPhotos, source: any PhotoSource,
    preprocessing: Preprocessing, augmentation: Augmentation, seed: UInt64,
    ledger: BadPhotoLedger = BadPhotoLedger()
  ) {
    require(
      source.count == index.photos.count,
      "SampleLoader: \(source.count) photos in the source, \(index.photos.count) in the index")
    training = divided.training
    (photos, classOfPerson) = (index.photos, divided.classOfPerson)
    // Flat tables of 32 bits: there may be millions of photos.
    var ends = [Int](repeating: 0, count: divided.classCount + 1)
    for photo in training { ends[classOfPerson[photos.person(of: photo)] + 1] += 1 }
    for label in 0..<divided.classCount { ends[label + 1] += ends[label] }
    firstOfClass = ends
    var members = [Int32](repeating: 0, count: training.count)
    for photo in training {
      let label = classOfPerson[photos.person(of: photo)]
      members[ends[label]] = Int32(photo)
      ends[label] += 1
    }
    self.members = members
    self.source = source
    self.preprocessing = preprocessing
    self.augmentation = augmentation
    self.seed = seed
    self.ledger = ledger
  }

  /// The numbers of one sample: height * width * 3.
  package var sampleCount: Int { preprocessing.imageSize.pixels * 3 }

  /// The class of photo `photo`, -1 where its person has none.
  package func label(of photo: Int) -> Int { classOfPerson[photos.person(of: photo)] }

  /// A decoder for one thread.
  package func makeDecoder() -> SampleDecoder { SampleDecoder(self) }

  /// How many photos in place of a bad one are tried before the run is given up.
  static let replacementLimit = 64

  /// The photo that stands in for `photo` at `coordinates` in attempt `attempt` (from 0): the other
  /// photos of the person in turn, from a random one on, then random ones of the training part.
  func replacement(for photo: Int, at coordinates: SampleCoordinates, attempt: Int) -> Int {
    let stream = CounterRandom(
      seed: seed, purpose: .replacement, coordinates.step, coordinates.slot)
    let label = label(of: photo)
    let own = members[firstOfClass[label]..<firstOfClass[label + 1]]
    let others = min(own.count - 1, Self.replacementLimit / 2)
    if attempt < others, let found = own.firstIndex(of: Int32(photo)) {
      let place = found - own.startIndex
      let start = stream.integer(0, below: own.count - 1)
      let next = (place + 1 + (start + attempt) % (own.count - 1)) % own.count
      return Int(own[own.startIndex + next])
    }
    return training[stream.integer(1 + attempt, below: training.count)]
  }
}

/// Makes samples on one thread, with buffers that it keeps.
package final class SampleDecoder: @unchecked Sendable {
  private let loader: SampleLoader
  private let pipeline: SamplePipeline
  private let bytes = ByteBuffer(capacity: 1 << 14)

  init(_ loader: SampleLoader) {
    self.loader = loader
    pipeline = SamplePipeline(loader.preprocessing)
  }

  /// Fills `output` [height, width, 3] with training photo `photo` (an index into the data set),
  /// changed by the augmentation drawn for `coordinates`.
  ///
  /// A bad photo is recorded, and replaced by a function of the seed, the coordinates and the photo
  /// alone. Throws `DatasetError.noReplacement` where all replacements are bad too, and
  /// `DatasetError.photoOutOfReach` where the machine cannot bring a photo.
  package func load(
    _ photo: Int, at coordinates: SampleCoordinates, into output: UnsafeMutablePointer<Float>
  ) throws(DatasetError) -> LoadedSample {
    require(
      loader.label(of: photo) >= 0, "SampleDecoder: photo \(photo) is not one to train on")
    let drawn = loader.augmentation.draw(seed: loader.seed, at: coordinates)
    var current = photo
    for attempt in 0...SampleLoader.replacementLimit {
      do throws(ImageError) {
        try fill(output, with: current, drawn: drawn)
        if attempt > 0 { loader.ledger.recordReplacement() }
        return LoadedSample(
          photo: current, label: loader.label(of: current), isReplacement: attempt > 0,
          isMirrored: drawn.isMirrored)
      } catch  where error.isOfMachine {
        throw .photoOutOfReach(
          photo: loader.source.name(of: current), reason: error.description)
      } catch {
        loader.ledger.record(
          BadPhoto(
            photo: current, path: loader.source.name(of: current), reason: error.description))
      }
      current = loader.replacement(for: photo, at: coordinates, attempt: attempt)
    }
    throw .noReplacement(
      photo: loader.source.name(of: photo), tried: SampleLoader.replacementLimit)
  }

  private func fill(
    _ output: UnsafeMutablePointer<Float>, with photo: Int, drawn: AugmentationDraw
  ) throws(ImageError) {
    try loader.source.read(photo, into: bytes)
    try pipeline.process(bytes.bytes, photo: photo, drawn: drawn, into: output)
  }
}

/// Makes samples of any photos as they are, for evaluation: one for each thread.
package final class PhotoDecoder: @unchecked Sendable {
  private let source: any PhotoSource
  private let pipeline: SamplePipeline
  private let bytes = ByteBuffer(capacity: 1 << 14)

  package init(_ source: any PhotoSource, preprocessing: Preprocessing) {
    self.source = source
    pipeline = SamplePipeline(preprocessing)
  }

  /// Fills `output` [height, width, 3] with photo `photo`, changed as `drawn`.
  ///
  /// Throws `ImageError` for a bad photo; nothing stands in for it.
  package func load(
    _ photo: Int, drawn: AugmentationDraw = AugmentationDraw(),
    into output: UnsafeMutablePointer<Float>
  ) throws(ImageError) {
    try source.read(photo, into: bytes)
    try pipeline.process(bytes.bytes, photo: photo, drawn: drawn, into: output)
  }
}
