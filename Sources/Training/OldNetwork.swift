internal import Assembly
internal import Checkpoints
internal import Configuration
internal import Engine
internal import Evaluation
internal import Networks
internal import Datasets
internal import Scoring
internal import Sessions
internal import Threads

/// An older network with whose embeddings those of the run are to be comparable: the triplets mix
/// the embeddings of both (Schroff et al. 2015, section 7).
struct OldNetwork {
  /// What it makes of every training sample.
  let embeddings: OldEmbeddings
  /// The receipt of its weights.
  let hash: UInt64

  /// Bytes of the embeddings that `plan` asks for.
  static func bytes(_ plan: TrainingPlan) -> Int {
    guard plan.configuration.compatibleWith != nil else { return 0 }
    return 4 * plan.data.divided.training.count * (plan.factory.network.embeddingCount + 1)
  }

  /// Embeds all training photos by the network of `compatible-with`, on every rank, as it is
  /// evaluated; nil where there is none. `label` tells the class of a photo. Throws what is wrong
  /// with that network.
  static func open(_ plan: TrainingPlan, label: (_ photo: Int) -> Int) throws -> OldNetwork? {
    guard let path = plan.configuration.compatibleWith else { return nil }
    let start = Clock.seconds
    let data = plan.data
    let old = try CheckpointNetwork(path: path, session: plan.session)
    let dimension = plan.factory.network.embeddingCount
    guard old.network.embeddingCount == dimension else {
      throw TrainingFailure.otherDimension(old.network.embeddingCount, dimension)
    }
    var own = old.configuration
    if own.landmarks != nil { own.landmarks = plan.configuration.landmarks ?? own.landmarks }
    let photos = data.divided.training
    let embeddings = try old.embeddings(
      of: photos, in: data.source.source,
      preprocessing: Preprocessing(own, index: data.index), flip: own.flipTest,
      badLimit: plan.configuration.maxBad
    ).embeddings
    let values = try plan.communicator.broadcast(
      embeddings?.values, count: photos.count * dimension)
    let opened = OldNetwork(
      embeddings: OldEmbeddings(
        values: values, labels: photos.map { Int32(label($0)) }, dimension: dimension),
      hash: try old.checkpoint.weightsHash())
    plan.console.say(
      "compatible with \(path): \(photos.count) photos embedded in "
        + "\(Console.fixed(Clock.seconds - start, 1)) s")
    return opened
  }
}
