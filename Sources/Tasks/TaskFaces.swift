internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Evaluation
internal import Kernels
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
  /// The photos themselves; nil for stored embeddings.
  let source: (any PhotoSource)?

  /// Throws `TaskError.badPhoto` for the first one.
  func requireSound() throws {
    guard let first = bad.min(by: { $0.key < $1.key }) else { return }
    throw TaskError.badPhoto(path: names[first.key], reason: first.value)
  }
}

/// What turns the words of a command line into faces.
protocol FaceProvider: AnyObject {
  /// The threshold that belongs to the network; nil where none does.
  var ownThreshold: DecisionThreshold? { get }
  /// What to name where a threshold is missing.
  var checkpointPath: String? { get }
  /// The faces that `arguments` name, on the first rank; nil on the others. Every rank calls it as
  /// often as every other.
  func faces(_ arguments: [String]) throws -> TaskFaces?
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

  init(path: String, options: FaceOptions, communicator: any Communicator) throws {
    self.options = options
    let session = try Session.start(
      communicator: communicator, threads: options.threads, quiet: options.json)
    network = try CheckpointNetwork.open(path, in: session)
    if network.configuration.landmarks != nil, options.landmarks == nil {
      session.console.warn(
        "the network was trained on aligned faces; without --landmarks it sees these as they are")
    }
  }

  var ownThreshold: DecisionThreshold? { network.checkpoint.progress.threshold }
  var checkpointPath: String? { network.checkpoint.path }

  func faces(_ arguments: [String]) throws -> TaskFaces? {
    let list = try PhotoList(arguments)
    for notes in list.notes { notes.tell(network.session.console) }
    var configuration = network.configuration
    configuration.landmarks = options.landmarks
    let (embeddings, bad) = try network.embeddings(
      of: Array(list.names.indices), in: list.source,
      preprocessing: try Preprocessing(configuration, index: list.index),
      flip: options.flipTest ?? ownThreshold?.flipTest ?? configuration.flipTest, badLimit: 1)
    guard let embeddings else { return nil }
    return TaskFaces(
      names: list.names, people: list.people, embeddings: embeddings,
      bad: Dictionary(uniqueKeysWithValues: bad.map { ($0.photo, $0.reason) }),
      source: list.source)
  }
}

/// Finds embeddings that some program has stored by their names, on the first rank.
final class StoredFaces: FaceProvider {
  private let stored: StoredEmbeddings
  private let namesPath: String
  private let isFirst: Bool

  init(file: String, names: String?, communicator: any Communicator) throws {
    BLASRuntime.configureSingleThread()
    stored = try StoredEmbeddings(file: file, names: names)
    namesPath = names ?? file
    isFirst = communicator.rank == 0
  }

  var ownThreshold: DecisionThreshold? { nil }
  var checkpointPath: String? { nil }

  /// A name means its row; a folder (or nothing) means the rows whose names lie below it.
  func faces(_ arguments: [String]) throws -> TaskFaces? {
    guard isFirst else { return nil }
    var names: [String] = []
    var people: [String?] = []
    var values: [Float] = []
    let dimension = stored.embeddings.dimension
    for argument in arguments {
      var found = false
      var folder = argument
      while folder.hasSuffix("/") { folder.removeLast() }
      let prefix = folder.isEmpty || folder == "." ? "" : folder + "/"
      for (row, name) in stored.names.enumerated() {
        let isRow = name == argument
        guard isRow || name.hasPrefix(prefix) else { continue }
        found = true
        let rest = name.dropFirst(prefix.count)
        let person = rest.lastIndex(of: "/").map { String(rest[..<$0]) }
        names.append(isRow ? name : String(rest))
        people.append(isRow ? nil : person)
        values += stored.embeddings.values[row * dimension..<(row + 1) * dimension]
      }
      guard found else { throw TaskError.noSuchName(argument, file: namesPath) }
    }
    return TaskFaces(
      names: names, people: people, embeddings: Embeddings(values, dimension: dimension), bad: [:],
      source: nil)
  }
}
