private import Determinism
private import Preconditions

/// The batches of triplet training: P people x K photos, then photos of other people at random, all
/// in random order, so that microbatches mix people (Schroff et al. 2015, section 3.2).
///
/// Every batch has `batch` different photos. People who have two photos or more take turns as the
/// P: all of them once, in a random order, then again in another. Somebody with fewer than K photos
/// comes whole; the others fill up. An epoch is ceil(photos / batch) steps: as many samples as
/// there are photos, as with every other loss.
package struct PeopleSampler: Sendable {
  /// The number of samples of an epoch.
  package let count: Int
  /// Samples of a batch.
  package let batch: Int
  /// People of a batch who come with several photos.
  package let peoplePerBatch: Int
  /// The most photos of each of them.
  package let photosPerPerson: Int
  /// What the choice is a function of, with the step.
  package let seed: UInt64
  private let personOfSample: [Int]
  private let samplesOfPerson: [[Int]]
  /// The people who have a positive pair.
  private let eligible: [Int]

  /// Batches of the samples whose people are `people` [count], any numbers; throws
  /// `DatasetError.noPositivePair` where nobody has two photos.
  ///
  /// `folder` is what to call the data in a message.
  package init(
    people: [Int], batch: Int, peoplePerBatch: Int, photosPerPerson: Int, seed: UInt64,
    folder: String
  ) throws(DatasetError) {
    require(
      batch > 0 && peoplePerBatch > 0 && photosPerPerson > 1
        && peoplePerBatch * photosPerPerson <= batch && batch <= people.count,
      "PeopleSampler: \(peoplePerBatch) people x \(photosPerPerson) photos in a batch of \(batch) of "
        + "\(people.count) samples")
    count = people.count
    self.batch = batch
    self.peoplePerBatch = peoplePerBatch
    self.photosPerPerson = photosPerPerson
    self.seed = seed
    personOfSample = people
    var samples = [[Int]](repeating: [], count: (people.max() ?? -1) + 1)
    for (sample, person) in people.enumerated() { samples[person].append(sample) }
    samplesOfPerson = samples
    eligible = samples.indices.filter { samples[$0].count > 1 }
    guard !eligible.isEmpty else { throw .noPositivePair(folder: folder) }
  }

  /// Steps of as many samples as there are photos.
  package var stepsPerEpoch: Int { (count + batch - 1) / batch }

  /// The number of people who have two photos or more.
  package var eligibleCount: Int { eligible.count }

  /// The global batch of `step`: a function of it and of the seed.
  package func batch(step: Int) -> GlobalBatch {
    require(step >= 0, "PeopleSampler: step \(step) is negative")
    let people = people(ofStep: step)
    var chosen: [Int] = []
    chosen.reserveCapacity(batch)
    for person in people {
      let samples = samplesOfPerson[person]
      if samples.count <= photosPerPerson {
        chosen += samples
      } else {
        let order = stream(.photos, step, person).permutation(of: samples.count)
        chosen += order.prefix(photosPerPerson).map { samples[$0] }
      }
    }
    fill(&chosen, besides: people, step: step)
    let order = stream(.order, step).permutation(of: chosen.count)
    return GlobalBatch(
      step: step, epoch: step / stepsPerEpoch, samples: order.map { chosen[$0] }[...])
  }

  private enum Draw: Int {
    case people = 1
    case photos, others, order
  }

  private func stream(_ draw: Draw, _ step: Int, _ person: Int = 0) -> CounterRandom {
    CounterRandom(seed: seed, purpose: .shuffle, step, draw.rawValue, person)
  }

  /// At most P people: a round goes through all of them in shares that differ by at most one.
  private func people(ofStep step: Int) -> [Int] {
    let parts = (eligible.count + peoplePerBatch - 1) / peoplePerBatch
    let (round, part) = step.quotientAndRemainder(dividingBy: parts)
    let order = stream(.people, round).permutation(of: eligible.count)
    return Microbatches.share(of: eligible.count, rank: part, size: parts).map {
      eligible[order[$0]]
    }
  }

  /// Fills the batch with photos of anybody but `people`, and where there are not enough, of all.
  private func fill(_ chosen: inout [Int], besides people: [Int], step: Int) {
    guard chosen.count < batch else { return }
    let taken = Set(people)
    var isChosen = Set(chosen)
    let stream = stream(.others, step)
    var number = 0
    while chosen.count < batch && number < 16 * batch {
      let sample = stream.integer(number, below: count)
      number += 1
      if taken.contains(personOfSample[sample]) { continue }
      if isChosen.insert(sample).inserted { chosen.append(sample) }
    }
    // Few are left: they come in their order, from a random one on.
    let start = stream.integer(number, below: count)
    for takesAnybody in [false, true] {
      for offset in 0..<count where chosen.count < batch {
        let sample = (start + offset) % count
        if !takesAnybody && taken.contains(personOfSample[sample]) { continue }
        if isChosen.insert(sample).inserted { chosen.append(sample) }
      }
    }
  }
}
