internal import Collectives
internal import Datasets
private import Determinism
internal import Evaluation
internal import Losses
private import Networks

/// Hard triplets of a pool of photos, found with the weights of some step and trained on until the
/// next search (Schroff et al. 2015, section 3.2: "generate triplets offline every n steps").
struct OfflineTriplets: Sendable, Equatable {
  /// Steps before the search.
  let step: Int
  /// Training samples, in the order in which they are trained on.
  let triplets: [Triplet]

  init(step: Int, triplets: [Triplet]) {
    self.step = step
    self.triplets = triplets
  }

  /// Reads what `text` writes.
  init(text: String) {
    let numbers = text.split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap { Int($0) }
    step = numbers.first ?? 0
    triplets = stride(from: 1, to: numbers.count - 2, by: 3).map {
      Triplet(anchor: numbers[$0], positive: numbers[$0 + 1], negative: numbers[$0 + 2])
    }
  }

  /// The step, then anchor, positive and negative of a triplet on each line.
  var text: String {
    ([String(step)] + triplets.map { "\($0.anchor) \($0.positive) \($0.negative)" })
      .joined(separator: "\n")
  }

  /// The batch of `step`: a third of it in triplets, in turn, and photos of the sampler's own batch
  /// in what is left; and the triplets as slots. The same photo may be in several slots.
  func batch(step: Int, like sampler: PeopleSampler) -> (GlobalBatch, [Triplet]) {
    let count = min(sampler.batch / 3, triplets.count)
    let start = (step - self.step) * count
    let chosen = (0..<count).map { triplets[(start + $0) % triplets.count] }
    let own = sampler.batch(step: step)
    let samples =
      chosen.flatMap { [$0.anchor, $0.positive, $0.negative] }
      + own.samples.prefix(sampler.batch - 3 * count)
    let order = CounterRandom(seed: sampler.seed, purpose: .mining, step, -1).permutation(
      of: sampler.batch)
    // Place i of the batch is slot slots[i].
    var slots = [Int](repeating: 0, count: sampler.batch)
    for (slot, place) in order.enumerated() { slots[place] = slot }
    return (
      GlobalBatch(step: step, epoch: own.epoch, samples: order.map { samples[$0] }[...]),
      (0..<count).map {
        Triplet(
          anchor: slots[3 * $0], positive: slots[3 * $0 + 1], negative: slots[3 * $0 + 2])
      }
    )
  }
}

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
