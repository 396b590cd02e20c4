internal import Datasets
internal import Evaluation
private import Foundation
private import Interchange
private import Kernels

/// Embeddings that some program has stored, with their names.
struct StoredEmbeddings {
  let embeddings: Embeddings
  let names: [String]

  /// Reads `FILE.npy` [photos, dimension] and the names, one a line; throws what is wrong.
  init(file: String, names namesPath: String) throws {
    let contents = try NumPyFile.read(file)
    guard contents.shape.count == 2 else {
      throw EvaluationFailure.notTwoDimensional(path: file, shape: contents.shape)
    }
    guard let bytes = FileManager.default.contents(atPath: namesPath) else {
      throw DatasetError.unreadable(path: namesPath, reason: "no such file, or no permission")
    }
    names = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).map(
      String.init)
    guard names.count == contents.shape[0] else {
      throw EvaluationFailure.namesAndRows(names: names.count, rows: contents.shape[0])
    }
    embeddings = Embeddings(contents.values, dimension: contents.shape[1])
  }

  /// Scores the pairs of the file and prints the figures.
  func evaluate(pairs: String?) throws {
    guard let pairs else { throw EvaluationFailure.noPairs }
    guard let bytes = FileManager.default.contents(atPath: pairs) else {
      throw DatasetError.unreadable(path: pairs, reason: "no such file, or no permission")
    }
    BLASRuntime.configureSingleThread()
    let file = try PairsFile(parsing: String(decoding: bytes, as: UTF8.self), file: pairs)
    let resolved = file.resolved(against: names)
    guard !resolved.pairs.isEmpty else {
      throw DatasetError.badOption(
        name: "--pairs", text: pairs, reason: "none of its photos is in --names")
    }
    for skipped in resolved.skipped.prefix(20) { print("skipped: \(skipped)") }
    let result = EvaluationResult(embeddings: embeddings, pairs: resolved)
    for rule in result.rules { print(rule) }
    for line in result.lines { print(line) }
  }
}
