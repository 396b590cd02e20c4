internal import Assembly
private import Kernels
private import Networks
internal import Threads

/// One worker's passes over a network, without engine, sums or update.
package struct PassBenchmark: Sendable {
  package var model: BenchmarkModel
  /// Images of a pass.
  package var rows: Int

  package init(model: BenchmarkModel, rows: Int) {
    self.model = model
    self.model.batch = rows
    self.model.microbatch = rows
    self.rows = rows
  }

  /// Times inference for about `budgetSeconds`.
  package func embed(budgetSeconds: Double, ratesBudgetSeconds: Double) -> BenchmarkReport {
    let memories = PassMemories(model)
    memories.fillImages(.inference, rows: rows)
    let prepared = memories.prepared()
    let timing = Timing.best(budgetSeconds: budgetSeconds) {
      // The last values may lie where the images were.
      memories.fillImages(.inference, rows: rows)
      memories.network.forward(
        in: memories.pass(.inference, rows: rows, prepared: prepared.pointer))
    }
    let peakMemory = ProcessFigures.peakMemoryBytes
    let rates = MachineRates.measure(budgetSeconds: ratesBudgetSeconds)
    return BenchmarkReport(
      kind: "embed",
      settings: [
        "model": model.name, "batch": "\(rows)", "image_size": "\(model.imageSize)",
        "width": "\(model.width)", "products": model.products,
      ], machine: rates.figures,
      rows: [
        BenchmarkRow(
          name: "embed \(model.name) \(model.imageSize) px, batch \(rows)",
          bestSeconds: timing.bestSeconds, medianSeconds: timing.medianSeconds,
          figures: [
            "images_per_second": Double(rows) / timing.bestSeconds,
            "peak_memory_bytes": Double(peakMemory),
          ])
      ])
  }

  /// Times every layer in inference, the best of `passes`, in the order of the network.
  package func embeddingLayers(passes: Int, rates: MachineRates) -> BenchmarkReport {
    let memories = PassMemories(model)
    let network = memories.network
    let prepared = memories.prepared()
    var forward = [[Double]](repeating: [], count: network.layers.count)
    for _ in 0...passes {
      memories.fillImages(.inference, rows: rows)
      let pass = memories.pass(.inference, rows: rows, prepared: prepared.pointer)
      for (i, layer) in network.layers.enumerated() {
        let start = Clock.seconds
        layer.forward(in: pass)
        forward[i].append(Clock.seconds - start)
      }
    }
    return report("embedding layers", network, [("forward", forward)], rates)
  }

  /// Times every layer forward and backward, the best of `passes`, in the order of the network.
  package func layers(passes: Int, rates: MachineRates) -> BenchmarkReport {
    let memories = PassMemories(model)
    let network = memories.network
    let count = network.layers.count
    var forward = [[Double]](repeating: [], count: count)
    var backward = forward
    for _ in 0...passes {
      memories.fillImages(.training, rows: rows)
      let pass = memories.pass(.training, rows: rows)
      for (i, layer) in network.layers.enumerated() {
        let start = Clock.seconds
        layer.forward(in: pass)
        forward[i].append(Clock.seconds - start)
      }
      let gradient = Noise.floats(rows * network.embeddingCount, 9)
      pass.gradient(of: network.output).update(from: gradient, count: gradient.count)
      for (i, layer) in network.layers.enumerated().reversed() {
        let start = Clock.seconds
        layer.backward(in: pass)
        backward[i].append(Clock.seconds - start)
      }
    }
    return report("layers", network, [("forward", forward), ("backward", backward)], rates)
  }

  /// A row for each layer and direction from the seconds of its passes, the first of which is not
  /// counted.
  private func report(
    _ kind: String, _ network: Network, _ directions: [(name: String, seconds: [[Double]])],
    _ rates: MachineRates
  ) -> BenchmarkReport {
    var report = BenchmarkReport(
      kind: kind,
      settings: [
        "model": model.name, "rows": "\(rows)", "image_size": "\(model.imageSize)",
        "width": "\(model.width)", "products": model.products,
      ], machine: rates.figures)
    for (i, layer) in network.layers.enumerated() {
      for direction in directions {
        let timing = Timing(Array(direction.seconds[i].dropFirst()))
        // Backward has two products, but on the image one.
        let factor = direction.name == "forward" || i == 0 ? 1.0 : 2
        var figures: [String: Double] = [:]
        if layer.multiplyAdds > 0 {
          let work = 2 * factor * Double(rows * layer.multiplyAdds)
          figures["gflops"] = work / timing.bestSeconds / 1e9
        }
        report.rows.append(
          BenchmarkRow(
            name: "\(i < 9 ? "0" : "")\(i + 1) \(layer.summary) \(layer.output.shape) "
              + direction.name,
            bestSeconds: timing.bestSeconds, medianSeconds: timing.medianSeconds,
            figures: figures))
      }
    }
    return report
  }
}

/// Parameters with first values and one worker's memory.
private final class PassMemories {
  let network: Network
  private let model: BenchmarkModel
  let parameters: Floats
  private let arena: Arena
  private let statistics, moments, gradients, images: Floats

  init(_ model: BenchmarkModel) {
    self.model = model
    network = model.factory.network
    arena = Arena(for: network, phase: .training)
    parameters = Floats(network.parameterCount)
    statistics = Floats(network.statisticsCount)
    moments = Floats(network.statisticsCount)
    gradients = Floats(network.largestLayerCount)
    images = Floats(Noise.floats(network.image.shape.count, 1))
    for parameter in network.parameters {
      parameter.initialize(parameters.pointer + parameter.range.lowerBound, seed: 1)
    }
    for entry in network.statistics {
      for i in entry.means { statistics.pointer[i] = 0 }
      for i in entry.variances { statistics.pointer[i] = 1 }
    }
  }

  /// The weights, transformed in advance.
  func prepared() -> AlignedBytes.Box {
    let memory = AlignedBytes.Box(count: network.preparedBytes)
    network.prepare(parameters.constant, into: memory.pointer)
    return memory
  }

  func fillImages(_ phase: Phase, rows: Int) {
    let place = network.images(in: arena.pointer, phase: phase)
    for row in 0..<rows {
      (place + row * images.count).update(from: images.pointer, count: images.count)
    }
  }

  func pass(_ phase: Phase, rows: Int, prepared: UnsafeRawPointer? = nil) -> Pass {
    Pass(
      network, rows: rows, phase: phase, memory: arena.pointer, parameters: parameters.constant,
      prepared: prepared, runningMoments: statistics.constant, batchMoments: moments.pointer,
      layerGradients: gradients.pointer,
      randomness: PassRandomness(seed: 1, step: 0, firstSlot: 0))
  }
}
