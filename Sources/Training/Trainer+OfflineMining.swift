internal import Networks
internal import Assembly
internal import Collectives
internal import Engine
internal import Scoring
internal import Configuration
internal import Checkpoints
internal import Sessions
internal import Threads
internal import Datasets
internal import Determinism
internal import Evaluation
internal import Losses

extension Trainer {
  /// Searches a pool for hard triplets if the last search was `offline-every` steps ago.
  func refreshOffline(_ sampler: PeopleSampler) throws {
    if let offline, progress.step - offline.step < configuration.offlineEvery { return }
    let start = Clock.seconds
    let (_, photos) = configuration.tripletBatch
    let pool = min(configuration.offlinePool ?? 4 * configuration.batch, sampler.count)
    let larger = try PeopleSampler(
      people: data.divided.training.map { data.index.photos[$0].person }, batch: pool,
      peoplePerBatch: max(1, pool / photos), photosPerPerson: photos,
      seed: configuration.seed, folder: data.name)
    let samples = Array(larger.batch(step: progress.step).samples)
    let embedded = try embedder.embed(
      samples.map { data.divided.training[$0] }, of: data.source.source,
      preprocessing: data.preprocessing, parameters: engine.state.parameters,
      statistics: engine.state.statistics, flip: false, ledger: loader.ledger,
      onWait: engine.onWait)
    // Every rank searches, so that all find the same.
    let values = try communicator.broadcast(
      embedded.map { $0.values.withUnsafeBytes { Array($0) } } ?? [], from: 0
    ).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    let search = OfflineSearch(
      values, dimension: factory.network.embeddingCount,
      labels: samples.map { data.index.photos[data.divided.training[$0]].person })
    let found = search.hardTriplets(margin: configuration.margin[0]) { count, body in
      session.pool.forEach(count) { _, item in body(item) }
    }
    // No more than can be trained on until the next search, in random order.
    let wanted = configuration.offlineEvery * (configuration.batch / 3)
    let hardest = found.prefix(wanted)
    let order = CounterRandom(
      seed: configuration.seed, purpose: .mining, progress.step, -2
    ).permutation(of: hardest.count)
    offline = OfflineTriplets(
      step: progress.step,
      triplets: order.map {
        Triplet(
          anchor: samples[hardest[$0].anchor], positive: samples[hardest[$0].positive],
          negative: samples[hardest[$0].negative])
      })
    console.say(
      "offline mining: \(hardest.count) of \(found.count) hard triplets from \(pool) photos in "
        + "\(Console.fixed(Clock.seconds - start, 1)) s")
  }
}
