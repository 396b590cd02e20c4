internal import Assembly
internal import CheckpointParts
internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
internal import Evaluation
internal import Inputs
internal import Losses
internal import Networks
internal import Planning
internal import Sessions
internal import Threads

extension Workbench {
  /// Searches a pool of photos for hard triplets with the weights after `step` steps; every rank
  /// finds the same.
  func searchOffline(like sampler: PeopleSampler, step: Int) throws -> OfflineTriplets {
    let start = Clock.seconds
    let (configuration, data) = (plan.configuration, plan.data)
    let pool = min(configuration.offlinePool ?? 4 * configuration.batch, sampler.count)
    let larger = try BatchSource.peopleSampler(
      plan, batch: pool, people: max(1, pool / configuration.tripletBatch.photos))
    let samples = Array(larger.batch(step: step).samples)
    let embedded = try embed(
      samples.map { data.divided.training[$0] }, of: data.photos,
      preprocessing: data.preprocessing, flip: false, ledger: reader.loader.ledger)
    // Every rank searches, so that all find the same.
    let dimension = plan.factory.network.embeddingCount
    let values = try plan.communicator.broadcast(embedded?.values ?? [], from: 0)
    let search = OfflineSearch(
      values, dimension: dimension,
      labels: samples.map { data.index.photos[data.divided.training[$0]].person })
    let found = search.hardTriplets(margin: configuration.margin[0]) { count, body in
      plan.session.pool.forEach(count) { _, item in body(item) }
    }
    // No more than can be trained on until the next search, in random order.
    let wanted = configuration.offlineEvery * (configuration.batch / 3)
    let hardest = found.prefix(wanted)
    let order = CounterRandom(
      seed: configuration.seed, purpose: .mining, step, -2
    ).permutation(of: hardest.count)
    plan.console.say(
      "offline mining: \(hardest.count) of \(found.count) hard triplets from \(pool) photos in "
        + "\(Console.fixed(Clock.seconds - start, 1)) s")
    return OfflineTriplets(
      step: step,
      triplets: order.map {
        Triplet(
          anchor: samples[hardest[$0].anchor], positive: samples[hardest[$0].positive],
          negative: samples[hardest[$0].negative])
      })
  }
}
