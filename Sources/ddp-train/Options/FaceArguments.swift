internal import ArgumentParser
internal import Configuration
private import Interchange
internal import Measuring
internal import Tasks

/// The options that verify, identify and cluster share.
struct FaceArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Photos nearer than this are of one person (squared distance, 0 to 4), in place of the "
        + "checkpoint's own.", valueName: "t"),
    transform: { text in
      guard let value = DecimalNumber.read(text) else {
        throw ValidationError("'\(text)' is not a number")
      }
      return value
    })
  var threshold: Double?

  @Option(as: \.landmarks) var landmarks: String?

  @OptionGroup var detector: DetectorArguments

  @OptionGroup var stored: EmbeddingArguments

  @Flag(as: \.flipTest) var flipTest: Bool?

  @Option(as: \.precision, NetworkArguments.precisionSentence) var precision: Precision?

  @Option(as: \.threads) var threads: Int?

  @Flag(help: "JSON on standard output, and nothing else.")
  var json = false

  func validate() throws {
    if let threshold, !(threshold >= 0 && threshold <= 4) {
      throw ValidationError("--threshold \(threshold) is not a squared distance of 0 to 4")
    }
    try stored.check()
    let search = try detector.search(besides: landmarks)
    if stored.embeddings != nil,
      landmarks != nil || search != nil || flipTest != nil || precision != nil
    {
      throw ValidationError(
        "--landmarks, --detector, --flip-test and --precision have no meaning beside --embeddings")
    }
  }

  /// The options with what `words` begin with, and the other words: the checkpoint is the first
  /// word where embeddings are not stored. Throws `ValidationError` unless `count` words are left.
  func resolve(
    _ words: [String], leaving count: ClosedRange<Int>, called what: String
  ) throws -> (options: FaceOptions, words: [String]) {
    var rest = words
    var options: FaceOptions
    if let embeddings = stored.embeddings {
      options = FaceOptions(source: .embeddings(file: embeddings, names: stored.names))
    } else {
      guard !rest.isEmpty else {
        throw ValidationError("Give a CHECKPOINT, or --embeddings")
      }
      options = FaceOptions(source: .checkpoint(rest.removeFirst()))
    }
    guard count.contains(rest.count) else {
      let checkpoint = stored.embeddings == nil ? "a CHECKPOINT and " : ""
      throw ValidationError("Give \(checkpoint)\(what), not \(rest.count) of them")
    }
    options.threshold = threshold
    options.landmarks = landmarks
    options.search = try detector.search(besides: landmarks)
    options.flipTest = flipTest
    options.precision = precision
    options.threads = threads
    options.json = json
    return (options, rest)
  }
}
