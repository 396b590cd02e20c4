internal import ArgumentParser
private import Interchange
internal import Measuring

/// Embeddings that stand in a file, in the place of a checkpoint that would make them.
struct EmbeddingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Stored embeddings (.npz, .csv, .npy, .safetensors), in place of a checkpoint.",
      valueName: "file"), completion: .file(extensions: ["npy", "npz", "csv", "safetensors"]),
    transform: UserPath.read)
  var embeddings: String?

  @Option(
    help: ArgumentHelp(
      "Names of the rows of a .npy or .safetensors file, one a line.", valueName: "file.txt"),
    completion: .file(extensions: ["txt"]),
    transform: UserPath.read)
  var names: String?

  /// Throws `ValidationError` for names without embeddings, and the other way round where the file
  /// has none itself.
  func check() throws {
    guard let embeddings else {
      if names != nil { throw ValidationError("--names belongs to --embeddings") }
      return
    }
    switch EmbeddingFile(path: embeddings) {
    case .npz, .csv:
      if names != nil { throw ValidationError("--names: \(embeddings) has its own; remove it") }
    case .npy, nil:
      if names == nil { throw ValidationError("--embeddings FILE.npy needs --names FILE.txt") }
    }
  }
}
