internal import Collectives
package import Configuration
internal import Datasets
internal import Evaluation
internal import Inputs
internal import Interchange
package import Measuring
internal import Scoring
internal import Sessions

/// What the commands of published protocols have in common.
package struct ProtocolOptions: Sendable, Equatable {
  /// What gives the embeddings.
  package var source: EvaluateRequest.Source
  /// Embeddings are summed with those of the mirrored photo, as the protocols' own scripts do.
  package var flipTest = true
  /// The share of photos that may be unreadable; nil takes the checkpoint's own.
  package var maxBad: Double?
  /// In what numbers products are computed; nil takes the checkpoint's own.
  package var precision: Precision?
  /// Compute threads of a rank; nil is its share of the host.
  package var threads: Int?

  /// Faces by what `source` gives.
  package init(source: EvaluateRequest.Source) { self.source = source }
}

/// What is wrong with the files of a protocol.
enum ProtocolError: Error, CustomStringConvertible {
  case noSet(folder: String, wanted: String)
  case severalSets(folder: String)
  case missingPhotos(count: Int, of: Int, first: String, where: String)
  case severalPhotos(name: String, first: String, second: String, where: String)
  case onePoint(photo: String, file: String)
  case noFaces(file: String, problem: String)
  case missingTemplates(count: Int, of: String, first: Int32)
  case noPart(folder: String, part: String)
  case unlabelled(photo: String)
  case noMates
  case unwritableName(String)
  case tooFewPeople
  case fewerPairsThanFolds(count: Int, folds: Int)
  case noNearest(count: Int, of: Int)

  var description: String {
    switch self {
    case .noSet(let folder, let wanted):
      "'\(folder)' has no meta/\(wanted)_face_tid_mid.txt; give the folder that holds loose_crop and "
        + "meta"
    case .severalSets(let folder):
      "'\(folder)' holds IJB-B and IJB-C; say which by --set ijbb or --set ijbc"
    case .missingPhotos(let count, let total, let first, let place):
      "\(count) of \(total) photos are not in \(place), such as \(first)"
    case .severalPhotos(let name, let first, let second, let place):
      "\(name) may be \(first) or \(second) in \(place); leave one"
    case .onePoint(let photo, let file): "'\(file)': the five points of \(photo) are one"
    case .noFaces(let file, let problem): "'\(file)' \(problem)"
    case .missingTemplates(let count, let file, let first):
      "'\(file)' names \(count) templates that have no photo in face_tid_mid.txt, such as \(first)"
    case .noPart(let folder, let part):
      "'\(folder)' has no photos below \(part)/; Probe, Gallery_Match and Gallery_Distractor stand "
        + "there"
    case .unlabelled(let photo):
      "'\(photo)' does not begin with the number of its person and '_', as TinyFace's photos do"
    case .noMates: "no probe has a photo of its person in Gallery_Match"
    case .unwritableName(let name):
      "'\(name.split(whereSeparator: \.isNewline).joined(separator: "\\n"))' has a tab, a quote or a "
        + "line end, or begins with '#' or a space, which a list of pairs cannot hold; rename the "
        + "photo"
    case .tooFewPeople:
      "no pairs: it takes two people in each fold, one of them with two photos; give fewer --folds, "
        + "or more photos"
    case .fewerPairsThanFolds(let count, let folds):
      "no pairs: --count \(count) is less than a pair of each kind in each of \(folds) folds; give "
        + "\(2 * folds) or more, or fewer --folds"
    case .noNearest(let count, let total):
      "no pairs: \(count) of \(total) embeddings are no numbers or zeros, and a fold has no two "
        + "people with others; repair --embeddings, or leave it out to draw pairs"
    }
  }
}

/// Embeddings of the photos of a protocol, on the first rank; nil on the others.
struct ProtocolFaces {
  let names: [String]
  let embeddings: Embeddings

  /// `photo.jpg` of `folder/photo.jpg`.
  static func last(_ path: String) -> Substring {
    path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
  }

  /// The lines of `body`, which is given faces and a number of threads on the first rank; nothing
  /// on the others; a collective.
  ///
  /// The faces are the photos below `folder`, embedded by the checkpoint of `options`, or what it
  /// has stored; with `wanted` those names alone, in that order, of which none may be missing.
  /// `points` are the five of each wanted photo, nil for photos that are aligned already;
  /// `pointsFile` names their file in errors.
  static func open(
    _ options: ProtocolOptions, folder: String, communicator: any Communicator,
    wanted: [String]? = nil, points: [[Double]]? = nil, pointsFile: String = "",
    body: @escaping (ProtocolFaces, Int) throws -> [String]
  ) throws -> [String] {
    switch options.source {
    case .embeddings(let file, let names):
      guard communicator.rank == 0 else { return [] }
      let stored = try StoredEmbeddings(file: file, names: names)
      let threads = options.threads ?? HostProcessors.current.allowedCount
      var faces = ProtocolFaces(names: stored.names, embeddings: stored.embeddings)
      if let wanted { faces = try faces.inOrder(wanted, where: file) }
      return try body(faces, threads)
    case .checkpoint(let path):
      let session = try Session.start(
        communicator: communicator, threads: options.threads, quiet: false)
      let network = try CheckpointNetwork.open(
        path, precision: options.precision, in: session)
      let opened = try OpenedPhotos.open(
        .folder(folder), besides: [], seed: 0, communicator: communicator, pool: session.pool,
        work: session.work)
      opened.notes.tell(session.console)
      let paths = opened.index.photos.map(\.path)
      let photos = try wanted.map { try Self.places($0, in: paths, where: folder) }
      let preprocessing = try Self.preprocessing(
        network.configuration, photoCount: paths.count, photos: photos ?? [], points: points,
        names: wanted ?? [], file: pointsFile)
      let chosen = photos ?? Array(paths.indices)
      let (embeddings, _) = try network.embeddings(
        of: chosen, in: opened.source, preprocessing: preprocessing, flip: options.flipTest,
        badLimit: options.maxBad ?? network.configuration.maxBad)
      let threads = session.threads
      let lines = try FirstRankWork.run(over: communicator, pool: session.pool) {
        try embeddings.map {
          try body(
            ProtocolFaces(names: wanted ?? chosen.map { paths[$0] }, embeddings: $0), threads)
        }
      }
      return (lines ?? nil) ?? []
    }
  }

  private static func preprocessing(
    _ configuration: RunConfiguration, photoCount: Int, photos: [Int], points: [[Double]]?,
    names: [String], file: String
  ) throws -> Preprocessing {
    let aligned = try Preprocessing(aligned: configuration)
    guard let points, !photos.isEmpty else { return aligned }
    // Photos of the folder that are in no list are embedded by nobody.
    var byPhoto = [[Double]](repeating: points[0], count: photoCount)
    for (photo, points) in zip(photos, points) { byPhoto[photo] = points }
    let listed = Dictionary(zip(photos, names), uniquingKeysWith: { first, _ in first })
    switch Landmarks.aligning(
      byPhoto, imageSize: configuration.imageSize, file: file, name: { listed[$0] })
    {
    case .success(let landmarks):
      return Preprocessing(
        framing: aligned.framing, landmarks: landmarks, normalization: aligned.normalization)
    case .failure(let misfit):
      throw ProtocolError.onePoint(photo: listed[misfit.photo] ?? "a photo", file: file)
    }
  }

  /// Where each of `wanted` is in `names`, by its last component; throws where one is missing, or
  /// may be several.
  private static func places(
    _ wanted: [String], in names: [String], where place: String
  ) throws -> [Int] {
    let rows = Dictionary(
      names.enumerated().map { (last($0.element), [$0.offset]) }, uniquingKeysWith: +)
    let found = try wanted.map { name -> Int? in
      guard let rows = rows[last(name)] else { return nil }
      guard rows.count > 1 else { return rows[0] }
      if let exact = rows.first(where: { names[$0] == name }) { return exact }
      throw ProtocolError.severalPhotos(
        name: name, first: names[rows[0]], second: names[rows[1]], where: "'\(place)'")
    }
    let missing = found.indices.filter { found[$0] == nil }
    if let first = missing.first {
      throw ProtocolError.missingPhotos(
        count: missing.count, of: wanted.count, first: wanted[first], where: "'\(place)'")
    }
    return found.compactMap(\.self)
  }

  private func inOrder(_ wanted: [String], where place: String) throws -> ProtocolFaces {
    let rows = try Self.places(wanted, in: names, where: place)
    if rows == Array(names.indices) { return self }
    let dimension = embeddings.dimension
    var values: [Float] = []
    values.reserveCapacity(rows.count * dimension)
    for row in rows { values += embeddings.values[row * dimension..<(row + 1) * dimension] }
    return ProtocolFaces(names: wanted, embeddings: Embeddings(values, dimension: dimension))
  }
}
