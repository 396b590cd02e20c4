package import Collectives
internal import Interchange
internal import Reports
internal import Scoring

extension VerifyRequest {
  /// Whether two photos show one person: the lines to print, on the first rank.
  package func answer(over communicator: any Communicator) throws -> [String] {
    let provider = try options.provider(over: communicator)
    guard let faces = try provider.faces([first, second]) else { return [] }
    let answer = try VerifyAnswer(
      faces, threshold: provider.threshold(options, isCautious: false))
    return options.json ? [try TaskJSON.text(answer)] : answer.lines
  }
}

extension IdentifyRequest {
  /// Who is on photos, by a gallery of people who are known: the lines to print, on the first rank.
  package func answer(over communicator: any Communicator) throws -> [String] {
    let provider = try options.provider(over: communicator)
    let gallery = try provider.faces([gallery])
    let probes = try provider.faces(probes)
    guard let gallery, let probes else { return [] }
    let answer = IdentifyAnswer(
      probes, in: gallery, threshold: try provider.threshold(options, isCautious: true),
      top: top,
      neighbours: neighbours)
    return options.json ? [try TaskJSON.text(answer)] : answer.lines
  }
}

extension ClusterRequest {
  /// Which photos show the same people: the lines to print, on the first rank, after the files that
  /// are asked for are written.
  package func answer(over communicator: any Communicator) throws -> [String] {
    let provider = try options.provider(over: communicator)
    guard let faces = try provider.faces([photos]) else { return [] }
    let answer = try ClusterAnswer(faces, request: self) {
      try provider.threshold(options, isCautious: true)
    }
    if let path = csv { try TextFile.write(answer.table.csv, to: path) }
    if let path = html {
      let thumbnails = try faces.source.map { try Thumbnails($0) }
      let sheet = ClusterSheet(answer, title: "People in \(photos)") {
        thumbnails?.jpeg($0)
      }
      try TextFile.write(sheet.render(), to: path)
    }
    return options.json ? [try TaskJSON.text(answer)] : answer.lines()
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
