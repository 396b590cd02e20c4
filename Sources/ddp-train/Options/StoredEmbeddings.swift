internal import ArgumentParser

/// Embeddings that stand in a file, in the place of a checkpoint that would make them.
struct StoredEmbeddings: ParsableArguments {
  @Option(
    help: ArgumentHelp("Stored embeddings, in place of a checkpoint.", valueName: "file.npy"),
    completion: .file(extensions: ["npy"]))
  var embeddings: String?

  @Option(
    help: ArgumentHelp("Names of the embeddings, one a line.", valueName: "file.txt"),
    completion: .file(extensions: ["txt"]))
  var names: String?
}
