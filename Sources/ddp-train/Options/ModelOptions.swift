internal import ArgumentParser
private import Training

struct ModelOptions: ParsableArguments {
  @Option(
    help: .option("model", "The network; a wrong name lists them.", valueName: "name"),
    completion: .list(Dispatch.modelNames))
  var model: String?

  @Option(
    help: .option("width", "Factor of the channels; 1 is the published network.", valueName: "x"))
  var width: String?

  @Option(help: .option("embedding", "Length of the embedding, or auto.", valueName: "n"))
  var embedding: String?

  @Option(help: .option("dropout", "Probability of dropping an element, or auto.", valueName: "p"))
  var dropout: String?

  @Option(
    help: .option(
      "batch-norm", "Batch norm in the place of nn*'s biases: on, off, or auto.",
      valueName: "on|off"), completion: .list(["on", "off", "auto"]))
  var batchNorm: String?

  @Option(
    help: .option(
      "pooling", "What inception modules pool to: max, l2, or auto for the published table.",
      valueName: "name"), completion: .list(["max", "l2", "auto"]))
  var pooling: String?

  @Option(
    help: .option(
      "loss", "softmax, normalized-softmax, arcface, cosface or combined.", valueName: "name"),
    completion: .names(of: LossName.self))
  var loss: String?

  @Option(help: .option("scale", "Factor of the logits.", valueName: "s"))
  var scale: String?

  @Option(help: .option("margin", "The margin; m1,m2,m3 for combined.", valueName: "m"))
  var margin: String?

  @Option(
    help: .option(
      "margin-variant", "ArcFace at large angles: plain, monotone, easy or clamped.",
      valueName: "name"),
    completion: .names(of: MarginVariant.self))
  var marginVariant: String?

  @Option(
    help: .option("margin-gradient", "exact or straight-through.", valueName: "name"),
    completion: .names(of: MarginGradient.self))
  var marginGradient: String?

  @Option(
    help: .option("margin-warmup-epochs", "Epochs over which the margin grows.", valueName: "x"))
  var marginWarmupEpochs: String?
}
