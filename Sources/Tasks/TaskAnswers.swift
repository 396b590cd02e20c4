package import Collectives
internal import Datasets
internal import Interchange
internal import Measuring
internal import RawPhotos
internal import Reports

extension VerifyRequest {
  /// Whether two photos show one person: the lines to print, on the first rank. Throws where one of
  /// them cannot be compared, or means more photos than one.
  package func answer(over communicator: any Communicator) throws -> TaskAnswer {
    let provider = try options.provider(over: communicator)
    guard let faces = try provider.faces([first, second], oneEach: true) else { return .silence }
    let answer = try VerifyAnswer(
      faces, threshold: provider.threshold(options, isCautious: false))
    return TaskAnswer(
      lines: options.json ? [try TaskJSON.text(answer)] : answer.lines, isGood: true)
  }
}

extension IdentifyRequest {
  /// Who is on photos, by a gallery of people who are known: the lines to print, on the first rank.
  /// Photos that cannot be compared are named.
  package func answer(over communicator: any Communicator) throws -> TaskAnswer {
    let provider = try options.provider(over: communicator)
    let threshold = try provider.threshold(options, isCautious: true)
    let gallery = try provider.faces([gallery], oneEach: false)
    let probes = try provider.faces(probes, oneEach: false)
    guard let gallery, let probes else { return .silence }
    guard !gallery.sound.isEmpty else { throw TaskError.noSoundPhoto(self.gallery) }
    let answer = IdentifyAnswer(
      probes, in: gallery, threshold: threshold, top: top, neighbours: neighbours)
    return TaskAnswer(
      lines: options.json ? [try TaskJSON.text(answer)] : answer.lines,
      isGood: gallery.bad.isEmpty && probes.bad.isEmpty)
  }
}

extension ClusterRequest {
  /// Which photos show the same people: the lines to print, on the first rank, after the files that
  /// are asked for are written. Photos that cannot be compared are in no cluster, and named.
  package func answer(over communicator: any Communicator) throws -> TaskAnswer {
    try checkFiles()
    let provider = try options.provider(over: communicator)
    // Before the photos are embedded, where the lack of one would be said after it.
    if method == .averageLinkage, clusterCount == nil {
      _ = try provider.threshold(options, isCautious: true)
    }
    guard let faces = try provider.faces([photos], oneEach: false) else { return .silence }
    let sound = faces.sound
    guard !sound.isEmpty else { throw TaskError.noSoundPhoto(photos) }
    let answer = try ClusterAnswer(
      faces.kept(sound), unreadable: faces.unreadable, request: self
    ) {
      try provider.threshold(options, isCautious: true)
    }
    if let path = csv { try TextFile.write(answer.table.csv, to: path) }
    if let path = html {
      let thumbnails = try faces.source.map { try Thumbnails($0) }
      let sheet = ClusterSheet(answer, title: "People in \(photos)") {
        thumbnails?.jpeg(sound[$0])
      }
      try TextFile.write(sheet.render(), to: path)
    }
    return TaskAnswer(
      lines: options.json ? [try TaskJSON.text(answer)] : answer.lines(),
      isGood: faces.bad.isEmpty)
  }

  /// Throws `CommandFiles.Conflict` where the list or the page of the clusters would cost a file.
  private func checkFiles() throws {
    try CommandFiles.check { files in
      switch options.source {
      case .checkpoint(let path):
        files.read(path, as: "CHECKPOINT")
        files.readData(photos, as: "FOLDER")
      case .embeddings(let file, let names):
        files.read(file, as: "--embeddings")
        files.read(names, as: "--names")
      }
      files.read(options.landmarks, as: "--landmarks")
      for file in options.search?.filesRead ?? [] { files.read(file, as: "--detector") }
      files.write(csv, as: "--csv")
      files.write(html, as: "--html")
    }
  }
}

extension FaceOptions {
  /// Where faces come from.
  func provider(over communicator: any Communicator) throws -> any FaceProvider {
    switch source {
    case .checkpoint(let path):
      try CheckpointFaces(path: path, options: self, communicator: communicator)
    case .embeddings(let file, let names):
      try StoredFaces(file: file, names: names, communicator: communicator)
    }
  }
}
