internal import Evaluation
internal import Inputs
internal import Interchange

/// The tables that an evaluation prints below its figures.
struct EvaluationTables {
  /// The tables of one set.
  struct Page {
    /// How they are made.
    var rules: [String] = []
    var lines: [String] = []
    /// What is to be warned of.
    var warnings: [String] = []
    /// Why no pair is in a subset, where subsets were asked for and none is.
    var lack: String?
  }

  private let subsets: SubsetsFile?
  private let quality: PhotoQuality?

  /// The tables that `request` asks for; throws what is wrong with its files.
  init(_ request: EvaluateRequest) throws {
    subsets = try request.subsets.map { try SubsetsFile(TableColumn($0)) }
    quality = try request.quality.map { try PhotoQuality($0) }
  }

  /// The tables of `result`, of photos with `names`; throws what is wrong with the files' lines,
  /// and where a photo has no quality.
  func page(of result: EvaluationResult, names: [String]) throws -> Page {
    guard let table = VerificationTable(result), let scores = result.scores,
      let verification = result.verification
    else { return Page() }
    var page = Page(rules: [table.rule], lines: table.lines)
    if let subsets {
      let parts = try subsets.parts(of: names)
      let table = SubsetTable(
        scores, subsets: parts.subsets, names: parts.names,
        threshold: verification.mostAccurateThreshold)
      if let remark = parts.remark { page.rules.append(remark) }
      page.lines += table.lines
      page.warnings += table.warnings
      if table.rows.allSatisfy({ $0.pairCount == 0 }) {
        page.lack = parts.strangers ?? "no pair has both photos in one subset"
      }
    }
    if let quality {
      let used = Set(scores.pairs.photoIndices)
      page.lines +=
        ErrorDiscard(
          scores, quality: try quality.values(of: names, norms: scores.norms, used: used)
        ).lines
    }
    return page
  }

  /// Throws `EvaluationFailure.noSubsets` where subsets were asked for and no pair of any set is in
  /// one.
  func requireSubsets(in pages: [Page]) throws {
    let lacks = pages.compactMap(\.lack)
    if let first = lacks.first, lacks.count == pages.count {
      throw EvaluationFailure.noSubsets(reason: first)
    }
  }
}
