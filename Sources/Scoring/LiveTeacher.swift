internal import Checkpoints
package import Configuration
internal import Datasets
internal import Determinism
internal import Kernels
internal import Losses
internal import Networks
package import Sessions
internal import State

/// What keeps a network from being the teacher of a run.
package enum LiveTeacherError: Error, Equatable, CustomStringConvertible {
  /// It takes other images than those of the run.
  case otherImages(path: String, differences: [String])

  package var description: String {
    switch self {
    case .otherImages(let path, let differences):
      "--teacher \(path): its network takes other images than the run has: "
        + differences.joined(separator: ", ") + "; set them as they were there, or store its "
        + "embeddings (ddp-train embed) and give their file"
    }
  }
}

/// A network of a checkpoint that embeds every sample of a step as the trained one is given it.
package final class LiveTeacher: Teacher, @unchecked Sendable {
  package let hash: UInt64
  private let network: CheckpointNetwork

  /// Opens the checkpoint that `path` means for a run by `configuration`; a collective. Throws
  /// `LiveTeacherError.otherImages` and what is wrong with the checkpoint.
  package init(_ path: String, for configuration: RunConfiguration, in session: Session) throws {
    network = try CheckpointNetwork.open(path, in: session)
    hash = network.weightsHash
    let own = network.configuration
    let options: [ConfigurationOption] = [
      .of(\.imageSize), .of(\.normalize), .of(\.resize), .of(\.crop),
    ]
    var differences = options.compactMap { option in
      let (then, now) = (option.text(own), option.text(configuration))
      return then == now ? nil : "\(option.name) was \(then ?? "none"), is \(now ?? "none")"
    }
    if (own.landmarks == nil) != (configuration.landmarks == nil) {
      differences.append(
        own.landmarks == nil
          ? "landmarks were none, are given" : "landmarks were given, are none")
    }
    guard differences.isEmpty else {
      throw LiveTeacherError.otherImages(path: path, differences: differences)
    }
  }

  /// Whether `path` means a checkpoint, and no file of stored embeddings.
  package static func isMeant(by path: String) -> Bool { CheckpointStore.mayMeanCheckpoint(path) }

  package var width: Int { network.network.embeddingCount }

  package var bytes: (rank: Int, worker: Int) {
    let network = network.network
    return (
      network.preparedBytes + 4 * (network.parameterCount + network.statisticsCount),
      network.inferenceBytes
    )
  }

  package func row(of photo: Int, isMirrored: Bool) -> Int32 { 0 }

  package func teach(
    _ rows: UnsafeBufferPointer<Int32>, images: UnsafePointer<Float>, on worker: Int,
    into targets: UnsafeMutablePointer<Float>
  ) {
    network.embed(images, rows: rows.count, on: worker, into: targets)
  }
}

extension CheckpointNetwork {
  /// Of the bits of the weights and running moments that it embeds with.
  fileprivate var weightsHash: UInt64 {
    let state = weights.state
    return Hash64.of(
      UnsafeRawBufferPointer(start: state.parameters, count: 4 * state.parameterCount),
      seed: Hash64.of(
        UnsafeRawBufferPointer(start: state.statistics, count: 4 * state.statisticsCount)))
  }

  /// Overwrites `embeddings` [rows, dimension] with those of `images` [rows, height, width, 3], in
  /// the memory of worker `worker`.
  func embed(
    _ images: UnsafePointer<Float>, rows: Int, on worker: Int,
    into embeddings: UnsafeMutablePointer<Float>
  ) {
    let (size, width) = (network.image.shape.count, network.embeddingCount)
    for first in stride(from: 0, to: rows, by: network.maximumRows) {
      let count = min(network.maximumRows, rows - first)
      let memory = memories[worker].pointer
      network.images(in: memory, phase: .inference).update(
        from: images + first * size, count: count * size)
      let pass = Pass(
        inferenceOf: network, rows: count, memory: memory, parameters: weights.state.parameters,
        prepared: prepared.pointer, runningMoments: weights.state.statistics)
      network.forward(in: pass)
      (embeddings + first * width).update(
        from: UnsafePointer(pass[network.output]), count: count * width)
    }
  }
}
