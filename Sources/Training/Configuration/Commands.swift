package import Datasets

/// What `ddp-train evaluate` is asked; nil members were not given and take the checkpoint's own.
package struct EvaluateRequest: Sendable, Equatable {
  /// Where embeddings come from.
  package enum Source: Sendable, Equatable {
    /// A checkpoint file, or a run folder (its newest good one), embeds photos.
    case checkpoint(String)
    /// Stored embeddings [N, D], with a file of their names where they have none themselves.
    case embeddings(file: String, names: String?)
  }

  package var source: Source
  /// The photos to embed; always given with a checkpoint, never with stored embeddings.
  package var data: DataSource?
  /// Files of pairs to verify.
  package var pairs: [String] = []
  /// Which photos to measure, in place of `pairs`.
  package var split: DataSplit?
  package var splitSeed: UInt64?
  package var minPhotos: Int?
  package var landmarks: String?
  /// Embeddings are summed with those of the mirrored photo.
  package var flipTest: Bool?
  /// Keeps the threshold that the evaluation chooses in the checkpoint.
  package var storesThreshold = false
  package var threads: Int?
  /// Only figures on standard output.
  package var quiet: Bool

  package init(source: Source, quiet: Bool = false) {
    self.source = source
    self.quiet = quiet
  }
}

/// What `ddp-train embed` is asked.
package struct EmbedRequest: Sendable, Equatable {
  /// A checkpoint file, or a run folder (its newest good one).
  package var checkpoint: String
  package var data: DataSource
  /// The embeddings [N, D] to write, `FILE.npy`, `.npz` or `.csv`.
  package var out: String
  package var landmarks: String?
  /// Embeddings are summed with those of the mirrored photo.
  package var flipTest: Bool?
  /// One byte a number (`Embeddings.quantized`) in place of a float.
  package var writesBytes = false
  package var threads: Int?
  /// Nothing on standard output.
  package var quiet: Bool

  package init(checkpoint: String, data: DataSource, out: String, quiet: Bool = false) {
    self.checkpoint = checkpoint
    self.data = data
    self.out = out
    self.quiet = quiet
  }
}

/// What `ddp-train inspect` is asked.
package struct InspectRequest: Sendable, Equatable {
  /// A checkpoint file, or a run folder (its newest good one).
  package var checkpoint: String

  package init(checkpoint: String) { self.checkpoint = checkpoint }
}

/// What `ddp-train synthesize` is asked.
package struct SynthesizeRequest: Sendable, Equatable {
  /// The image folder to write, `OUT/person/photo.jpg`.
  package var out: String
  package var faces: SyntheticData
  package var seed: UInt64

  package init(out: String, faces: SyntheticData, seed: UInt64) {
    self.out = out
    self.faces = faces
    self.seed = seed
  }
}

extension DataSource {
  /// The source that the text of `--data` means; throws `ConfigurationError`.
  package init(argument: String) throws {
    self = try ValueForm<DataSource>.data.parse(argument)
  }
}

extension EvaluateRequest {
  /// The split that the text of `--split` means; throws `ConfigurationError`.
  package static func split(argument: String) throws -> DataSplit {
    try ValueForm<DataSplit>.split.parse(argument)
  }
}
