package import Collectives
private import Configuration
private import Engine
private import Kernels
private import Sessions
private import Threads
private import Timing

/// A loss head that is divided over the ranks, by itself: steps of the engine that trains, with a
/// network so small that little is left when its time is taken off.
package struct HeadBenchmark: Sendable {
  /// People.
  package var classes: Int
  /// The chance of a class that the batch has not to take part in a step; 1 takes all.
  package var share: Double
  /// Faces of a step, over all ranks.
  package var batch: Int
  /// Compute threads of a rank.
  package var threads: Int
  /// Timed steps, after one that is not timed.
  package var steps: Int

  package init(classes: Int, share: Double, batch: Int, threads: Int, steps: Int) {
    self.classes = classes
    self.share = share
    self.batch = batch
    self.threads = threads
    self.steps = steps
  }

  private func model(ranks: Int) -> BenchmarkModel {
    let workers = ranks * threads
    // One microbatch for each worker, so that activations are kept.
    var model = BenchmarkModel(
      name: "iresnet10", imageSize: 32, classCount: classes, width: 0.125, batch: batch,
      microbatch: (batch + workers - 1) / workers)
    model.head = .divided
    model.sampleClasses = share
    return model
  }

  /// Times the steps on every rank and returns the report, alike on all ranks. Throws what the
  /// engine throws.
  package func run(
    over communicator: any Communicator, ratesBudgetSeconds: Double
  ) throws -> BenchmarkReport {
    let session = try Session.start(communicator: communicator, threads: threads, quiet: true)
    defer { session.pool.end() }
    let trial = StepTrial(model(ranks: communicator.size), session: session)
    try trial.step(count: batch)
    var times: [Double] = []
    var network: [Double] = []
    for _ in 0..<steps {
      try communicator.barrier()
      let start = Clock.seconds
      try trial.step(count: batch)
      let seconds = trial.engine.seconds
      network.append(
        seconds[.decode] + seconds[.forward] + seconds[.backward] + seconds[.summation])
      times.append(Clock.seconds - start)
    }
    let peakMemory = try communicator.allGather([Double(ProcessFigures.peakMemoryBytes)])
    try communicator.barrier()
    let rates = MachineRates.measure(budgetSeconds: ratesBudgetSeconds)
    let timing = Timing(zip(times, network).map { $0 - $1 })
    let dimension = 512.0
    let taken = share * Double(classes) + (1 - share) * Double(min(batch, classes))
    // Three products, of two operations for each multiply-add.
    let operations = 6 * taken * dimension * Double(batch)
    let peak = rates.multiplyAddRate * Double(communicator.size * threads)
    return BenchmarkReport(
      kind: "head",
      settings: [
        "classes": "\(classes)", "sample_classes": "\(share)", "batch": "\(batch)",
        "ranks": "\(communicator.size)", "threads": "\(threads)",
        "machine": session.machine.joined(separator: "; "),
      ], machine: rates.figures,
      rows: [
        BenchmarkRow(
          name: "head \(classes) x \(Int(dimension)), \(share) of the classes, batch \(batch), "
            + "\(communicator.size) x \(threads) threads",
          bestSeconds: timing.bestSeconds, medianSeconds: timing.medianSeconds,
          figures: [
            "faces_per_second": Double(batch) / timing.bestSeconds,
            "network_seconds": network.min() ?? 0,
            "peak_share": operations / peak / timing.bestSeconds,
            "peak_memory_bytes": peakMemory.joined().reduce(0, +), "loss": trial.lastLoss,
          ])
      ])
  }
}
