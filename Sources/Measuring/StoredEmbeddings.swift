internal import Datasets
internal import EmbeddingFiles
package import Evaluation
internal import Inputs
internal import Interchange
internal import Kernels
internal import Reports
internal import Sessions

/// Embeddings that some program has stored, with their names.
package struct StoredEmbeddings {
  /// One row a name.
  package let embeddings: Embeddings
  /// What each row is of, as the file says.
  package let names: [String]
  /// Where they were read.
  private let path: String

  /// Reads a file that `embed` writes; `names` is a file of names, one a line, for those that have
  /// none themselves. What is passed over is told on standard error unless `isQuiet`. Throws what
  /// is wrong.
  package init(file: String, names: String?, isQuiet: Bool = false) throws {
    func tell(_ note: String) {
      if !isQuiet { StandardOutput.complain("ddp-train: note: \(note)") }
    }
    let (all, called) = try EmbeddingFile.read(file, names: names, tell: tell)
    guard all.count > 0 else {
      throw InterchangeError.foreign(path: file, reason: "holds no embeddings: it has no rows")
    }
    let rows = DistinctRows(all, names: called)
    for note in rows.notes { tell("\(file): \(note)") }
    (embeddings, self.names, path) = (rows.embeddings, rows.names, file)
  }

  /// Scores the pairs of each file of `request` and prints the figures and tables.
  func evaluate(_ request: EvaluateRequest) throws {
    let files = request.pairs
    guard !files.isEmpty else { throw EvaluationFailure.noPairs }
    let tables = try EvaluationTables(request)
    var scored: [(name: String, result: EvaluationResult)] = []
    var pages: [EvaluationTables.Page] = []
    for file in files {
      let prefix = files.count > 1 ? "\(file) " : ""
      let (result, page) = try evaluate(file, tables, prefix: prefix)
      scored.append((file, result))
      pages.append(page)
    }
    let results = SetResults(results: scored)
    for line in results.summary { StandardOutput.print(line) }
    try tables.requireSubsets(in: pages)
    guard let html = request.html else { return }
    var report = EvaluationReport(
      title: "Evaluation of \(path)",
      facts: ["\(embeddings.count) embeddings of \(embeddings.dimension) numbers"])
    for (page, (file, result)) in zip(pages, scored) {
      report.add(
        page.detail(of: result) {
          names[$0]
        } jpeg: { _ in
          nil
        }, called: file)
    }
    report.add(summaryOf: results)
    try TextFile.write(report.render(), to: html)
  }

  /// In a list with more than one pair in so many that says otherwise than folders do of who is on
  /// the photos, folders are not those of people.
  private static let pairsOfOneMistake = 20

  /// What is scored of `pairs`: not those of rows without a direction, as pipelines write zeros,
  /// and some NaN, where they found no face. The people of the rows are named for intervals, unless
  /// the pairs say that the folders of the names are not those of people.
  package func scored(_ pairs: VerificationPairs) -> VerificationPairs {
    let lacking = pairs.photoIndices.filter { !embeddings.hasDirection($0) }
    let scored = pairs.without(Set(lacking), because: VerificationPairs.withoutDirection)
    guard let people,
      pairs.contradictionCount(with: people) * Self.pairsOfOneMistake <= pairs.pairs.count
    else { return scored }
    return scored.naming(people)
  }

  /// The person of each row: the folder of its name; nil where a name has none.
  package var people: [Int]? {
    var places: [Substring: Int] = [:]
    var people: [Int] = []
    for name in names {
      guard let end = name.lastIndex(of: "/") else { return nil }
      people.append(places[name[..<end], default: places.count])
      places[name[..<end]] = people.last
    }
    return people
  }

  private func evaluate(
    _ pairs: String, _ tables: EvaluationTables, prefix: String
  ) throws -> (EvaluationResult, EvaluationTables.Page) {
    guard !EvaluationSet.bringsPhotos(pairs) else {
      throw EvaluationFailure.photosBesideEmbeddings(path: pairs)
    }
    BLASRuntime.configureSingleThread()
    let file = try PairsFile(parsing: FileReader.text(of: pairs), file: pairs)
    let resolved = file.resolved(against: names)
    guard !resolved.pairs.isEmpty else {
      throw DatasetError.badOption(
        name: "--pairs", text: pairs,
        reason: "none of its pairs is among the names"
          + (resolved.skipped.first.map { ": \($0)" } ?? ""))
    }
    for skipped in resolved.skipped.prefix(20) {
      StandardOutput.print("\(prefix)skipped: \(skipped)")
    }
    if resolved.skipped.count > 20 {
      StandardOutput.print("\(prefix)skipped: \(resolved.skipped.count) pairs in all")
    }
    let scored = scored(resolved)
    guard !scored.pairs.isEmpty else {
      throw DatasetError.badOption(
        name: "--pairs", text: pairs,
        reason: "each of its pairs has an embedding of zeros, or with a NaN or an infinity")
    }
    let result = EvaluationResult(embeddings: embeddings, pairs: scored)
    let page = try tables.page(of: result, names: names)
    for rule in result.rules + page.rules { StandardOutput.print(prefix + rule) }
    for line in result.lines + page.lines { StandardOutput.print(prefix + line) }
    for warning in result.warnings + page.warnings {
      StandardOutput.print("\(prefix)warning: \(warning)")
    }
    return (result, page)
  }
}
