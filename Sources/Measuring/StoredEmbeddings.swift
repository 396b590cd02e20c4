internal import Datasets
package import Evaluation
internal import Inputs
internal import Kernels
internal import Sessions

/// Embeddings that some program has stored, with their names.
package struct StoredEmbeddings {
  /// One row a name.
  package let embeddings: Embeddings
  /// What each row is of, as the file says.
  package let names: [String]

  /// Reads a file that `embed` writes; `names` is a file of names, one a line, for those that have
  /// none themselves. What is passed over is told on standard error unless `isQuiet`. Throws what
  /// is wrong.
  package init(file: String, names: String?, isQuiet: Bool = false) throws {
    func tell(_ note: String) {
      if !isQuiet { StandardOutput.complain("ddp-train: note: \(note)") }
    }
    let (all, called) = try EmbeddingFile.read(file, names: names, tell: tell)
    let rows = NamedRows(all, names: called)
    for note in rows.notes { tell("\(file): \(note)") }
    (embeddings, self.names) = (rows.embeddings, rows.names)
  }

  /// Scores the pairs of each file and prints the figures.
  func evaluate(pairs files: [String]) throws {
    guard !files.isEmpty else { throw EvaluationFailure.noPairs }
    for file in files { try evaluate(file, prefix: files.count > 1 ? "\(file) " : "") }
  }

  private func evaluate(_ pairs: String, prefix: String) throws {
    guard !EvaluationSet.bringsPhotos(pairs) else {
      throw EvaluationFailure.photosBesideEmbeddings(path: pairs)
    }
    BLASRuntime.configureSingleThread()
    let file = try PairsFile(parsing: FileReader.text(of: pairs), file: pairs)
    let resolved = file.resolved(against: names)
    guard !resolved.pairs.isEmpty else {
      throw DatasetError.badOption(
        name: "--pairs", text: pairs,
        reason: "none of its pairs is among the names"
          + (resolved.skipped.first.map { ": \($0)" } ?? ""))
    }
    for skipped in resolved.skipped.prefix(20) {
      StandardOutput.print("\(prefix)skipped: \(skipped)")
    }
    if resolved.skipped.count > 20 {
      StandardOutput.print("\(prefix)skipped: \(resolved.skipped.count) pairs in all")
    }
    let result = EvaluationResult(embeddings: embeddings, pairs: resolved)
    for rule in result.rules { StandardOutput.print(prefix + rule) }
    for line in result.lines { StandardOutput.print(prefix + line) }
    for warning in result.warnings { StandardOutput.print("\(prefix)warning: \(warning)") }
  }
}
