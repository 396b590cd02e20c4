internal import Collectives
package import Datasets
internal import Detection
internal import Determinism
package import Sessions
private import Synchronization

/// Photos as a camera takes them, each read as the file that `align --detector` would write of it:
/// the face that is taken of those which a detector has found.
///
/// They keep their numbers and names. A photo without a face, like one that cannot be read, gives
/// the reason when it is read.
package final class AlignedFaces: PhotoSource {
  /// The photos on which no face was found, ascending.
  package let faceless: [Int]
  /// Photos with points of no face, which are aligned all the same.
  package let doubtful: [Int]
  /// How many photos have several faces.
  package let severalCount: Int
  private let photos: any PhotoSource
  private let search: FaceSearch
  /// The least score of a face.
  package let leastScore: Double
  private let size: ImageSize
  /// Of the face of each photo; nil where there is none.
  private let places: [Similarity?]
  /// Why photos cannot be read.
  private let reasons: [Int: String]
  private let tools = Mutex<[Tools]>([])

  /// What one thread works with at a time.
  private struct Tools: @unchecked Sendable {
    let decoder = ImageDecoder()
    let cutter: FaceCutter
    let photo = PixelBuffer(width: 1, height: 1)
  }

  /// What was found on one photo.
  private enum Finding: Sendable {
    case faces(points: [Double], count: Int)
    case faceless
    case unreadable(String)
  }

  /// Finds the faces on `photos`, each rank its share, for aligned photos of `size`; a collective.
  /// Throws what is wrong with the detector, and `WorldCheck.Failure` where ranks have others.
  package static func find(
    _ search: FaceSearch, on photos: any PhotoSource, size: ImageSize, in session: Session
  ) throws -> AlignedFaces {
    let communicator = session.communicator
    let detector = try FaceDetector(path: search.detector)
    let score = search.score ?? detector.usualScore
    var names: UInt64 = 0
    for photo in 0..<photos.count { names = Hash64.of(photos.name(of: photo), seed: names) }
    try WorldCheck.run(
      configuration: "\(Hash64.text(detector.hash)) \(search.faces) \(score)",
      dataFingerprint: names, pixels: JPEGProbe.hash, communicator: communicator)
    let share = Microbatches.share(
      of: photos.count, rank: communicator.rank, size: communicator.size)
    let readers = (0..<session.threads).map { _ in
      FaceReader(detector, score: score, choice: search.faces, source: photos)
    }
    let found = try PhotoWork.run("finding faces", on: share, in: session) {
      worker, photo -> Finding in
      switch try readers[worker].faces(of: photo) {
      case .failure(let error): .unreadable(error.description)
      case .success(let faces):
        faces.first.map { .faces(points: $0.points, count: faces.count) } ?? .faceless
      }
    }
    return AlignedFaces(
      photos, search, leastScore: score, size: size, findings: try gather(found, over: communicator)
    )
  }

  /// What all ranks have found, in their order, on each of them.
  private static func gather(
    _ own: [Finding], over communicator: any Communicator
  ) throws -> [Finding] {
    guard communicator.size > 1 else { return own }
    var counts: [Int] = []
    var points: [Double] = []
    var reasons: [String] = []
    for finding in own {
      switch finding {
      case .faces(let five, let count):
        counts.append(count)
        points += five
      case .faceless: counts.append(0)
      case .unreadable(let reason):
        counts.append(-1)
        reasons.append(reason)
      }
    }
    let allCounts = try communicator.allGather(counts).flatMap(\.self)
    var allPoints = try communicator.allGather(points).flatMap(\.self)[...]
    var allReasons = try communicator.allGather(value: reasons).flatMap(\.self)[...]
    return allCounts.map { count in
      if count < 0 { return .unreadable(allReasons.removeFirst()) }
      guard count > 0 else { return .faceless }
      defer { allPoints = allPoints.dropFirst(10) }
      return .faces(points: Array(allPoints.prefix(10)), count: count)
    }
  }

  private init(
    _ photos: any PhotoSource, _ search: FaceSearch, leastScore: Double, size: ImageSize,
    findings: [Finding]
  ) {
    let cutter = FaceCutter(size: size)
    var places: [Similarity?] = []
    var reasons: [Int: String] = [:]
    var (faceless, doubtful): ([Int], [Int]) = ([], [])
    var several = 0
    for (photo, finding) in findings.enumerated() {
      var place: (toPhoto: Similarity, isDoubtful: Bool)?
      switch finding {
      case .faces(let points, let count):
        place = cutter.place(of: points)
        if place?.isDoubtful ?? true { doubtful.append(photo) }
        if count > 1 { several += 1 }
      case .unreadable(let reason): reasons[photo] = reason
      case .faceless: break
      }
      if place == nil, reasons[photo] == nil { faceless.append(photo) }
      places.append(place?.toPhoto)
    }
    (self.photos, self.search, self.leastScore) = (photos, search, leastScore)
    self.size = size
    (self.places, self.reasons) = (places, reasons)
    (self.faceless, self.doubtful, severalCount) = (faceless, doubtful, several)
  }

  package var count: Int { photos.count }
  package func name(of photo: Int) -> String { photos.name(of: photo) }

  /// The photos that are not without a face, ascending.
  package var others: [Int] {
    let faceless = Set(faceless)
    return places.indices.filter { !faceless.contains($0) }
  }

  package func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    if let reason = reasons[photo] { throw ImageError(description: reason) }
    guard let place = places[photo] else {
      throw ImageError(
        description: "no face was found on it, with a score of \(leastScore) at least")
    }
    let own = tools.withLock { $0.popLast() } ?? Tools(cutter: FaceCutter(size: size))
    defer { tools.withLock { $0.append(own) } }
    try photos.read(photo, into: buffer)
    try own.decoder.decode(buffer.bytes, into: own.photo)
    own.cutter.jpeg(of: own.photo, by: place).withUnsafeBytes { buffer.set($0) }
  }

  /// Says how many faces were found, and names the photos on which they are doubtful or, with
  /// `namesFaceless`, missing.
  package func tell(_ console: Console, namesFaceless: Bool) {
    if namesFaceless { name(faceless, "no face", console) }
    name(doubtful, "points of no face", console)
    let found = places.count { $0 != nil }
    var line = "faces: \(found) of \(count) photos by \(search.detector)"
    if !faceless.isEmpty { line += ", \(faceless.count) photos without a face" }
    if severalCount > 0 {
      line +=
        ", \(severalCount) photos with several faces, the \(search.faces.rawValue) one taken"
    }
    console.say(line)
  }

  /// A line for each of the first of `photos`, then how many there are.
  private func name(_ photos: [Int], _ what: String, _ console: Console) {
    for photo in photos.prefix(20) { console.warn("\(what): \(name(of: photo))") }
    if photos.count > 20 { console.warn("\(what): \(photos.count) in all") }
  }
}
