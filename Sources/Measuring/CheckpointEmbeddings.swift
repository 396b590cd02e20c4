internal import Checkpoints
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

  /// The embeddings of all photos and their names, on the first rank; of photos without a face,
  /// where faces are looked for, there are none, which is said.
  private func rows(
    _ request: EmbedRequest
  ) throws -> (rows: Embeddings, names: [String], facelessCount: Int)? {
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
    guard let plain else { return nil }
    guard let mirrored else { return (plain, embedded.names, embedded.facelessCount) }
    return (
      Embeddings(plain.values + mirrored.values, dimension: plain.dimension),
      embedded.names + embedded.names.map { $0 + MirroredName.ending }, embedded.facelessCount
    )
  }

  /// The embeddings of all photos and their names, on the first rank, which writes them into the
  /// file that `request` names, and says so.
  func embed(_ request: EmbedRequest) throws -> EmbeddedRows? {
    let file = try request.out.map { path in
      guard let form = EmbeddingFile(path: path) else {
        throw EmbeddingFileError.unknownForm(path: path)
      }
      return (path: path, form: form)
    }
    let centres = request.takesCentres ? try personCentres() : nil
    guard let (rows, names, facelessCount) = try rows(request) else { return nil }
    var named = EmbeddedRows(rows: .held(rows.values, width: rows.dimension), names: names)
    named.centres = centres
    guard let (path, form) = file else { return named }
    try form.write(rows, names: names, in: request.numbers, to: path)
    let place = form.namesPath(beside: path).map { "in \($0)" } ?? "beside them"
    session.console.say(
      "\(names.count) embeddings of \(network.embeddingCount) in \(path), names \(place)"
        + (request.writesMirrored
          ? ": those of \(names.count / 2) photos, then those of their mirror images" : "")
        + (facelessCount == 0 ? "" : "; \(facelessCount) photos without a face have none"))
    return named
  }

  /// The centres of the people whom the loss was trained on. Throws `EvaluationFailure.oneCentre`
  /// where it has no several of them, and what reading throws.
  private func personCentres() throws -> PersonCentres {
    guard configuration.subCentres > 1, let weights = try checkpoint.classWeights(of: kind),
      let people = try checkpoint.trainedPeople()
    else { throw EvaluationFailure.oneCentre(path: checkpoint.path) }
    return PersonCentres(
      path: checkpoint.path, people: zip(people.names, people.trains).map { $1 ? $0 : nil },
      count: configuration.subCentres,
      rows: .held(weights, width: network.embeddingCount))
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
      own.filesRead.map(\.path) + [request.out].compactMap(\.self)
      + (request.search?.filesRead ?? [])
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
