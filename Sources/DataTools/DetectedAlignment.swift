internal import Collectives
internal import Datasets
internal import Detection
internal import Determinism
internal import Interchange
internal import RawPhotos
internal import Sessions

/// Photos aligned by the faces that a detector finds, on all threads of all ranks.
enum DetectedAlignment {
  /// What was found, of all photos in their order, on the first rank; of its share on others.
  struct Result {
    /// Lines of the table of found faces.
    var rows: [String] = []
    /// Photos that cannot be used, with the reason.
    var bad: [String] = []
    /// Photos on which no face was found.
    var faceless: [String] = []
    /// Photos with points of no face, which are aligned all the same.
    var doubtful: [String] = []
    /// Who is on each face that was written, where folders do not say it.
    var labels: [String] = []
    /// Faces by photo; -1 of one that cannot be used.
    var faces: [Int] = []
    var photos = 0
    var written = 0
    var several = 0
    var notes: [String] = []
    /// The least score of a face.
    var leastScore = 0.0
  }

  /// What became of one photo.
  fileprivate struct Outcome {
    var rows: [String] = []
    var bad: String?
    var isFaceless = false
    var isDoubtful = false
    var faces = 0
    var written = 0
    var labels: [String] = []
  }

  /// Writes the faces of the request's photos; a collective. Throws what is wrong with data,
  /// detector or folder, and `WorldCheck.Failure` where ranks have others.
  static func run(_ request: DetectRequest, in session: Session) throws -> Result {
    let communicator = session.communicator
    let detector = try FaceDetector(path: request.detector)
    let set = try session.work.run("listing \(request.data)", unit: "photos") {
      try PhotoSet(
        path: request.data,
        besides: FaceDetector.files(of: request.detector)
          + [request.points, request.html].compactMap(\.self), meter: $0)
    }
    let names = set.index.photos.map(\.path)
    try WorldCheck.run(
      configuration: Hash64.text(detector.hash),
      dataFingerprint: Hash64.of(names.joined(separator: "\n")), pixels: JPEGProbe.hash,
      communicator: communicator)
    let targets = FaceTargets(set.index)
    _ = try FirstRankWork.run(over: communicator, pool: session.pool) {
      try UnfinishedFolder.begin(request.out, command: "align")
      for folder in targets.folders { try Folders.make(request.out + "/" + folder) }
    }
    let share = Microbatches.share(
      of: names.count, rank: communicator.rank, size: communicator.size)
    let outcomes = try align(share, of: set, by: detector, into: targets, request, in: session)
    var own = Result()
    for (photo, outcome) in zip(share, outcomes) { own.add(outcome, path: names[photo]) }
    var all = try gather(own, over: communicator)
    all.photos = names.count
    all.leastScore = request.score ?? detector.usualScore
    all.notes = set.notes.lines
    if communicator.rank == 0 {
      AlignedLabels.removeEmpty(targets.folders, in: request.out)
      if targets.labels.areNeeded, all.written > 0 {
        all.notes.append(try targets.labels.write(all.labels, to: request.out))
      }
      try UnfinishedFolder.end(request.out)
      if let html = request.html {
        let page = FoundPage(request, all, detector, set)
        try session.work.run("drawing the page") { _ in
          try TextFile.write(page.render(), to: html)
        }
      }
    }
    return all
  }

  /// Finds and writes the faces of the photos `share`; what became of each.
  private static func align(
    _ share: Range<Int>, of set: PhotoSet, by detector: FaceDetector, into targets: FaceTargets,
    _ request: DetectRequest, in session: Session
  ) throws -> [Outcome] {
    let workers = (0..<session.threads).map { _ in Worker(request, detector, set, targets) }
    return try PhotoWork.run("aligning photos", on: share, in: session) {
      try workers[$0].align($1)
    }
  }

  /// The results of all ranks as one, in their order.
  private static func gather(
    _ own: Result, over communicator: any Communicator
  ) throws -> Result {
    guard communicator.size > 1 else { return own }
    let texts = try communicator.allGather(
      value: [own.rows, own.bad, own.faceless, own.doubtful, own.labels])
    let counts = try communicator.allGather(value: [own.written, own.several])
    var all = Result()
    all.faces = try communicator.allGather(own.faces).flatMap(\.self)
    for (text, count) in zip(texts, counts) {
      all.rows += text[0]
      all.bad += text[1]
      all.faceless += text[2]
      all.doubtful += text[3]
      all.labels += text[4]
      all.written += count[0]
      all.several += count[1]
    }
    return all
  }

  /// Finds, warps and writes; serves one thread at a time.
  private final class Worker {
    private let request: DetectRequest
    private let paths: PhotoList
    private let targets: FaceTargets
    private let reader: FaceReader
    private let cutter: FaceCutter

    init(
      _ request: DetectRequest, _ detector: FaceDetector, _ set: PhotoSet, _ targets: FaceTargets
    ) {
      self.request = request
      paths = set.index.photos
      self.targets = targets
      reader = FaceReader(
        detector, score: request.score, choice: request.faces, source: set.source)
      cutter = FaceCutter(size: request.size, quality: request.quality)
    }

    /// Writes the faces of photo `index`; throws where they cannot be written.
    func align(_ index: Int) throws -> Outcome {
      let path = paths[index].path
      var outcome = Outcome()
      let faces: [DetectedFace]
      switch try reader.faces(of: index) {
      case .failure(let error):
        outcome.bad = error.description
        return outcome
      case .success(let found): faces = found
      }
      outcome.faces = faces.count
      guard !faces.isEmpty else {
        outcome.isFaceless = true
        outcome.rows = [FoundFaces.faceless(path: path)]
        return outcome
      }
      for (number, face) in faces.enumerated() {
        outcome.rows.append(
          FoundFaces.line(
            path: path, points: face.points, score: face.score,
            box: [face.left, face.top, face.width, face.height], number: number + 1))
        guard number == 0 || request.faces == .all else { continue }
        guard let place = cutter.place(of: face.points) else {
          outcome.isDoubtful = true
          continue
        }
        if place.isDoubtful { outcome.isDoubtful = true }
        let target = targets.path(of: index, face: number)
        // Thousands of syncs would take longer than the work, which can be done again.
        try BytesFile.write(
          cutter.jpeg(of: reader.photo, by: place.toPhoto), to: request.out + "/" + target,
          syncing: false)
        outcome.written += 1
        if targets.labels.areNeeded {
          outcome.labels.append(targets.labels.line(index, target: target))
        }
      }
      return outcome
    }
  }
}

extension DetectedAlignment.Result {
  fileprivate mutating func add(_ outcome: DetectedAlignment.Outcome, path: String) {
    rows += outcome.rows
    if let reason = outcome.bad { bad.append("\(path): \(reason)") }
    if outcome.isFaceless { faceless.append(path) }
    if outcome.isDoubtful { doubtful.append(path) }
    faces.append(outcome.bad == nil ? outcome.faces : -1)
    if outcome.faces > 1 { several += 1 }
    written += outcome.written
    labels += outcome.labels
  }
}

/// Where the faces of photos go: the first of photo `person/a.png` to `person/a.jpg`, the second to
/// `person/a-face2.jpg`; where photos are called so themselves, to `person/a--face2.jpg`.
struct FaceTargets: Sendable {
  private let first: [String]
  private let mark: String
  /// Who is on them.
  let labels: AlignedLabels

  /// For the photos of `index`.
  init(_ index: PhotoIndex) {
    first = FaceAligner.targets(of: index)
    var mark = "-face"
    while first.contains(where: { $0.contains(mark) }) { mark = "-" + mark }
    self.mark = mark
    labels = AlignedLabels(index, targets: first)
  }

  /// The folders that they are in.
  var folders: [String] { FaceAligner.folders(of: first) }

  /// Where face `face`, from zero, of `photo` goes.
  func path(of photo: Int, face: Int) -> String {
    guard face > 0 else { return first[photo] }
    // They end in .jpg or .jpeg.
    let stem = first[photo].prefix(upTo: first[photo].lastIndex(of: ".") ?? first[photo].endIndex)
    return "\(stem)\(mark)\(face + 1).jpg"
  }
}
