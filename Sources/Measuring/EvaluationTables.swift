internal import Datasets
internal import Evaluation
internal import Interchange

/// The tables that an evaluation prints below its figures.
struct EvaluationTables {
  private let subsets: SubsetsFile?
  private let quality: PhotoQuality?

  /// The tables that `request` asks for; throws what is wrong with its files.
  init(_ request: EvaluateRequest) throws {
    subsets = try request.subsets.map { try SubsetsFile(path: $0) }
    quality = try request.quality.map { try PhotoQuality($0) }
  }

  /// How the tables of `result`, of photos with `names`, are made, their lines, and what is to be
  /// warned of; throws where a photo has no quality.
  func lines(
    of result: EvaluationResult, names: [String]
  ) throws -> (rules: [String], lines: [String], warnings: [String]) {
    guard let table = VerificationTable(result), let scores = result.scores,
      let verification = result.verification
    else { return ([], [], []) }
    var lines = table.lines
    var warnings: [String] = []
    if let subsets {
      let table = SubsetTable(
        scores, subsets: subsets.subsets(of: names), names: subsets.names,
        threshold: verification.mostAccurateThreshold)
      lines += table.lines
      warnings += table.warnings
    }
    if let quality {
      let used = Set(scores.pairs.photoIndices)
      lines +=
        ErrorDiscard(
          scores, quality: try quality.values(of: names, norms: scores.norms, used: used)
        ).lines
    }
    return ([table.rule], lines, warnings)
  }
}

/// What says how good a photo is.
private struct PhotoQuality {
  /// By name; nil for the norms of embeddings.
  private let values: [(name: String, value: Double)]?
  private let path: String

  /// `norm`, or `FILE.csv` with `:column` behind it where it has several.
  init(_ text: String) throws {
    path = text
    guard text != "norm" else {
      values = nil
      return
    }
    let cut = text.lastIndex(of: ":")
    let file = cut.map { String(text[..<$0]) } ?? text
    let column = cut.map { String(text[text.index(after: $0)...]) }
    var rows = try CSVRows(path: file)
    guard let titles = try rows.next(), titles.count > 1 else {
      throw InterchangeError.malformed(
        path: file, reason: "it has no columns; a first line such as 'name,quality' stands there")
    }
    guard let place = column.map({ titles.firstIndex(of: $0) }) ?? (titles.count == 2 ? 1 : nil)
    else {
      throw InterchangeError.badLine(
        path: file, line: 1,
        reason: "has the columns \(titles.joined(separator: ", ")); say which is the quality: "
          + "--quality \(file):COLUMN")
    }
    var values: [(name: String, value: Double)] = []
    var line = rows.line
    while let row = try rows.next() {
      guard row.count == titles.count, let value = Double(row[place]), !value.isNaN else {
        throw InterchangeError.badLine(
          path: file, line: line, reason: "has no number under '\(titles[place])'")
      }
      values.append((row[0], value))
      line = rows.line
    }
    self.values = values
  }

  /// The quality of each of `names`, larger is better; throws where one of those `used` has none.
  func values(of names: [String], norms: [Double], used: Set<Int>) throws -> [Double] {
    guard let values else { return norms }
    var lookup = PhotoLookup(names)
    var found = [Double](repeating: .nan, count: names.count)
    for (name, value) in values {
      if case .one(let photo) = lookup.find(name) { found[photo] = value }
    }
    let missing = used.filter { found[$0].isNaN }
    if let first = missing.min() {
      throw DatasetError.badOption(
        name: "--quality", text: path,
        reason: "has no line for \(missing.count) photos of the pairs, such as \(names[first])")
    }
    return found
  }
}
