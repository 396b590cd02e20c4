/// What the sets of one evaluation gave, the one that counts first.
package struct SetResults {
  /// By the names of the sets, the one that counts first.
  package let results: [(name: String, result: EvaluationResult)]

  /// The results of at least one set.
  package init(results: [(name: String, result: EvaluationResult)]) { self.results = results }

  /// That of the set that counts.
  package var first: EvaluationResult { results[0].result }

  /// The printed figures, with the set's name before them where there are several and it has one.
  package var lines: [String] {
    results.flatMap { name, result in
      results.count > 1 && !name.isEmpty ? result.lines.map { "\(name) \($0)" } : result.lines
    }
  }

  /// The sets whose mean the field's tables show.
  private static let five = ["lfw", "cfp_fp", "agedb_30", "calfw", "cplfw"]

  /// The subsets of RFW (Wang et al., 2019), whose files are called by them.
  private static let races = ["african", "asian", "caucasian", "indian"]

  /// The mean accuracy over the sets, and over the field's five where they are all there; mean,
  /// spread and ratio of errors over the four of RFW where they are; nothing where fewer than two
  /// have one.
  package var summary: [String] {
    let accuracies = results.compactMap { name, result in
      result.verification.map { (name, $0.accuracy) }
    }
    guard accuracies.count > 1 else { return [] }
    func line(_ title: String, _ chosen: [(String, Double)]) -> String {
      let mean = chosen.reduce(0) { $0 + $1.1 } / Double(chosen.count)
      return "\(title) \(Figure.text(mean, digits: 6)) of "
        + chosen.map(\.0).joined(separator: ", ")
    }
    var lines = [line("mean-accuracy", accuracies)]
    let five = Self.five.compactMap { wanted in
      accuracies.first { Self.stem($0.0) == wanted }
    }
    if five.count == Self.five.count, accuracies.count > five.count {
      lines.append(line("mean-of-five", five))
    }
    let subsets = Self.races.compactMap { race in
      accuracies.first { Self.stem($0.0).lowercased().prefix { $0.isLetter } == race }
    }
    if subsets.count == Self.races.count {
      lines += spread(of: subsets.map(\.0)).lines("rfw")
    }
    return lines
  }

  /// The spread of the accuracies of the sets called `names`, whose people are drawn each by
  /// themselves.
  private func spread(of names: [String]) -> AccuracySpread {
    let chosen = names.compactMap { name in results.first { $0.name == name }?.result }
    let drawn = chosen.enumerated().map { place, result -> [Double?] in
      guard let scores = result.scores, let verification = result.verification else { return [] }
      return scores.drawnAccuracies(
        of: verification, bootstrap: PeopleBootstrap(scores.pairs), seed: UInt64(place))
    }
    let count = drawn.map(\.count).min() ?? 0
    return AccuracySpread(
      chosen.compactMap { $0.verification?.accuracy },
      drawn: (0..<count).map { draw in drawn.map { $0[draw] } })
  }

  /// `African_pairs` of `txts/African_pairs.txt`.
  private static func stem(_ name: String) -> Substring {
    let last = name.lastIndex(of: "/").map { name[name.index(after: $0)...] } ?? name[...]
    return last.lastIndex(of: ".").map { last[..<$0] } ?? last
  }

  /// How the figures were found, a line each, with the name of the set where there are several.
  package var rules: [String] { named(\.rules) }
  /// What to be warned of, in the same way.
  package var warnings: [String] { named(\.warnings) }

  private func named(_ path: KeyPath<EvaluationResult, [String]>) -> [String] {
    results.flatMap { name, result in
      results.count > 1 && !name.isEmpty
        ? result[keyPath: path].map { "\(name): \($0)" } : result[keyPath: path]
    }
  }
}

/// How far the accuracies of parts lie apart, as RFW has it.
package struct AccuracySpread: Sendable {
  private let accuracies: [Double]
  /// By draw of people, those in which every part has an accuracy.
  private let drawn: [AccuracySpread]

  /// The spread of `accuracies`, one a part; `drawn` are those of draws of people, nil where a part
  /// has none.
  package init(_ accuracies: [Double], drawn: [[Double?]] = []) {
    self.accuracies = accuracies
    self.drawn = drawn.compactMap { draw in
      let known = draw.compactMap(\.self)
      return known.count == draw.count ? AccuracySpread(known) : nil
    }
  }

  /// The middle 95 % of a figure over the draws that have it; nil where none has.
  package func interval(_ figure: (AccuracySpread) -> Double?) -> ClosedRange<Double>? {
    let values = drawn.compactMap(figure)
    return values.isEmpty ? nil : PairScores.interval(values)
  }

  /// Mean and population deviation; nil without any.
  package var moments: (mean: Double, deviation: Double)? {
    accuracies.isEmpty ? nil : populationMoments(accuracies)
  }

  /// The skewed error ratio: the largest error over the smallest; nil for fewer than two parts, or
  /// one without errors.
  package var errorRatio: Double? {
    guard accuracies.count > 1, let best = accuracies.max(), let worst = accuracies.min(), best < 1
    else { return nil }
    return (1 - worst) / (1 - best)
  }

  /// `NAME-accuracy`, `NAME-spread` and `NAME-error-ratio`, one a line.
  package func lines(_ name: String) -> [String] {
    var lines: [String] = []
    if let moments {
      lines.append(
        "\(name)-accuracy \(Figure.text(moments.mean, digits: 6))"
          + Figure.spread(interval { $0.moments?.mean }))
      lines.append(
        "\(name)-spread \(Figure.text(moments.deviation, digits: 6))"
          + Figure.spread(interval { $0.moments?.deviation }))
    }
    lines.append(
      "\(name)-error-ratio "
        + (errorRatio.map { Figure.text($0, digits: 4) + Figure.spread(interval(\.errorRatio)) }
          ?? (accuracies.count > 1 ? "none: a subset has no errors" : "none: one subset alone")))
    return lines
  }
}
