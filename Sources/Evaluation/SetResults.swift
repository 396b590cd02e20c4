/// What the sets of one evaluation gave, the one that counts first.
package struct SetResults {
  /// By the names of the sets, the one that counts first.
  package let results: [(name: String, result: EvaluationResult)]

  /// The results of at least one set.
  package init(results: [(name: String, result: EvaluationResult)]) { self.results = results }

  /// That of the set that counts.
  package var first: EvaluationResult { results[0].result }

  /// The printed figures, with the set's name before them where there are several.
  package var lines: [String] {
    results.flatMap { name, result in
      results.count > 1 ? result.lines.map { "\(name) \($0)" } : result.lines
    }
  }

  /// The sets whose mean the field's tables show.
  private static let five = ["lfw", "cfp_fp", "agedb_30", "calfw", "cplfw"]

  /// The mean accuracy over the sets, and over the field's five where they are all there; nothing
  /// where fewer than two have one.
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
    let five = Self.five.compactMap { wanted in accuracies.first { $0.0 == wanted } }
    if five.count == Self.five.count, accuracies.count > five.count {
      lines.append(line("mean-of-five", five))
    }
    return lines
  }

  package var rules: [String] { named(\.rules) }
  package var warnings: [String] { named(\.warnings) }

  private func named(_ path: KeyPath<EvaluationResult, [String]>) -> [String] {
    results.flatMap { name, result in
      results.count > 1 ? result[keyPath: path].map { "\(name): \($0)" } : result[keyPath: path]
    }
  }
}
