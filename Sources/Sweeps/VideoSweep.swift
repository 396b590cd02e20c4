internal import Collectives
internal import Configuration
internal import Datasets
internal import Evaluation
internal import Foundation
internal import Inputs
internal import Measuring
internal import Networks
internal import Scoring
internal import Sessions

/// Verification of videos: folders of frames, compared by the mean squared distance over all pairs
/// of their first frames (FaceNet, section 5.7; YouTube Faces).
///
/// The data is `person/video/frame.jpg`; frames are in the order of their names.
struct VideoSweep {
  private let request: SweepRequest
  private let network: CheckpointNetwork
  private let videos: [(name: String, person: Int, frames: [Int])]
  private let pairs: VerificationPairs
  private let opened: OpenedPhotos

  init(_ request: SweepRequest, network: CheckpointNetwork) throws {
    self.request = request
    self.network = network
    opened = try OpenedPhotos.open(
      request.evaluation.data ?? network.configuration.data,
      besides: request.evaluation.filesRead, excluding: request.evaluation.exclude,
      seed: network.configuration.seed, communicator: network.session.communicator,
      pool: network.session.pool, work: network.session.work)
    opened.notes.tell(network.session.console)
    let index = opened.index
    var frames = [[Int]](repeating: [], count: index.people.count)
    for (photo, facts) in index.photos.enumerated() { frames[facts.person].append(photo) }
    var people: [String: Int] = [:]
    let videos = index.people.enumerated().map { video, name in
      // A video's person is the folder above it.
      let person = name.lastIndex(of: "/").map { String(name[..<$0]) } ?? name
      if people[person] == nil { people[person] = people.count }
      return (name: name, person: people[person]!, frames: frames[video])
    }
    self.videos = videos
    let names = videos.map(\.name)
    let chosen = try request.evaluation.pairs.first.map { try Self.read($0, videos: names) }
    pairs =
      chosen
      ?? VerificationPairs.generated(
        labels: videos.map(\.person), limit: 5000,
        seed: request.evaluation.splitSeed ?? network.configuration.splitSeed)
    guard pairs.sameCount > 0, pairs.sameCount < pairs.pairs.count else {
      throw SweepError.noPairs
    }
    network.session.console.say(
      "\(opened.name): \(index.photos.count) frames, \(videos.count) videos of \(people.count) people"
    )
  }

  /// Lines of `fold, video, video, 0 or 1`; folds count from 1, 1 is one person, the first line may
  /// hold titles. Throws `SweepError.badVideoPairs`.
  static func read(_ path: String, videos: [String]) throws -> VerificationPairs {
    let places = Dictionary(
      videos.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var pairs: [VerificationPairs.Pair] = []
    var folds = 0
    for (number, line) in try FileReader.lines(of: path).enumerated() {
      let fields = line.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      if fields.allSatisfy(\.isEmpty) { continue }
      let given = fields.first.flatMap { Int($0) }
      if given == nil, number == 0 { continue }
      func bad(_ reason: String) -> SweepError {
        .badVideoPairs(path: path, line: number + 1, reason: reason)
      }
      guard let fold = given, fields.count == 4, fold > 0, fold <= 1000,
        ["0", "1"].contains(fields[3])
      else {
        throw bad("is not 'fold, video, video, 0 or 1'")
      }
      guard let first = places[fields[1]], let second = places[fields[2]] else {
        throw bad("names a video that is not in the data")
      }
      folds = max(folds, fold)
      pairs.append(
        .init(first: first, second: second, isSame: fields[3] == "1", fold: fold - 1))
    }
    return VerificationPairs(pairs: pairs, foldCount: max(1, folds), foldRule: "folds of \(path)")
  }

  /// A row for each number of frames, on the first rank.
  func run() throws -> SweepTable {
    let counts = try (request.values.isEmpty ? [1, 10, 100] : request.values).map { value in
      guard value >= 1, value == value.rounded(), value < 1e9 else {
        throw SweepError.badValue(value, reason: "a number of frames is whole and positive")
      }
      return Int(value)
    }
    let used = Set(pairs.photoIndices)
    let limit = counts.max() ?? 1
    var photos: [Int] = []
    var places = [Range<Int>](repeating: 0..<0, count: videos.count)
    for video in used.sorted() {
      let frames = videos[video].frames.prefix(limit)
      places[video] = photos.count..<photos.count + frames.count
      photos += frames
    }
    var configuration = network.configuration
    configuration.landmarks = network.landmarks(
      for: request.evaluation.data ?? configuration.data, given: request.evaluation.landmarks)
    let embeddings = try network.embeddings(
      of: photos, in: opened.source,
      preprocessing: Preprocessing(configuration, index: opened.index),
      flip: request.evaluation.flipTest ?? configuration.flipTest,
      badLimit: request.evaluation.maxBad ?? configuration.maxBad
    ).embeddings
    var table = SweepTable("frames")
    guard let embeddings else { return table }
    for count in counts {
      let sets = places.map { FrameSet(embeddings, rows: $0.prefix(count)) }
      let distances = pairs.pairs.map { sets[$0.first].meanSquaredDistance(to: sets[$0.second]) }
      table.append("\(count)", Verification(distances: distances, pairs: pairs))
    }
    return table
  }
}
