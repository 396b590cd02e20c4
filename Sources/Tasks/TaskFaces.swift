internal import CheckpointParts
internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Evaluation
internal import Inputs
internal import Interchange
internal import Kernels
internal import Measuring
internal import RawPhotos
internal import Scoring
internal import Sessions

/// The faces that a task compares.
struct TaskFaces {
  let names: [String]
  /// Who is on each, where folders tell.
  let people: [String?]
  /// [names.count, dimension]; NaN for bad photos.
  let embeddings: Embeddings
  /// Why photos are bad, by their place in `names`.
  let bad: [Int: String]
  /// What tells one photo from all others, wherever it was named: its file, or its row.
  let origins: [String]
  /// The photos themselves; nil for stored embeddings.
  let source: (any PhotoSource)?

  /// Throws `TaskError.badPhoto` for the first one.
  func requireSound() throws {
    guard let first = bad.min(by: { $0.key < $1.key }) else { return }
    throw TaskError.badPhoto(path: names[first.key], reason: first.value)
  }

  /// The places of the photos that can be compared.
  var sound: [Int] { names.indices.filter { bad[$0] == nil } }

  /// The faces at `places`, all of them sound.
  func kept(_ places: [Int]) -> TaskFaces {
    let dimension = embeddings.dimension
    let values = places.flatMap {
      embeddings.values[$0 * dimension..<($0 + 1) * dimension]
    }
    return TaskFaces(
      names: places.map { names[$0] }, people: places.map { people[$0] },
      embeddings: Embeddings(values, dimension: dimension), bad: [:],
      origins: places.map { origins[$0] }, source: source)
  }

  /// The photos that cannot be compared, with the reasons.
  var unreadable: [UnreadablePhoto] {
    bad.sorted { $0.key < $1.key }.map { UnreadablePhoto(photo: names[$0.key], reason: $0.value) }
  }
}

/// A photo that nothing can be said of.
struct UnreadablePhoto: Encodable, Equatable {
  let photo: String
  let reason: String

  /// A line for each of the first of `photos`, then how many there are.
  static func lines(_ photos: [UnreadablePhoto]) -> [String] {
    var lines = photos.prefix(20).map { "unreadable: \($0.photo): \($0.reason)" }
    if photos.count > 20 { lines.append("unreadable: \(photos.count) photos in all") }
    return lines
  }
}

/// What turns the words of a command line into faces.
protocol FaceProvider: AnyObject {
  /// The threshold that belongs to the network; nil where none does.
  var ownThreshold: DecisionThreshold? { get }
  /// What to name where a threshold is missing.
  var checkpointPath: String? { get }
  /// The faces that `arguments` name, on the first rank; nil on the others. Every rank calls it as
  /// often as every other. With `oneEach` an argument that means several photos is an error,
  /// `TaskError.severalPhotos`.
  func faces(_ arguments: [String], oneEach: Bool) throws -> TaskFaces?
}

/// A distance that a task decides by, and where it is from.
struct ChosenThreshold {
  let value: Double
  /// The value and how it was chosen.
  let text: String
}

extension FaceProvider {
  /// The threshold to decide by, the checkpoint's for two photos or, with `isCautious`, for many;
  /// throws `TaskError.noThreshold`.
  func threshold(_ options: FaceOptions, isCautious: Bool) throws -> ChosenThreshold {
    if let given = options.threshold {
      return ChosenThreshold(
        value: given, text: Figure.text(given, digits: 4) + ", given by --threshold")
    }
    guard let own = ownThreshold else { throw TaskError.noThreshold(checkpoint: checkpointPath) }
    return isCautious
      ? ChosenThreshold(value: own.cautiousValue, text: own.cautiousText)
      : ChosenThreshold(value: own.value, text: own.pairText)
  }
}

/// Embeds photos by a checkpoint, on all ranks.
final class CheckpointFaces: FaceProvider {
  private let network: CheckpointNetwork
  private let options: FaceOptions
  /// What was named before, where landmarks are looked for by names.
  private var listed: [ArgumentPhotos] = []

  init(path: String, options: FaceOptions, communicator: any Communicator) throws {
    self.options = options
    let session = try Session.start(
      communicator: communicator, threads: options.threads, quiet: options.json)
    network = try CheckpointNetwork.open(path, precision: options.precision, in: session)
    if network.configuration.landmarks != nil, options.landmarks == nil, options.search == nil {
      session.console.warn(
        "the network was trained on aligned faces; without --landmarks or --detector it sees these "
          + "as they are")
    }
  }

  var ownThreshold: DecisionThreshold? { network.checkpoint.progress.threshold }
  var checkpointPath: String? { network.checkpoint.path }

  func faces(_ arguments: [String], oneEach: Bool) throws -> TaskFaces? {
    let list = try network.session.work.run("listing photos", unit: "photos") {
      try ArgumentPhotos(
        arguments, besides: self.options.filesRead, oneEach: oneEach, meter: $0)
    }
    for notes in list.notes { notes.tell(network.session.console) }
    let (source, preprocessing) = try samples(of: list)
    let (embeddings, bad) = try network.embeddings(
      of: Array(list.names.indices), in: source, preprocessing: preprocessing,
      flip: options.flipTest ?? ownThreshold?.flipTest ?? network.configuration.flipTest,
      badLimit: 1)
    guard let embeddings else { return nil }
    return TaskFaces(
      names: list.names, people: list.people, embeddings: embeddings,
      bad: Dictionary(uniqueKeysWithValues: bad.map { ($0.photo, $0.reason) }),
      origins: list.origins, source: source)
  }

  /// Where the bytes of the photos of `list` come from, and how they become samples: as they are,
  /// by landmarks, or by the faces that a detector finds on them.
  private func samples(
    of list: ArgumentPhotos
  ) throws -> (source: any PhotoSource, preprocessing: Preprocessing) {
    if let search = options.search {
      let faces = try AlignedFaces.find(
        search, on: list.source, size: network.configuration.imageSize, in: network.session)
      // Those without a face are named among the photos that cannot be compared.
      faces.tell(network.session.console, namesFaceless: false)
      return (faces, try Preprocessing(aligned: network.configuration))
    }
    var configuration = network.configuration
    configuration.landmarks = options.landmarks
    defer { if options.landmarks != nil { listed.append(list) } }
    return (
      list.source, try Preprocessing(configuration, index: list.index(beside: listed))
    )
  }
}

/// Finds embeddings that some program has stored by their names, on the first rank.
final class StoredFaces: FaceProvider {
  private let stored: StoredEmbeddings
  private lazy var lookup = PhotoLookup(stored.names)
  private let namesPath: String
  private let isFirst: Bool

  init(file: String, names: String?, communicator: any Communicator) throws {
    BLASRuntime.configureSingleThread()
    isFirst = communicator.rank == 0
    stored = try StoredEmbeddings(file: file, names: names, isQuiet: !isFirst)
    namesPath = names ?? file
  }

  var ownThreshold: DecisionThreshold? { nil }
  var checkpointPath: String? { nil }

  /// A name means its row, of which there must be one; a folder (or nothing) means the rows whose
  /// names lie below it; other names mean what they mean in lists of pairs.
  func faces(_ arguments: [String], oneEach: Bool) throws -> TaskFaces? {
    guard isFirst else { return nil }
    var names: [String] = []
    var people: [String?] = []
    var values: [Float] = []
    var bad: [Int: String] = [:]
    var origins: [String] = []
    let dimension = stored.embeddings.dimension
    for argument in arguments {
      let (rows, prefix) = try self.rows(of: argument)
      if oneEach, rows.count > 1 {
        throw TaskError.severalPhotos(argument, names: rows.map { stored.names[$0] })
      }
      for row in rows {
        let rest = String(stored.names[row].dropFirst(prefix?.count ?? 0))
        if let reason = reason(against: row) { bad[names.count] = reason }
        names.append(rest)
        origins.append("\(row)")
        people.append(
          prefix == nil ? nil : rest.lastIndex(of: "/").map { String(rest[..<$0]) })
        values += stored.embeddings.values[row * dimension..<(row + 1) * dimension]
      }
    }
    return TaskFaces(
      names: names, people: people, embeddings: Embeddings(values, dimension: dimension),
      bad: bad, origins: origins, source: nil)
  }

  /// The rows that `argument` means, and what stands before their names where it is a folder.
  private func rows(of argument: String) throws -> (rows: [Int], prefix: String?) {
    let exact = stored.names.indices.filter { stored.names[$0] == argument }
    if exact.count == 1 { return (exact, nil) }
    if exact.isEmpty {
      var folder = argument
      while folder.hasSuffix("/") { folder.removeLast() }
      let prefix = folder.isEmpty || folder == "." ? "" : folder + "/"
      let below = stored.names.indices.filter { stored.names[$0].hasPrefix(prefix) }
      if !below.isEmpty { return (below, prefix) }
      switch lookup.find(argument) {
      case .one(let row): return ([row], nil)
      case .none: throw TaskError.noSuchName(argument, file: namesPath)
      case .several(let rows):
        throw TaskError.severalPhotos(argument, names: rows.map { stored.names[$0] })
      }
    }
    throw TaskError.nameOfSeveral(argument, rows: exact.map { $0 + 1 }, file: namesPath)
  }

  /// Why the embedding of a row says nothing; nil where it does.
  private func reason(against row: Int) -> String? {
    let norm = stored.embeddings.norms[row]
    if !norm.isFinite { return "row \(row + 1) of its embeddings holds a NaN or an infinity" }
    return norm == 0 ? "row \(row + 1) of its embeddings is zero" : nil
  }
}
