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

  package var rules: [String] { named(\.rules) }
  package var warnings: [String] { named(\.warnings) }

  private func named(_ path: KeyPath<EvaluationResult, [String]>) -> [String] {
    results.flatMap { name, result in
      results.count > 1 ? result[keyPath: path].map { "\(name): \($0)" } : result[keyPath: path]
    }
  }
}
