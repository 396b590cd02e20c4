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
  private let values: [(name: String, value: Double, line: Int)]?
  private let path: String
  private let file: String

  /// `norm`, or `FILE.csv` with `:column` behind it where it has several.
  init(_ text: String) throws {
    path = text
    guard text != "norm" else {
      values = nil
      self.file = text
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
    var values: [(name: String, value: Double, line: Int)] = []
    var places: [String: Int] = [:]
    var line = rows.line
    while let row = try rows.next() {
      guard row.count == titles.count, let value = Double(row[place]), !value.isNaN else {
        throw InterchangeError.badLine(
          path: file, line: line, reason: "has no number under '\(titles[place])'")
      }
      if let known = places[row[0]] {
        try Self.requireEqual(values[known], (row[0], value, line), file: file)
      } else {
        places[row[0]] = values.count
        values.append((row[0], value, line))
      }
      line = rows.line
    }
    self.values = values
    self.file = file
  }

  /// Throws where two lines of `file` say two things of a photo.
  private static func requireEqual(
    _ known: (name: String, value: Double, line: Int),
    _ other: (name: String, value: Double, line: Int), file: String
  ) throws {
    guard known.value != other.value else { return }
    throw InterchangeError.badLine(
      path: file, line: other.line,
      reason: "gives '\(other.name)' the quality \(other.value), line \(known.line) gives "
        + "'\(known.name)' \(known.value), and both are of one photo; leave one")
  }

  /// The quality of each of `names`, larger is better; throws where one of those `used` has none,
  /// where a name may be several of them, and where two lines say two things of one.
  func values(of names: [String], norms: [Double], used: Set<Int>) throws -> [Double] {
    guard let values else { return norms }
    var lookup = PhotoLookup(names)
    var found = [Double](repeating: .nan, count: names.count)
    var sources: [Int: (name: String, value: Double, line: Int)] = [:]
    for entry in values {
      switch lookup.find(entry.name) {
      case .none: continue
      case .one(let photo):
        if let known = sources[photo] { try Self.requireEqual(known, entry, file: file) }
        sources[photo] = entry
        found[photo] = entry.value
      case .several(let photos):
        guard photos.contains(where: used.contains) else { continue }
        throw InterchangeError.badLine(
          path: file, line: entry.line,
          reason: "names '\(entry.name)', which may be \(lookup.text(photos)); give its path")
      }
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
