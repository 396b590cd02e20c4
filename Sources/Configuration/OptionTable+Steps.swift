internal import Collectives

// The options of steps, optimizer and rates; OptionTable.swift has those before them.

extension ConfigurationOption {
  @Table static var optimizerOptions: [ConfigurationOption] {
    option(
      .step, "batch", \.batch, atLeast(1, " sample"),
      "Samples of a step, over all ranks", value: "b")
    option(
      .step, "microbatch", \.microbatch, atLeast(1, " sample", limit: 1_000_000),
      "Samples that a worker computes at once", value: "b", follows: .model, once: true,
      usual: { _ in 16 })
    option(
      .step, "drop-last", \.dropsLast, .truth,
      "Leave out the samples of an epoch that do not fill its last batch",
      idle: [.inRuns("with loss triplet, whose batches are all whole") { $0.loss == .triplet }])
    option(
      .step, "sampling", \.sampling, .name("sampling"),
      "How often people come in an epoch: instance, each photo once; square-root or "
        + "class-balanced, as the root of their photos or all alike", value: "name",
      idle: [.inRuns("with loss triplet, whose batches are of people") { $0.loss == .triplet }])
    option(
      .step, "threads", \.threads,
      integer.within(1...1024).orNil("auto"),
      "Compute threads of a rank", value: "t", isMathematical: false,
      ranksMayDiffer: true)
    option(
      .step, "epochs", \.length, .length(limit: 1_000_000_000) { .epochs($0) },
      "Length of training in epochs", value: "e", isMathematical: false,
      standsFor: { $0 == .epochs($0.count) })
    option(
      .step, "steps", \.length, .length(limit: 1_000_000_000_000) { .steps($0) },
      "Length of training in steps", value: "n", isMathematical: false,
      standsFor: { $0 == .steps($0.count) })
    option(.step, "seed", \.seed, .seed, "Seed of everything random but the split", value: "n")
    option(
      .step, "gradient-grid", \.gradientGrid,
      .grid.exponents(within: -120...0),
      "Spacing of the exact gradient sum: auto, or an exponent of two", value: "e")
    option(
      .step, "reduce", \.reduction, .name("reduction"),
      "How gradients travel between ranks: exact, or fp32 or bf16, which round", value: "name")
    option(
      .step, "shard-optimizer", \.shardsOptimizer, .truth,
      "Each rank keeps and updates a part of the optimizer's state", isMathematical: false)

    option(
      .optimizer, "optimizer", \.optimizer, .name("optimizer"), choices(of: OptimizerName.self),
      value: "name")
    option(
      .optimizer, "momentum", \.momentum,
      ValueForm.float("0 to below 1", below: 1) { $0 >= 0 }, "Momentum of sgd and lars", value: "x",
      follows: .optimizer, usual: { $0.optimizer.traits.momentum ?? 0 },
      idle: [.optimizer { $0.traits.momentum == nil }])
    option(
      .optimizer, "nesterov", \.nesterov, .truth, "Nesterov's momentum, for sgd",
      follows: .optimizer,
      idle: [
        .optimizer { !$0.traits.hasNesterov },
        .inRuns("without a momentum", or: "give a momentum") { $0.momentum == 0 },
      ])
    option(
      .optimizer, "weight-decay", \.weightDecay, notNegative, "Weight decay", value: "x")
    option(
      .optimizer, "initial-accumulator", \.initialAccumulator, notNegative,
      "Where the sums of squares of adagrad start", value: "x", follows: .optimizer,
      idle: [.optimizer { !$0.traits.hasAccumulator }])
    option(
      .optimizer, "decay-norm-and-bias", \.decaysNormAndBias, .truth,
      "Decay batch norm and biases too")
    option(
      .optimizer, "clip-norm", \.clipNorm, positive.orNil("none"),
      "Largest norm of the whole gradient", value: "x")
    option(
      .optimizer, "ema", \.ema,
      ValueForm.float("more than 0 and below 1", below: 1) { $0 > 0 }.orNil("none"),
      "Decay of an average of the weights, such as 0.9999, which is evaluated beside them",
      value: "x")

    option(
      .rate, "lr", \.learningRate, positive, "Learning rate of the backbone", value: "x",
      follows: .optimizer, usual: { $0.optimizer.traits.learningRate })
    option(
      .rate, "lr-head", \.headLearningRate, positive.orNil("auto"),
      "Learning rate of the loss head; auto is --lr", value: "x", follows: .optimizer,
      idle: [.loss(because: ", which has no class weights") { !$0.traits.hasClassWeights }])
    option(
      .rate, "lr-scale", \.rateScales, .rateScales,
      "Factors of the rate of parts, by name (layer1=0.1,layer2=0.5)", value: "list")
    option(
      .rate, "schedule", \.schedule, .name("schedule"), choices(of: ScheduleName.self),
      value: "name")
    option(
      .rate, "warmup-epochs", \.warmupEpochs, epochs, "Epochs over which the rate grows", value: "x"
    )
    option(
      .rate, "milestones", \.milestones, .milestones,
      "When step multiplies the rate, such as 10e,15e or 20000", value: "list",
      follows: .schedule, idle: [.schedule { !$0.traits.hasMilestones }])
    option(
      .rate, "gamma", \.gamma,
      ValueForm.float("more than 0, at most 1") { $0 > 0 && $0 <= 1 }, "Factor of step", value: "x",
      follows: .schedule,
      idle: [.schedule { !$0.traits.hasMilestones }])
    option(
      .rate, "power", \.power, positive, "Power of polynomial", value: "x", follows: .schedule,
      idle: [.schedule { !$0.traits.hasPower }])
    option(
      .rate, "min-lr", \.minimumLearningRate, notNegative, "Last rate of polynomial and cosine",
      value: "x", follows: .schedule, idle: [.schedule { !$0.traits.hasLastRate }])
  }
}

extension ValueForm where Value == GradientGrid {
  fileprivate func exponents(within range: ClosedRange<Int>) -> Self {
    giving("auto or an exponent of two from \(range.lowerBound) to \(range.upperBound)") {
      $0.exponent.map(range.contains) ?? true
    }
  }
}
