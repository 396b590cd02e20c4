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
    if own.landmarks != nil { own.landmarks = plan.configuration.landmarks ?? own.landmarks }
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
