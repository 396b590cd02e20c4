internal import Losses
internal import Configuration
internal import ArgumentParser

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
      "init", "A checkpoint whose network training starts from, or none.", valueName: "file"),
    completion: .file())
  var `init`: String?

  @Option(
    help: .option(
      "loss", "softmax, normalized-softmax, arcface, cosface, combined or triplet.",
      valueName: "name"),
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

struct TripletOptions: ParsableArguments {
  @Option(
    help: .option(
      "mining",
      """
      Triplets of a batch: semi-hard (the default), random-semi-hard, hardest, violating, batch-hard, \
      all or offline; later ones with their step or epoch (semi-hard,hardest@10e).
      """,
      valueName: "list"))
  var mining: String?

  @Option(
    help: .option(
      "people-per-batch", "People with several photos in a triplet batch, or auto.",
      valueName: "p"))
  var peoplePerBatch: String?

  @Option(
    help: .option("photos-per-person", "Photos of each of them, or auto.", valueName: "k"))
  var photosPerPerson: String?

  @Option(
    help: .option("triplet-reduction", "mean (the default) or sum.", valueName: "name"),
    completion: .names(of: TripletReduction.self))
  var tripletReduction: String?

  @Option(
    help: .option(
      "passes", "2 computes a triplet batch twice (the default), 1 keeps all its activations.",
      valueName: "n"))
  var passes: String?

  @Option(
    help: .option(
      "offline-every", "Steps between searches for hard triplets (default: 100).", valueName: "n"))
  var offlineEvery: String?

  @Option(
    help: .option("offline-pool", "Photos searched for hard triplets, or auto.", valueName: "n"))
  var offlinePool: String?

  @Option(
    help: .option(
      "compatible-with",
      "A run or checkpoint that the new embeddings are to be comparable with, or none.",
      valueName: "run"))
  var compatibleWith: String?
}
