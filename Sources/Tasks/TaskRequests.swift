package import Configuration
package import Measuring
package import RawPhotos

/// What the commands that compare faces have in common.
package struct FaceOptions: Sendable, Equatable {
  /// What gives the embeddings.
  package var source: EvaluateRequest.Source
  /// In place of the checkpoint's own: squared L2 between normalised embeddings, 0...4.
  package var threshold: Double?
  /// Five points a photo, by which faces are aligned.
  package var landmarks: String?
  /// How faces are found on photos as a camera takes them; nil takes photos by `landmarks`.
  package var search: FaceSearch?
  /// Embeddings are summed with those of the mirrored photo; nil as the threshold was chosen.
  package var flipTest: Bool?
  /// In what numbers products are computed; nil takes the checkpoint's own.
  package var precision: Precision?
  /// Compute threads of a rank; nil is its share of the host.
  package var threads: Int?
  /// JSON on standard output, and nothing else.
  package var json = false

  /// Faces by what `source` gives.
  package init(source: EvaluateRequest.Source) { self.source = source }

  /// What is read beside the photos.
  var filesRead: [String] { [landmarks].compactMap(\.self) + (search?.filesRead ?? []) }
}

/// What `ddp-train verify` is asked: do two photos show one person?
package struct VerifyRequest: Sendable, Equatable {
  /// How faces become embeddings, and what decides.
  package var options: FaceOptions
  /// The path of one photo, or its name among stored embeddings.
  package var first: String
  /// The other one.
  package var second: String

  /// Compares the photos `first` and `second`.
  package init(_ options: FaceOptions, first: String, second: String) {
    self.options = options
    self.first = first
    self.second = second
  }
}

/// What `ddp-train identify` is asked: who are the people on these photos?
package struct IdentifyRequest: Sendable, Equatable {
  /// How faces become embeddings, and what decides.
  package var options: FaceOptions
  /// The folder of the people who are known.
  package var gallery: String
  /// Photos, and folders of them.
  package var probes: [String]
  /// Nearest photos of the gallery to show for each probe.
  package var top = 3
  /// Nearest photos that decide, by majority.
  package var neighbours = 1

  /// Looks for the people of `probes` in the folder `gallery`.
  package init(_ options: FaceOptions, gallery: String, probes: [String]) {
    self.options = options
    self.gallery = gallery
    self.probes = probes
  }
}

/// How `ddp-train cluster` finds clusters.
package enum ClusterMethod: String, Sendable, CaseIterable {
  case averageLinkage = "average-linkage"
  case kMeans = "k-means"
}

/// What `ddp-train cluster` is asked: which photos show the same people?
package struct ClusterRequest: Sendable, Equatable {
  /// How faces become embeddings, and what decides.
  package var options: FaceOptions
  /// A folder of photos; among stored embeddings the beginning of names, empty for all.
  package var photos: String
  /// How clusters are found.
  package var method = ClusterMethod.averageLinkage
  /// How many clusters to make; nil lets the threshold decide.
  package var clusterCount: Int?
  /// Of k-means.
  package var seed: UInt64 = 1
  /// The picture sheet to write.
  package var html: String?
  /// The list of photos with their clusters to write.
  package var csv: String?

  /// Clusters the photos of the folder `photos`.
  package init(_ options: FaceOptions, photos: String) {
    self.options = options
    self.photos = photos
  }
}

/// What a task prints on the first rank, and whether it could use every photo.
package struct TaskAnswer: Sendable {
  /// What the first rank prints.
  package var lines: [String]
  /// Whether every photo could be used.
  package var isGood: Bool

  /// What the first rank prints, and whether every photo could be used.
  package init(lines: [String], isGood: Bool) {
    self.lines = lines
    self.isGood = isGood
  }

  /// What ranks behind the first print.
  static let silence = TaskAnswer(lines: [], isGood: true)
}

/// What makes a task impossible.
enum TaskError: Error, CustomStringConvertible {
  case noThreshold(checkpoint: String?)
  case badPhoto(path: String, reason: String)
  case severalPhotos(String, names: [String])
  case nameOfSeveral(String, rows: [Int], file: String)
  case noSoundPhoto(String)
  case noSuchName(String, file: String)
  case tooManyToCluster(count: Int, neededBytes: Int, physicalBytes: Int)
  case needsClusterCount

  var description: String {
    switch self {
    case .noThreshold(let checkpoint?):
      "\(checkpoint) holds no threshold, as none of its evaluations verified pairs; give "
        + "--threshold T, or let ddp-train evaluate choose one with --store-threshold"
    case .noThreshold(nil): "stored embeddings have no threshold of their own; give --threshold T"
    case .badPhoto(let path, let reason): "\(path) cannot be compared: \(reason)"
    case .severalPhotos(let argument, let names):
      "'\(argument)' is \(names.count) photos (\(names.prefix(3).joined(separator: ", "))"
        + (names.count > 3 ? ", ..." : "") + "); give one photo"
    case .nameOfSeveral(let name, let rows, let file):
      "\(file) has '\(name)' \(rows.count) times, in lines "
        + rows.prefix(5).map(String.init).joined(separator: ", ")
        + "; give every photo a name of its own"
    case .noSoundPhoto(let argument):
      "none of the photos of '\(argument)' can be compared; ddp-train check says what is wrong"
    case .noSuchName(let name, let file):
      "\(file) has no '\(name)' and nothing below a folder of that name; give names as they stand there"
    case .tooManyToCluster(let count, let needed, let physical):
      "average linkage of \(count) photos needs \(needed >> 20) MiB for their distances, this host "
        + "has \(physical >> 20) MiB; use --method k-means, or fewer photos"
    case .needsClusterCount: "--method k-means needs --clusters N"
    }
  }
}
