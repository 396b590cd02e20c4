internal import Assembly
internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Engine
internal import Evaluation
internal import Inputs
internal import Losses
internal import Networks
internal import Planning
internal import Scoring
internal import Sessions
internal import Threads

/// An older network with whose embeddings those of the run are to be comparable: the triplets mix
/// the embeddings of both (Schroff et al. 2015, section 7).
struct OldNetwork {
  /// The receipt of its weights.
  let hash: UInt64

  /// That of `compatible-with`, of which no photo is embedded yet; nil where there is none. Throws
  /// what is wrong with it.
  static func look(_ plan: TrainingPlan) throws -> OldNetwork? {
    guard let path = plan.configuration.compatibleWith else { return nil }
    let (checkpoint, refused) = try CheckpointStore.open(path)
    for reason in refused { plan.console.warn("refused: \(reason)") }
    let own = plan.factory.network.embeddingCount
    let embedding = try checkpoint.configuration.makeNetwork().embeddingCount
    guard embedding == own else { throw TrainingFailure.otherDimension(embedding, own) }
    return OldNetwork(hash: try checkpoint.weightsHash())
  }

  /// Embeds all training photos by the network of `compatible-with`, on every rank, as it is
  /// evaluated, into the room that the objective has for them; nil where there is none. `label`
  /// tells the class of a photo. Throws what is wrong with that network, and
  /// `Interruption`.
  static func open(
    _ plan: TrainingPlan, label: (_ photo: Int) -> Int, work: LongWork
  ) throws -> OldNetwork? {
    guard let path = plan.configuration.compatibleWith, let room = plan.factory.old else {
      return nil
    }
    let start = Clock.seconds
    let data = plan.data
    let old = try CheckpointNetwork.open(path, needsHead: true, in: plan.session)
    let dimension = plan.factory.network.embeddingCount
    guard old.network.embeddingCount == dimension else {
      throw TrainingFailure.otherDimension(old.network.embeddingCount, dimension)
    }
    var own = old.configuration
    if let file = own.landmarks {
      own.landmarks = plan.configuration.landmarks ?? file
      if plan.configuration.landmarks == nil, !old.isOwnPlace(plan.configuration.data) {
        plan.console.warn(
          "\(path) was trained on photos that \(file) aligned, and aligns these by it too: where "
            + "they are aligned already, or others of the same names, give --landmarks of their own"
        )
      }
    }
    let photos = data.divided.training
    let embeddings = try old.embeddings(
      of: photos, in: data.photos,
      preprocessing: Preprocessing(own, index: data.index), flip: own.flipTest,
      badLimit: plan.configuration.maxBad,
      onWait: { try work.look("embedding photos by \(path)", since: start) }
    ).embeddings
    try room.fill(labels: photos.map { Int32(label($0)) }) { values in
      if let embeddings { _ = values.update(fromContentsOf: embeddings.values) }
      try plan.communicator.broadcast(values, from: 0)
    }
    let opened = OldNetwork(hash: try old.checkpoint.weightsHash())
    plan.console.say(
      "compatible with \(path): \(photos.count) photos embedded in "
        + "\(Console.fixed(Clock.seconds - start, 1)) s")
    return opened
  }
}
