internal import Configuration
internal import ArgumentParser

struct OptimizerOptions: ParsableArguments {
  @Option(help: .option("batch", "Samples of a step, over all ranks.", valueName: "b"))
  var batch: String?

  @Option(help: .option("microbatch", "Samples that a worker computes at once.", valueName: "b"))
  var microbatch: String?

  @Option(help: .option("threads", "Compute threads of a rank, or auto.", valueName: "t"))
  var threads: String?

  @Option(help: .option("epochs", "Length of training in epochs.", valueName: "e"))
  var epochs: String?

  @Option(help: .option("steps", "Length of training in steps.", valueName: "n"))
  var steps: String?

  @Option(help: .option("seed", "Seed of everything random but the split.", valueName: "n"))
  var seed: String?

  @Option(
    parsing: .unconditional,
    help: .option(
      "gradient-grid", "Spacing of the exact gradient sum: auto, or an exponent of two.",
      valueName: "e"))
  var gradientGrid: String?

  @Option(
    help: .option(
      "reduce", "How gradients travel between ranks: exact, or fp32 or bf16, which round.",
      valueName: "name"),
    completion: .list(["exact", "fp32", "bf16"]))
  var reduce: String?

  @Flag(
    inversion: .prefixedNo,
    help: .option("shard-optimizer", "Each rank keeps and updates a part of the optimizer's state.")
  )
  var shardOptimizer: Bool?

  @Option(
    help: .option("optimizer", "sgd, adagrad, adamw or lars.", valueName: "name"),
    completion: .names(of: OptimizerName.self))
  var optimizer: String?

  @Option(help: .option("lr", "Learning rate of the backbone.", valueName: "x"))
  var lr: String?

  @Option(help: .option("lr-head", "Learning rate of the loss head; auto is --lr.", valueName: "x"))
  var lrHead: String?

  @Option(help: .option("momentum", "Momentum of sgd and lars.", valueName: "x"))
  var momentum: String?

  @Flag(inversion: .prefixedNo, help: .option("nesterov", "Nesterov's momentum, for sgd."))
  var nesterov: Bool?

  @Option(help: .option("weight-decay", "Weight decay.", valueName: "x"))
  var weightDecay: String?

  @Option(
    help: .option(
      "initial-accumulator", "Where the sums of squares of adagrad start.", valueName: "x"))
  var initialAccumulator: String?

  @Flag(
    inversion: .prefixedNo, help: .option("decay-norm-and-bias", "Decay batch norm and biases too.")
  )
  var decayNormAndBias: Bool?

  @Option(
    help: .option("schedule", "constant, step, polynomial or cosine.", valueName: "name"),
    completion: .names(of: ScheduleName.self))
  var schedule: String?

  @Option(
    help: .option(
      "milestones", "When step multiplies the rate, such as 10e,15e or 20000.", valueName: "list"))
  var milestones: String?

  @Option(help: .option("gamma", "Factor of step.", valueName: "x"))
  var gamma: String?

  @Option(help: .option("power", "Power of polynomial.", valueName: "x"))
  var power: String?

  @Option(help: .option("min-lr", "Last rate of polynomial and cosine.", valueName: "x"))
  var minLr: String?

  @Option(help: .option("warmup-epochs", "Epochs over which the rate grows.", valueName: "x"))
  var warmupEpochs: String?

  @Option(
    help: .option("clip-norm", "Largest norm of the whole gradient, or none.", valueName: "x"))
  var clipNorm: String?
}
