package import Collectives
package import Configuration
package import Datasets
internal import Interchange
internal import Scoring
internal import Sessions

/// What `ddp-train evaluate` is asked; nil members were not given and take the checkpoint's own.
package struct EvaluateRequest: Sendable, Equatable {
  /// Where embeddings come from.
  package enum Source: Sendable, Equatable {
    /// A checkpoint file, or a run folder (its newest good one), embeds photos.
    case checkpoint(String)
    /// Stored embeddings [N, D], with a file of their names where they have none themselves.
    case embeddings(file: String, names: String?)

    /// Whether photos are read, and aligned where there are points.
    package var alignsPhotos: Bool {
      switch self {
      case .checkpoint: true
      case .embeddings: false
      }
    }
  }

  /// What gives the embeddings that are measured.
  package var source: Source
  /// The photos to embed; always given with a checkpoint, never with stored embeddings.
  package var data: DataSource?
  /// Files of pairs to verify.
  package var pairs: [String] = []
  /// Which photos to measure, in place of `pairs`.
  package var split: DataSplit?
  /// The seed of a random split.
  package var splitSeed: UInt64?
  /// Photos that a person of the split has at least.
  package var minPhotos: Int?
  /// A list of photos and people of `data` to leave out; nil takes that of the run for its own
  /// photos.
  package var exclude: String?
  /// A file of five points a photo, by which faces are aligned; nil takes that of the run for its
  /// own photos.
  package var landmarks: String?
  /// Embeddings are summed with those of the mirrored photo.
  package var flipTest: Bool?
  /// The share of photos that may be unreadable; nil takes the checkpoint's own.
  package var maxBad: Double?
  /// In what numbers products are computed; nil takes the checkpoint's own.
  package var precision: Precision?
  /// Which weights of the checkpoint embed.
  package var weights = WeightsKind.raw
  /// Keeps the threshold that the evaluation chooses in the checkpoint.
  package var storesThreshold = false
  /// The false-accept rate of the threshold that is kept; nil keeps the most accurate one.
  package var thresholdFAR: Double?
  /// A file that divides people into subsets, each measured by itself.
  package var subsets: String?
  /// What says how good photos are: `norm`, or a CSV file with `:column`.
  package var quality: String?
  /// A page with curves, tables and the worst pairs to write.
  package var html: String?
  /// Compute threads of a rank; nil is its share of the host.
  package var threads: Int?
  /// Only figures on standard output.
  package var quiet: Bool

  /// Measures what `source` gives.
  package init(source: Source, quiet: Bool = false) {
    self.source = source
    self.quiet = quiet
  }
}

extension EvaluateRequest {
  /// What is read beside the photos of `data`.
  package var filesRead: [String] {
    pairs + [exclude, landmarks].compactMap(\.self)
      + [subsets, quality].compactMap { $0.map { TableColumn($0).file } }
  }

  /// Scores a checkpoint's embeddings of photos, or stored ones, prints the figures and writes the
  /// page that is asked for.
  package func run(over communicator: any Communicator) throws {
    try checkFiles()
    switch source {
    case .embeddings(let file, let names):
      guard communicator.rank == 0 else { return }
      try StoredEmbeddings(file: file, names: names).evaluate(self)
    case .checkpoint(let path):
      let session = try Session.start(
        communicator: communicator, threads: threads, quiet: quiet)
      try CheckpointNetwork.open(path, precision: precision, weights: weights, in: session)
        .evaluate(self)
    }
  }

  /// Throws `CommandFiles.Conflict` where the page would cost a file.
  private func checkFiles() throws {
    try CommandFiles.check { files in
      switch source {
      case .checkpoint(let path): files.read(path, as: "CHECKPOINT")
      case .embeddings(let file, let names):
        files.read(file, as: "--embeddings")
        files.read(names, as: "--names")
      }
      files.readData(data, as: "--data")
      for file in pairs { files.read(file, as: "--pairs") }
      files.read(exclude, as: "--exclude")
      files.read(landmarks, as: "--landmarks")
      files.read(subsets.map { TableColumn($0).file }, as: "--subsets")
      files.read(quality.map { TableColumn($0).file }, as: "--quality")
      files.write(html, as: "--html")
    }
  }
}
