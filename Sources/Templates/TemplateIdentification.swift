internal import Evaluation
private import Foundation

/// IJB's 1:N protocol: probes against two galleries of different people.
///
/// The mate of a probe is the most similar template of its person; somebody else's that is as
/// similar stands before it, and a template without a readable photo is found by nobody.
package struct TemplateIdentification: Sendable {
  /// A rate at a false-positive identification rate.
  package struct Rate: Sendable, Equatable {
    /// The share of non-mated probes that may be found.
    package let targetFPIR: Double
    /// The share of mated probes that are found then.
    package let TPIR: Double
    /// The middle 95 % of it over draws of the probes' people; nil where none were made.
    package var interval: ClosedRange<Double>?
    /// Why probes say nothing at `targetFPIR`, being too few; nil where they do.
    package var refusal: String?
  }

  /// The ranks that are reported.
  package static let ranks = [1, 5, 10]

  /// The share of probes whose person is among the best templates of both galleries together, by
  /// `ranks`.
  package let rankRates: [Double]
  /// The middle 95 % of `rankRates` over draws of the probes' people.
  package let rankIntervals: [ClosedRange<Double>?]
  /// NIST's definition, the mean over the galleries: probes of people of the other gallery are the
  /// non-mated ones, of which at most the target have any score above the threshold; found is a
  /// mated probe whose best template is right and above it.
  package let rates: [Rate]
  /// insightface's (ijb_1n.py): all scores of a probe with others of both galleries are pooled, the
  /// ceil(probes x target)-th largest is the threshold, and found is whose mate is above it.
  package let pooledRates: [Rate]
  /// Probes, mated or not.
  package let probeCount: Int
  /// Templates of both galleries.
  package let gallerySize: Int
  /// Probes whose person is in no gallery; they are in NIST's rates alone.
  package let unmatedCount: Int
  /// How intervals were made, in words.
  package let rule: String

  /// One probe's scores, of which these are kept.
  struct Found: Sendable {
    let mate: Float?
    let rank: Int
    /// Of either gallery: the largest score, and whether it is of the probe's person.
    let best: [(score: Float, isRight: Bool)]
    /// The largest scores with others.
    let others: [Float]
  }

  /// `features` of all templates; probes and galleries are lists of them with their people.
  package init(
    _ features: TemplateFeatures, galleries: [TemplateSubjects], probes: TemplateSubjects,
    seed: UInt64 = 0, threads: Int
  ) {
    let places = features.places
    func gather(_ templates: [Int32]) -> [Float] {
      templates.flatMap { template -> ArraySlice<Float> in
        let place = Int(places[template]!)
        return features.values[place * features.dimension..<(place + 1) * features.dimension]
      }
    }
    let subjects = galleries.flatMap(\.subjects)
    let sizes = galleries.map(\.subjects.count)
    let bounds = sizes.indices.map { sizes[..<$0].reduce(0, +)..<sizes[...$0].reduce(0, +) }
    let pooledCounts = OpenSetIdentification.targets.map {
      Int((Double(probes.templates.count) * $0).rounded(.up))
    }
    // Draws may have more probes than there are.
    let keptCount = (pooledCounts.max() ?? 1) * 5 / 4 + 1
    let probeSubjects = probes.subjects
    func emptyPlaces(_ templates: [Int32]) -> [Int] {
      templates.indices.filter { features.isEmpty[Int(places[templates[$0]]!)] }
    }
    let emptyTemplates = emptyPlaces(galleries.flatMap(\.templates))
    let emptyProbes = Set(emptyPlaces(probes.templates))
    let found = ScoreBlocks.map(
      gather(probes.templates), against: gather(galleries.flatMap(\.templates)),
      dimension: features.dimension, threads: threads
    ) { probe, scores in
      if emptyProbes.contains(probe) { scores.update(repeating: -.infinity) }
      for place in emptyTemplates { scores[place] = -.infinity }
      return Self.look(
        scores, subjects: subjects, bounds: bounds, person: probeSubjects[probe],
        keptCount: keptCount)
    }
    let mated = found.filter { $0.mate != nil }
    rankRates = Self.ranks.map { rank in
      Double(mated.count { $0.rank < rank }) / Double(max(1, mated.count))
    }
    unmatedCount = found.count - mated.count
    probeCount = found.count
    gallerySize = subjects.count
    let people = galleries.map { Set($0.subjects) }
    let pooled = found.flatMap(\.others).sorted(by: >)
    let draws = Draws(found, people: people, subjects: probeSubjects, pooled: pooled)
    let intervals = draws.intervals(
      ranks: Self.ranks, targets: OpenSetIdentification.targets, seed: seed)
    rule = draws.rule
    rankIntervals = intervals.ranks
    pooledRates = Self.pooledRates(
      pooled, mated: mated, of: found.count, counts: pooledCounts, intervals: intervals.pooled)
    rates = Self.galleryRates(found, people: people, probeSubjects, intervals: intervals.rates)
  }

  /// `pooledRates` of `probeCount` probes, where `counts` are as many scores as each target takes.
  private static func pooledRates(
    _ pooled: [Float], mated: [Found], of probeCount: Int, counts: [Int],
    intervals: [ClosedRange<Double>?]
  ) -> [Rate] {
    zip(OpenSetIdentification.targets, zip(counts, intervals)).compactMap { target, drawn in
      let (count, interval) = drawn
      guard count <= pooled.count, !mated.isEmpty else { return nil }
      let threshold = pooled[count - 1]
      let needed = OpenSetIdentification.neededCount(target)
      return Rate(
        targetFPIR: target,
        TPIR: Double(mated.count { $0.mate! > threshold }) / Double(mated.count),
        interval: interval,
        refusal: probeCount >= needed
          ? nil : "insufficient data: \(probeCount) probes, and it takes \(needed)")
    }
  }

  /// `rates`, where `people` are those of each gallery and `subjects` those of the probes.
  private static func galleryRates(
    _ found: [Found], people: [Set<Int32>], _ subjects: [Int32],
    intervals: [ClosedRange<Double>?]
  ) -> [Rate] {
    let perGallery = people.indices.map { gallery in
      OpenSetIdentification(
        found.indices.map { probe in
          let best = found[probe].best[gallery]
          return .init(
            distance: 2 - 2 * Double(best.score),
            isMated: people[gallery].contains(subjects[probe]), isRight: best.isRight)
        })
    }
    return OpenSetIdentification.targets.enumerated().compactMap { index, target in
      let known = perGallery.filter { !$0.rates.isEmpty }
      guard known.count == perGallery.count, !known.isEmpty else { return nil }
      let sum = known.reduce(0) { $0 + $1.rates[index].TPIR }
      return Rate(
        targetFPIR: target, TPIR: sum / Double(known.count), interval: intervals[index],
        refusal: known.compactMap { $0.rates[index].refusal }.first)
    }
  }

  /// What is kept of a probe's `scores` with the templates of both galleries, whose people are
  /// `subjects` and whose places are `bounds`.
  private static func look(
    _ scores: UnsafeMutableBufferPointer<Float>, subjects: [Int32], bounds: [Range<Int>],
    person: Int32, keptCount: Int
  ) -> Found {
    var mate: Float?
    var others: [Float] = []
    let best = bounds.map { range in
      var (own, strange) = (-Float.infinity, -Float.infinity)
      for place in range {
        if subjects[place] == person {
          own = max(own, scores[place])
          mate = max(mate ?? own, own)
        } else {
          strange = max(strange, scores[place])
          others.append(scores[place])
        }
      }
      return (score: max(own, strange), isRight: MatePlace.isFirst(own, before: strange))
    }
    others.sort(by: >)
    let rank = mate.map { MatePlace.find(mate: $0, amongDescending: others) } ?? .max
    return Found(mate: mate, rank: rank, best: best, others: Array(others.prefix(keptCount)))
  }

  /// The figures to print, one a line.
  package var lines: [String] {
    func text(_ rate: Rate) -> String {
      "TPIR@FPIR=\(rate.targetFPIR) "
        + (rate.refusal ?? Figure.text(rate.TPIR, digits: 6) + Figure.spread(rate.interval))
    }
    let ranks = unmatedCount == probeCount ? [] : Array(zip(Self.ranks, rankRates))
    return zip(ranks, rankIntervals).map {
      "rank-\($0.0) \(Figure.text($0.1, digits: 6))" + Figure.spread($1)
    }
      + rates.map { text($0) + ", NIST, mean of the galleries" }
      + pooledRates.map { text($0) + ", all scores pooled as insightface does" }
  }
}
