internal import Checkpoints
internal import Assembly
internal import Configuration
internal import Engine
internal import Scoring
internal import Sessions
internal import Threads
internal import Collectives
internal import Datasets
internal import Evaluation
internal import Networks

/// Training a network whose embeddings can be compared with an older one's: the triplets mix the
/// embeddings of both (Schroff et al. 2015, section 7).
extension Trainer {
  /// Bytes of what `loadOldEmbeddings` keeps.
  var oldEmbeddingBytes: Int {
    guard configuration.compatibleWith != nil else { return 0 }
    return 4 * data.divided.training.count * (factory.network.embeddingCount + 1)
  }

  /// Embeds all training photos by the network of `compatible-with`, on every rank, as it is
  /// evaluated; before the first step. Throws what is wrong with that network.
  func loadOldEmbeddings() throws {
    guard let path = configuration.compatibleWith else { return }
    let start = Clock.seconds
    let old = try CheckpointNetwork(path: path, session: session)
    let dimension = factory.network.embeddingCount
    guard old.network.embeddingCount == dimension else {
      throw TrainingFailure.otherDimension(old.network.embeddingCount, dimension)
    }
    var own = old.configuration
    if own.landmarks != nil { own.landmarks = configuration.landmarks ?? own.landmarks }
    let photos = data.divided.training
    let embeddings = try old.embeddings(
      of: photos, in: data.source.source,
      preprocessing: Preprocessing(own, index: data.index), flip: own.flipTest,
      badLimit: configuration.maxBad
    ).embeddings
    let values = try shared(embeddings?.values, count: photos.count * dimension)
    engine.oldEmbeddings = OldEmbeddings(
      values: values, labels: photos.map { Int32(loader.label(of: $0)) }, dimension: dimension)
    oldNetworkHash = try old.checkpoint.weightsHash()
    console.say(
      "compatible with \(path): \(photos.count) photos embedded in "
        + "\(Console.fixed(Clock.seconds - start, 1)) s")
  }

  /// `values` [count] of the first rank, on all.
  private func shared(_ values: [Float]?, count: Int) throws -> [Float] {
    var all: [Float] = []
    all.reserveCapacity(count)
    let piece = 16 << 20
    for start in stride(from: 0, to: count, by: piece) {
      let own = values.map { Array($0[start..<min(start + piece, count)]) } ?? []
      let received = try communicator.broadcast(own.withUnsafeBytes { Array($0) }, from: 0)
      received.withUnsafeBytes { all += $0.bindMemory(to: Float.self) }
    }
    return all
  }
}
