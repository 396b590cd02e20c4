internal import Collectives
internal import Datasets
internal import Determinism
private import Dispatch
internal import Sessions
private import Synchronization
internal import Threads

/// What decoding photos of a data set finds of them.
struct DecodedPhotos: Sendable {
  /// Why photos cannot be used, by their number in the data.
  private(set) var bad: [Int: ImageError] = [:]
  /// Animations, of which the first picture is taken, in any order.
  private(set) var animations: [Int] = []
  /// The bytes of all that could be read.
  private(set) var byteCount = 0
  /// Hashes of the bytes by place among the photos that were looked at; 0 of one that cannot be
  /// read.
  private(set) var hashes: [UInt64]

  /// Photos that a worker takes at a time.
  private static let pieceCount = 64

  private init(count: Int) { hashes = [UInt64](repeating: 0, count: count) }

  /// Decodes `photos` of `set` on `threads` threads, one after the other and none of them kept;
  /// `meter` counts them. Throws `Interruption` where `stop` wants the end.
  init<Photos: RandomAccessCollection<Int> & Sendable>(
    _ photos: Photos, of set: PhotoSet, threads: Int, meter: WorkMeter,
    stop: any StopRequests = NeverAsked()
  ) throws where Photos.Index == Int {
    meter.expect(photos.count)
    let all = Mutex(DecodedPhotos(count: photos.count))
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      let worker = Worker(set)
      while !stop.wantsEnd {
        let start = next.wrappingAdd(Self.pieceCount, ordering: .relaxed).oldValue
        guard start < photos.count else { return }
        let places = start..<min(start + Self.pieceCount, photos.count)
        let found = worker.look(at: places.map { photos[photos.startIndex + $0] })
        meter.add(places.count)
        all.withLock { $0.add(found, from: start) }
      }
    }
    if stop.wantsEnd { throw Interruption() }
    self = all.withLock { $0 }
  }

  private mutating func add(_ piece: DecodedPhotos, from start: Int) {
    bad.merge(piece.bad) { first, _ in first }
    animations += piece.animations
    byteCount += piece.byteCount
    for (offset, hash) in piece.hashes.enumerated() { hashes[start + offset] = hash }
  }

  /// What one thread decodes with.
  private struct Worker {
    let set: PhotoSet
    let decoder = ImageDecoder()
    let image = PixelBuffer(width: 1, height: 1)
    let buffer = ByteBuffer()

    init(_ set: PhotoSet) { self.set = set }

    func look(at photos: [Int]) -> DecodedPhotos {
      var found = DecodedPhotos(count: photos.count)
      for (place, photo) in photos.enumerated() {
        do throws(ImageError) {
          try set.source.read(photo, into: buffer)
          found.byteCount += buffer.bytes.count
          found.hashes[place] = Hash64.of(buffer.bytes)
          try decoder.decode(buffer.bytes, into: image) { header in
            if header.isAnimation { found.animations.append(photo) }
            return 8
          }
        } catch {
          found.bad[photo] = error
        }
      }
      return found
    }
  }
}

extension DecodedPhotos {
  /// The photos of `set` that cannot be used, in its order. Throws `DatasetError.photoOutOfReach`
  /// for one that the machine could not bring, of which nothing is known.
  func badPhotos(of set: PhotoSet) throws(DatasetError) -> [BadPhoto] {
    var photos: [BadPhoto] = []
    for (photo, error) in bad.sorted(by: { $0.key < $1.key }) {
      let name = set.source.name(of: photo)
      guard !error.isOfMachine else {
        throw .photoOutOfReach(photo: name, reason: error.description)
      }
      photos.append(BadPhoto(photo: photo, path: name, reason: error.description))
    }
    return photos
  }
}
