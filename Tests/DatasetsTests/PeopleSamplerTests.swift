import Datasets
import Testing

@Suite struct PeopleSamplerTests {
  /// 40 people with 1, 1, 1, 1, 2, 3, ... photos in turn: 130 photos and more.
  private static let people: [Int] = (0..<40).flatMap { (person: Int) -> [Int] in
    Array(repeating: person, count: person % 2 == 0 ? 1 : 1 + person % 11)
  }

  private static func sampler(
    people: [Int] = people, batch: Int = 48, p: Int = 5, k: Int = 4, seed: UInt64 = 3
  ) throws -> PeopleSampler {
    try PeopleSampler(
      people: people, batch: batch, peoplePerBatch: p, photosPerPerson: k, seed: seed,
      folder: "photos")
  }

  private static let photosOf = Dictionary(grouping: people.indices, by: { people[$0] })

  @Test func batchesArePeopleTimesPhotosAndOthers() throws {
    let sampler = try Self.sampler()
    let eligible = Self.photosOf.filter { $0.value.count > 1 }
    #expect(sampler.eligibleCount == eligible.count)
    #expect(sampler.stepsPerEpoch == (Self.people.count + 47) / 48)
    let parts = (eligible.count + 4) / 5
    for round in 0..<4 {
      var visited: [Int] = []
      for part in 0..<parts {
        let step = round * parts + part
        let global = sampler.batch(step: step)
        #expect(global.step == step && global.epoch == step / sampler.stepsPerEpoch)
        #expect(global.samples.count == 48 && Set(global.samples).count == 48)
        let counts = Dictionary(grouping: global.samples, by: { Self.people[$0] })
          .mapValues(\.count)
        // Those whose turn it is come with K photos or whole.
        let whole = counts.filter {
          $0.value > 1 && $0.value == min(4, Self.photosOf[$0.key]!.count)
        }
        #expect(whole.count >= 4, "step \(step)")
        visited += whole.keys
      }
      #expect(Set(visited).isSuperset(of: eligible.keys), "round \(round)")
    }
  }

  @Test func microbatchesMixPeople() throws {
    let sampler = try Self.sampler()
    for step in 0..<20 {
      let samples = Array(sampler.batch(step: step).samples)
      let firsts = Set(samples.prefix(12).map { Self.people[$0] })
      #expect(firsts.count > 5, "step \(step)")
    }
  }

  @Test func onePhotoPeopleAreNegatives() throws {
    let sampler = try Self.sampler()
    var seen = Set<Int>()
    for step in 0..<60 { seen.formUnion(sampler.batch(step: step).samples) }
    let single = Self.photosOf.filter { $0.value.count == 1 }
    #expect(single.count >= 20)
    #expect(single.allSatisfy { seen.contains($0.value[0]) })
    #expect(seen.count == Self.people.count)
  }

  @Test func aBatchIsAFunctionOfSeedAndStep() throws {
    let sampler = try Self.sampler()
    let all = (0..<30).map { Array(sampler.batch(step: $0).samples) }
    for step in [29, 3, 14, 0] {
      #expect(try Array(Self.sampler().batch(step: step).samples) == all[step])
    }
    #expect(Set(all).count == 30)
    #expect(try Array(Self.sampler(seed: 4).batch(step: 0).samples) != all[0])
  }

  @Test func theWholeSetMayBeOneBatch() throws {
    for people in [[0, 0, 1, 1], [0, 0, 0, 0, 1], [7, 3, 3]] {
      let sampler = try Self.sampler(people: people, batch: people.count, p: 1, k: 2)
      for step in 0..<5 {
        #expect(sampler.batch(step: step).samples.sorted() == Array(people.indices))
      }
    }
  }

  @Test func noPositivePairIsRefused() {
    #expect(throws: DatasetError.noPositivePair(folder: "photos")) {
      try Self.sampler(people: Array(0..<60))
    }
    let sentence = DatasetError.noPositivePair(folder: "photos").description
    #expect(sentence.contains("photos") && sentence.contains("two photos"))
    #expect(!sentence.contains("\n"))
  }
}
