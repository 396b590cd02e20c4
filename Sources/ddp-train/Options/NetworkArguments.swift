internal import ArgumentParser
internal import Configuration

/// How a checkpoint's network embeds photos, in the commands that take either of its weights.
struct NetworkArguments: ParsableArguments {
  /// What `--precision` is for where a checkpoint has one of its own.
  static let precisionSentence =
    "Numbers of products, fp32 or bf16, in place of the checkpoint's own"

  @Flag(as: \.flipTest) var flipTest: Bool?

  @Option(as: \.maxBad) var maxBad: Double?

  @Option(as: \.precision, NetworkArguments.precisionSentence) var precision: Precision?

  @Option(
    help: ArgumentHelp("The weights: raw, or ema, their average (--ema).", valueName: "raw|ema"),
    completion: .names(of: WeightsKind.self),
    transform: WeightsKind.init(word:))
  var weights = WeightsKind.raw
}
