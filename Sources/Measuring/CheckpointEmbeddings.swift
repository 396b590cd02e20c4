internal import Configuration
internal import Datasets
internal import EmbeddingFiles
internal import Evaluation
internal import Inputs
internal import Networks
internal import RawPhotos
internal import Scoring
internal import Sessions

extension CheckpointNetwork {
  /// The photos that `embed` writes rows of, and how they become samples.
  private struct EmbeddedPhotos {
    /// Those of `source` that have a row.
    let photos: [Int]
    /// What the rows are called.
    let names: [String]
    let source: any PhotoSource
    let preprocessing: Preprocessing
    /// Photos that have none, as there is no face on them.
    let facelessCount: Int
  }

  /// Writes the embeddings of all photos and their names; of photos without a face, where faces are
  /// looked for, it writes none and says so.
  func embed(_ request: EmbedRequest) throws {
    guard let form = EmbeddingFile(path: request.out) else {
      throw EmbeddingFileError.unknownForm(path: request.out)
    }
    let embedded = try photos(of: request)
    func embeddings(mirrored: Bool) throws -> Embeddings? {
      var changes = AugmentationDraw()
      changes.isMirrored = mirrored
      return try self.embeddings(
        of: embedded.photos, in: embedded.source, preprocessing: embedded.preprocessing,
        flip: request.writesMirrored ? false : request.flipTest ?? configuration.flipTest,
        changes: changes, badLimit: request.maxBad ?? configuration.maxBad
      ).embeddings
    }
    let plain = try embeddings(mirrored: false)
    let mirrored = request.writesMirrored ? try embeddings(mirrored: true) : nil
    guard var rows = plain else { return }
    var names = embedded.names
    if let mirrored {
      rows = Embeddings(rows.values + mirrored.values, dimension: rows.dimension)
      names += names.map { $0 + MirroredName.ending }
    }
    try form.write(rows, names: names, in: request.numbers, to: request.out)
    let place = form.namesPath(beside: request.out).map { "in \($0)" } ?? "beside them"
    session.console.say(
      "\(names.count) embeddings of \(network.embeddingCount) in \(request.out), names \(place)"
        + (mirrored == nil
          ? "" : ": those of \(names.count / 2) photos, then those of their mirror images")
        + (embedded.facelessCount == 0
          ? "" : "; \(embedded.facelessCount) photos without a face have none"))
  }

  /// Opens the photos of `request`; a collective. Throws `DatasetError`, also where a detector
  /// finds no face at all.
  private func photos(of request: EmbedRequest) throws -> EmbeddedPhotos {
    var own = configuration
    own.data = request.data
    own.landmarks = nil
    own.exclude = request.exclude
    if request.search == nil {
      own = configuration(
        data: request.data, split: nil, splitSeed: nil, minPhotos: nil, exclude: request.exclude,
        landmarks: request.landmarks)
    }
    let used =
      own.filesRead.map(\.path) + [request.out] + (request.search?.filesRead ?? [])
    let opened = try OpenedPhotos.open(
      own.data, besides: used, excluding: own.exclude, seed: own.seed,
      communicator: session.communicator,
      pool: session.pool, work: session.work)
    opened.notes.tell(session.console)
    guard let search = request.search else {
      return EmbeddedPhotos(
        photos: Array(opened.index.photos.indices), names: opened.index.photos.map(\.path),
        source: opened.source, preprocessing: try Preprocessing(own, index: opened.index),
        facelessCount: 0)
    }
    let faces = try AlignedFaces.find(
      search, on: opened.source, size: configuration.imageSize, in: session)
    faces.tell(session.console, namesFaceless: true)
    let photos = faces.others
    guard !photos.isEmpty else {
      throw DatasetError.unusable(
        path: opened.name,
        reason:
          "has no photo with a face: look at some of them; --score \(faces.leastScore) is the "
          + "least score of a face")
    }
    return EmbeddedPhotos(
      photos: photos, names: photos.map { opened.index.photos[$0].path }, source: faces,
      preprocessing: try Preprocessing(aligned: configuration), facelessCount: faces.faceless.count)
  }
}
