internal import Checkpoints
package import Collectives
package import Configuration
package import EmbeddingFiles
internal import Interchange
package import RawPhotos
internal import Scoring
internal import Sessions

/// What `ddp-train embed` is asked.
package struct EmbedRequest: Sendable, Equatable {
  /// A checkpoint file, or a run folder (its newest good one).
  package var checkpoint: String
  /// The photos to embed.
  package var data: DataSource
  /// The embeddings [N, D] to write, `FILE.npy`, `.npz` or `.csv`; nil where they stay in memory.
  package var out: String?
  /// A list of photos and people of `data` to leave out; nil embeds all, whatever the run had.
  package var exclude: String?
  /// Five points a photo; nil takes those of the run for its own photos, and others as they are.
  package var landmarks: String?
  /// How faces are found on photos as a camera takes them; nil takes photos by `landmarks`.
  package var search: FaceSearch?
  /// Embeddings are summed with those of the mirrored photo.
  package var flipTest: Bool?
  /// The share of photos that may be unreadable; nil takes the checkpoint's own.
  package var maxBad: Double?
  /// In what numbers products are computed; nil takes the checkpoint's own.
  package var precision: Precision?
  /// Which weights of the checkpoint embed.
  package var weights = WeightsKind.raw
  /// Behind all rows those of the mirrored photos, called as `MirroredName` has it.
  package var writesMirrored = false
  /// With the rows also the several centres of the people of the loss, which must have them.
  package var takesCentres = false
  /// In what numbers the file holds the embeddings.
  package var numbers = StoredNumbers.float32
  /// Compute threads of a rank; nil is its share of the host.
  package var threads: Int?
  /// Nothing on standard output.
  package var quiet: Bool

  /// Embeds `data` by `checkpoint` into the file `out`, or without one into memory alone.
  package init(checkpoint: String, data: DataSource, out: String? = nil, quiet: Bool = false) {
    self.checkpoint = checkpoint
    self.data = data
    self.out = out
    self.quiet = quiet
  }
}

extension EmbedRequest {
  /// The embeddings of all photos and their names, on the first rank; writes them into `out`, where
  /// that is given. Throws what is wrong with the files.
  @discardableResult package func run(over communicator: any Communicator) throws -> EmbeddedRows? {
    try checkFiles()
    let session = try Session.start(
      communicator: communicator, threads: threads, quiet: quiet)
    return try CheckpointNetwork.open(
      checkpoint, precision: precision, weights: weights, needsHead: takesCentres, in: session
    ).embed(self)
  }

  /// Whether `path` is a folder or a file that says it is a checkpoint: what can embed photos.
  package static func mayEmbed(_ path: String) -> Bool { CheckpointStore.mayMeanCheckpoint(path) }

  /// Throws `CommandFiles.Conflict` where the embeddings or their names would cost a file.
  private func checkFiles() throws {
    try CommandFiles.check { files in
      files.read(checkpoint, as: "CHECKPOINT")
      files.readData(data, as: "--data")
      files.read(exclude, as: "--exclude")
      files.read(landmarks, as: "--landmarks")
      for file in search?.filesRead ?? [] { files.read(file, as: "--detector") }
      files.write(out, as: "--out")
      if let out, let names = EmbeddingFile(path: out)?.namesPath(beside: out) {
        files.write(names, beside: out, as: "--out")
      }
    }
  }
}
