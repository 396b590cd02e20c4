internal import CheckpointParts
internal import Configuration
internal import Determinism
internal import Interchange
internal import Networks
package import State

/// The state of a run as a checkpoint holds it, in the memory that it is read from.
package final class Snapshot: @unchecked Sendable {
  private let descriptions: [ParameterDescription]
  private let statisticsDescriptions: [StatisticsDescription]
  private let vectorNames: [String]
  private let statistics: [Float]
  /// The average of the moments; nil where there is none.
  private let averageMoments: [Float]?
  /// Parameters, then the state's vectors, each in the flat vector's order.
  private let vectors: [UnsafePointer<Float>]
  /// Whose memory these are.
  private let owners: [AnyObject]
  /// Empty where nobody knows them.
  private let people: [UInt8]
  private let triplets: [UInt8]?
  let metadata: [String: String]
  let step: Int

  /// What is in `copy`, a copy of `state`, and where that is nil in `state` itself; neither may
  /// change until the file is written. Moments and the state of the loss are those of the moment.
  package init(
    of state: ModelState, people: [UInt8], triplets: [UInt8]?, metadata: [String: String],
    step: Int, copy: StateCopy? = nil
  ) {
    self.people = people
    self.triplets = triplets
    // Ranks write what is divided among them beside it.
    descriptions = state.wholeDescriptions
    statisticsDescriptions = state.statisticsDescriptions
    vectorNames = state.vectors.map(\.name)
    self.metadata = metadata.merging(state.loss.metadata) { own, _ in own }
    self.step = step
    statistics = Array(
      UnsafeBufferPointer(start: state.statistics, count: state.statisticsCount))
    averageMoments = state.averageMoments.map {
      Array(UnsafeBufferPointer(start: $0, count: state.statisticsCount))
    }
    owners = [state] + [copy].compactMap(\.self)
    vectors =
      [UnsafePointer(copy?.parameters ?? state.parameters)]
      + state.vectors.indices.map { UnsafePointer(copy?.vector($0) ?? state.vector($0)) }
  }

  /// Writes the checkpoint to `path`, whole or not at all; throws `InterchangeError`, and what
  /// `beforeCommit` throws when all is written but the name.
  package func write(to path: String, beforeCommit: () throws -> Void = {}) throws {
    var others: [SafetensorsTensor] = []
    if !people.isEmpty {
      others.append(
        SafetensorsTensor(name: Checkpoint.peopleName, shape: [people.count], bytes: people))
    }
    if let triplets {
      others.append(
        SafetensorsTensor(
          name: Checkpoint.tripletsName, shape: [triplets.count], bytes: triplets))
    }
    try SafetensorsFile.write(
      tensors: weightTensors() + optimizerTensors() + others, metadata: metadata, to: path,
      beforeCommit: beforeCommit)
  }

  /// The receipt of weights, loss head and statistics; `head` is the hash of the weights of a head
  /// that is divided over the ranks.
  package func weightsHash(head: UInt64? = nil) -> UInt64 {
    var hashes = head.map { [(HeadRows.weightName, $0)] } ?? []
    for tensor in weightTensors() {
      try? tensor.withBytes { hashes.append((tensor.name, Hash64.of($0))) }
    }
    return WeightsHash.combine(hashes)
  }

  private func weightTensors() -> [SafetensorsTensor] {
    descriptions.map { tensor($0, named: $0.name, in: vectors[0]) }
      + momentTensors(statistics, of: .raw)
  }

  private func momentTensors(_ moments: [Float], of kind: WeightsKind) -> [SafetensorsTensor] {
    statisticsDescriptions.flatMap { entry in
      [("running_mean", entry.means), ("running_var", entry.variances)].map { suffix, range in
        SafetensorsTensor(
          name: "\(kind.prefix)\(entry.name).\(suffix)", shape: [entry.channels],
          floats: Array(moments[range]))
      }
    }
  }

  private func optimizerTensors() -> [SafetensorsTensor] {
    let ofVectors = vectorNames.enumerated().flatMap { index, name in
      descriptions.map {
        tensor(
          $0, named: "\(Checkpoint.optimizerPrefix)\(name)/\($0.name)", in: vectors[index + 1])
      }
    }
    return ofVectors + (averageMoments.map { momentTensors($0, of: .ema) } ?? [])
  }

  private func tensor(
    _ description: ParameterDescription, named name: String, in vector: UnsafePointer<Float>
  ) -> SafetensorsTensor {
    let source = vector + description.range.lowerBound
    return SafetensorsTensor(name: name, type: .float32, shape: description.shape) { lend in
      if description.layout == .plain {
        try lend(UnsafeRawBufferPointer(start: source, count: 4 * description.range.count))
        return
      }
      let logical = UnsafeMutablePointer<Float>.allocate(capacity: description.range.count)
      defer { logical.deallocate() }
      description.copyLogical(from: source, into: logical)
      try lend(UnsafeRawBufferPointer(start: logical, count: 4 * description.range.count))
    }
  }
}
