package import Collectives
private import Datasets
private import Foundation

extension Program {
  /// Whether two photos show one person: the lines to print, on the first rank.
  package static func answer(
    _ request: VerifyRequest, over communicator: any Communicator
  ) throws -> [String] {
    let provider = try provider(request.options, over: communicator)
    guard let faces = try provider.faces([request.first, request.second]) else { return [] }
    let answer = try VerifyAnswer(
      faces, threshold: provider.threshold(request.options, isCautious: false))
    return request.options.json ? [try TaskJSON.text(answer)] : answer.lines
  }

  /// Who is on photos, by a gallery of people who are known: the lines to print, on the first rank.
  package static func answer(
    _ request: IdentifyRequest, over communicator: any Communicator
  ) throws -> [String] {
    let provider = try provider(request.options, over: communicator)
    let gallery = try provider.faces([request.gallery])
    let probes = try provider.faces(request.probes)
    guard let gallery, let probes else { return [] }
    let answer = IdentifyAnswer(
      probes, in: gallery, threshold: try provider.threshold(request.options, isCautious: true),
      top: request.top,
      neighbours: request.neighbours)
    return request.options.json ? [try TaskJSON.text(answer)] : answer.lines
  }

  /// Which photos show the same people: the lines to print, on the first rank, after the files that
  /// are asked for are written.
  package static func answer(
    _ request: ClusterRequest, over communicator: any Communicator
  ) throws -> [String] {
    let provider = try provider(request.options, over: communicator)
    guard let faces = try provider.faces([request.photos]) else { return [] }
    let answer = try ClusterAnswer(faces, request: request) {
      try provider.threshold(request.options, isCautious: true)
    }
    if let path = request.csv { try write(answer.table.csv, to: path) }
    if let path = request.html {
      let thumbnails = try faces.source.map { try Thumbnails($0) }
      let sheet = ClusterSheet(answer, title: "People in \(request.photos)") {
        thumbnails?.jpeg($0)
      }
      try write(sheet.render(), to: path)
    }
    return request.options.json ? [try TaskJSON.text(answer)] : answer.lines()
  }

  private static func provider(
    _ options: FaceOptions, over communicator: any Communicator
  ) throws -> any FaceProvider {
    switch options.source {
    case .checkpoint(let path):
      try CheckpointFaces(path: path, options: options, communicator: communicator)
    case .embeddings(let file, let names):
      try StoredFaces(file: file, names: names, communicator: communicator)
    }
  }

  /// Writes a text file whole or not at all; throws `RunFolderError.unwritable`.
  static func write(_ text: String, to path: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw RunFolderError.unwritable(path: path, code: errno)
    }
  }
}
