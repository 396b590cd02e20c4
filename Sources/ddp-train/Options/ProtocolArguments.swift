internal import ArgumentParser
internal import Configuration
private import Interchange
internal import Measuring
internal import Protocols

/// The options that the commands of published protocols share.
struct ProtocolArguments: ParsableArguments {
  @OptionGroup var stored: EmbeddingArguments

  @Flag(
    inversion: .prefixedNo,
    help: "Sum the embeddings of each photo and its mirror image (the protocol's own way).")
  var flipTest: Bool?

  @Option(as: \.maxBad) var maxBad: Double?

  @Option(as: \.precision, NetworkArguments.precisionSentence) var precision: Precision?

  @Option(as: \.threads) var threads: Int?

  func validate() throws { try stored.check() }

  /// The options and the folder that `words` name: a checkpoint first, where embeddings are not
  /// stored. Throws `ValidationError` for another number of words.
  func resolve(_ words: [String]) throws -> (options: ProtocolOptions, folder: String) {
    if let embeddings = stored.embeddings {
      guard words.count == 1 else {
        throw ValidationError("Give one FOLDER beside --embeddings, not \(words.count)")
      }
      try refuse("--flip-test", flipTest != nil)
      try refuse("--max-bad", maxBad != nil)
      try refuse("--precision", precision != nil)
      var options = ProtocolOptions(source: .embeddings(file: embeddings, names: stored.names))
      options.threads = threads
      return (options, words[0])
    }
    guard words.count == 2 else {
      throw ValidationError("Give a CHECKPOINT and a FOLDER, not \(words.count) of them")
    }
    var options = ProtocolOptions(source: .checkpoint(words[0]))
    options.flipTest = flipTest ?? options.flipTest
    options.maxBad = maxBad
    options.precision = precision
    options.threads = threads
    return (options, words[1])
  }

  private func refuse(_ option: String, _ isGiven: Bool) throws {
    if isGiven { throw ValidationError("\(option) has no meaning beside --embeddings; remove one") }
  }
}
