internal import ArgumentParser
internal import EmbeddingFiles
private import Interchange
internal import Measuring

/// Embeddings that stand in a file, in the place of a checkpoint that would make them.
struct EmbeddingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Stored embeddings (.npz, .csv, .npy, .safetensors, .pt), in place of a checkpoint.",
      valueName: "file"),
    completion: .file(extensions: ["npy", "npz", "csv", "safetensors", "pt", "pth", "tar"]),
    transform: UserPath.read)
  var embeddings: String?

  @Option(
    help: ArgumentHelp(
      "Names of the rows, one a line or a column of a table, where the file has none itself.",
      valueName: "file.txt"),
    completion: .file(extensions: ["txt", "csv", "tsv"]),
    transform: UserPath.read)
  var names: String?

  /// Throws `ValidationError` for names without embeddings, and the other way round where a file of
  /// that form has none itself.
  func check() throws {
    guard let embeddings else {
      if names != nil { throw ValidationError("--names belongs to --embeddings") }
      return
    }
    switch EmbeddingFile(path: embeddings) {
    case .csv:
      if names != nil { throw ValidationError("--names: \(embeddings) has its own; remove it") }
    case .npy:
      guard names != nil else {
        throw ValidationError(
          "--embeddings \(embeddings) needs --names FILE.txt: the file has no names of its rows")
      }
    // These may have names in them.
    case .npz, nil: break
    }
  }
}
