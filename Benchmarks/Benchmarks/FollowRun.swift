private import Collectives
internal import Configuration
private import Datasets
internal import Engine
private import Foundation
private import Interchange
private import Kernels
private import Losses
private import Networks
private import Optimizers
internal import Sessions
internal import State
internal import Threads

/// Training steps on weights and batches from files, so that another program can do the same and
/// the two can be compared.
///
/// The folder holds `weights.safetensors` (the network's tensors by their published names in F32
/// and logical order, and `head.weight` [classes, 512]), `images.npy` [N, 3, size, size] and
/// `labels.npy` [N]. Step k takes images k b, ..., k b + b - 1 modulo N as one microbatch.
/// `losses.npy` [steps] and `gradients.safetensors` (of the first step, means over the batch) are
/// written beside them.
package struct FollowRun: Sendable {
  package var model: BenchmarkModel
  package var folder: String
  package var steps: Int

  package init(model: BenchmarkModel, folder: String, steps: Int) {
    self.model = model
    self.folder = folder
    self.steps = steps
  }

  /// Makes the steps and writes the files. Throws what is wrong with the files, or a step that is
  /// not finite.
  package func run() throws {
    let weights = try SafetensorsFile(path: folder + "/weights.safetensors")
    let images = try NumPyFile.read(folder + "/images.npy")
    let labels = try NumPyFile.read(folder + "/labels.npy").values.map { Int32($0) }
    let size = model.imageSize.width
    guard images.shape == [labels.count, 3, size, size], labels.count >= model.batch else {
      throw BenchmarkFailure.input(
        "\(folder)/images.npy is \(images.shape) with \(labels.count) labels, wanted "
          + "[\(model.batch) or more, 3, \(size), \(size)] and as many labels")
    }
    guard let head = weights.entry(named: "head.weight") else {
      throw BenchmarkFailure.input("\(weights.path) has no tensor head.weight")
    }
    var model = model
    model.classCount = head.shape[0]
    model.microbatch = model.batch
    let session = try Session.start(communicator: SoloCommunicator(), threads: 1, quiet: true)
    defer { session.pool.end() }
    let samples = ComputedSamples { slot, batch, image in
      let sample = batch.samples[slot]
      for channel in 0..<3 {
        let plane = (sample * 3 + channel) * size * size
        for pixel in 0..<size * size {
          image[pixel * 3 + channel] = images.values[plane + pixel]
        }
      }
      return labels[sample]
    }
    let engine = StepTrial(model, session: session, samples: samples).engine
    try load(weights, into: engine.state)
    var losses: [Float] = []
    for step in 0..<steps {
      let slots = (0..<model.batch).map { (step * model.batch + $0) % labels.count }
      let sums = try engine.computeGradients(
        of: StepBatch(
          step: step, epoch: 0, samples: slots, microbatches: [0..<model.batch], marginFactor: 1)
      )
      guard sums.unsoundRanks == 0 else {
        throw BenchmarkFailure.input("step \(step): a gradient is not finite or leaves the grid")
      }
      if step == 0 { try writeGradients(of: engine) }
      let rate = model.configuration.learningRate
      _ = try engine.applyUpdate(
        sampleCount: model.batch, index: step,
        rates: LearningRates(backbone: rate, head: rate), clipping: nil)
      losses.append(Float(sums.lossSum / Double(model.batch)))
    }
    try NumPyFile.write(losses, shape: [steps], to: folder + "/losses.npy")
  }

  private func load(_ weights: SafetensorsFile, into state: ModelState) throws {
    for tensor in state.descriptions {
      var logical = [Float](repeating: 0, count: tensor.range.count)
      try logical.withUnsafeMutableBytes {
        try weights.read(tensor.name, as: .float32, shape: tensor.shape, into: $0)
      }
      tensor.copyMemory(from: logical, into: state.parameters + tensor.range.lowerBound)
    }
  }

  private func writeGradients(of engine: StepEngine) throws {
    let tensors = engine.state.descriptions.map { tensor in
      var scratch = [Float](repeating: 0, count: tensor.range.count)
      let own = scratch.withUnsafeMutableBufferPointer {
        let gradient = engine.reducer.gradient(of: tensor.range, scratch: $0.baseAddress!)
        return Array(UnsafeBufferPointer(start: gradient, count: tensor.range.count))
      }
      var logical = own
      tensor.copyLogical(from: own, into: &logical)
      return SafetensorsTensor(name: tensor.name, shape: tensor.shape, floats: logical)
    }
    try SafetensorsFile.write(tensors: tensors, to: folder + "/gradients.safetensors")
  }
}
