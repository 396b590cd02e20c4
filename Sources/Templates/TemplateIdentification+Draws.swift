internal import Evaluation

extension TemplateIdentification {
  /// The figures of 1:N where the people of the probes are drawn anew; the galleries stay.
  struct Draws {
    /// A score, and the place of its probe's person among the people that are drawn.
    private struct Scored {
      let score: Float
      let person: Int
      var isRight = false
    }

    private let found: [Found]
    /// By probe.
    private let persons: [Int]
    private let bootstrap: PeopleBootstrap
    /// Probes of each gallery's people, and the others with the largest scores first.
    private let mated: [[Scored]]
    private let others: [[Scored]]
    /// All scores with somebody else that are kept, the largest first, and those of them that have
    /// been looked up.
    private let pooled: [Float]
    private var top: [Scored]

    /// Draws of the people of probes that are `found`; `people` are those of each gallery,
    /// `subjects` those of the probes, `pooled` all scores with others, the largest first.
    init(_ found: [Found], people: [Set<Int32>], subjects: [Int32], pooled: [Float]) {
      let places = Dictionary(
        uniqueKeysWithValues: Set(subjects).sorted().enumerated().map { ($1, $0) })
      let persons = subjects.map { places[$0]! }
      (self.found, self.persons, self.pooled) = (found, persons, pooled)
      bootstrap = PeopleBootstrap(people: places.count)
      func probes(of gallery: Int, areMated: Bool) -> [Scored] {
        found.indices.filter { people[gallery].contains(subjects[$0]) == areMated }.map {
          let best = found[$0].best[gallery]
          return Scored(score: best.score, person: persons[$0], isRight: best.isRight)
        }
      }
      mated = people.indices.map { probes(of: $0, areMated: true) }
      others = people.indices.map {
        probes(of: $0, areMated: false).sorted { $0.score > $1.score }
      }
      top = []
      extend()
    }

    /// How intervals are made.
    var rule: String { bootstrap.rule }

    /// Intervals of the rates at `ranks` and of both readings of the rates at `targets`.
    func intervals(
      ranks: [Int], targets: [Double], seed: UInt64
    ) -> (
      ranks: [ClosedRange<Double>?], rates: [ClosedRange<Double>?], pooled: [ClosedRange<Double>?]
    ) {
      var own = self
      let all = bootstrap.intervals(seed: seed) { counts in
        ranks.map { own.share(within: $0, counts) } + targets.map { own.perGallery($0, counts) }
          + targets.map { own.pooled($0, counts) }
      }
      let ends = (ranks.count, ranks.count + targets.count)
      return (
        Array(all[..<ends.0]), Array(all[ends.0..<ends.1]), Array(all[ends.1...])
      )
    }

    private func share(within rank: Int, _ counts: [Int32]) -> Double? {
      var (right, all) = (0, 0)
      for (probe, person) in zip(found, persons) where probe.mate != nil {
        all += Int(counts[person])
        if probe.rank < rank { right += Int(counts[person]) }
      }
      return all > 0 ? Double(right) / Double(all) : nil
    }

    private func perGallery(_ target: Double, _ counts: [Int32]) -> Double? {
      var sum = 0.0
      for (mated, others) in zip(mated, others) {
        let total = others.reduce(0) { $0 + Int(counts[$1.person]) }
        let all = mated.reduce(0) { $0 + Int(counts[$1.person]) }
        guard all > 0, total > 0 else { return nil }
        let threshold = Self.passed(others, counts, above: Int(target * Double(total) + 1e-9))!
        sum += Double(Self.right(mated, counts, above: threshold)) / Double(all)
      }
      return mated.isEmpty ? nil : sum / Double(mated.count)
    }

    private mutating func pooled(_ target: Double, _ counts: [Int32]) -> Double? {
      let probeCount = persons.reduce(0) { $0 + Int(counts[$1]) }
      let wanted = Int((Double(probeCount) * target).rounded(.up))
      var threshold = Self.passed(top, counts, above: wanted - 1)
      while threshold == nil, top.count < pooled.count {
        extend()
        threshold = Self.passed(top, counts, above: wanted - 1)
      }
      guard let threshold else { return nil }
      var (right, all) = (0, 0)
      for (probe, person) in zip(found, persons) {
        guard let mate = probe.mate else { continue }
        all += Int(counts[person])
        if mate > threshold { right += Int(counts[person]) }
      }
      return all > 0 ? Double(right) / Double(all) : nil
    }

    /// The score at which more than `limit` of `scores` are passed; nil where there are no more.
    private static func passed(
      _ scores: [Scored], _ counts: [Int32], above limit: Int
    ) -> Float? {
      var sum = 0
      for scored in scores {
        sum += Int(counts[scored.person])
        if sum > limit { return scored.score }
      }
      return nil
    }

    private static func right(
      _ mated: [Scored], _ counts: [Int32], above threshold: Float
    ) -> Int {
      mated.reduce(0) {
        $0 + ($1.isRight && $1.score > threshold ? Int(counts[$1.person]) : 0)
      }
    }

    /// Looks up whose twice as many of the largest scores are.
    private mutating func extend() {
      let count = min(pooled.count, max(2 * top.count, persons.count))
      guard count > 0 else { return }
      let least = pooled[count - 1]
      top = zip(found, persons).flatMap { probe, person in
        probe.others.prefix { $0 >= least }.map { Scored(score: $0, person: person) }
      }.sorted { $0.score > $1.score }
    }
  }
}
