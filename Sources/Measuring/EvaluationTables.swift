internal import Evaluation
internal import Inputs
internal import Interchange
internal import Reports

/// The tables that an evaluation prints below its figures.
struct EvaluationTables {
  /// The tables of one set.
  struct Page {
    /// Nil without verification, and then there are no others.
    var rates: VerificationTable?
    var subsets: SubsetTable?
    var discard: ErrorDiscard?
    /// How subsets were read, where that is to be said.
    var remark: String?
    /// Why no pair is in a subset, where subsets were asked for and none is.
    var lack: String?

    /// How they are made.
    var rules: [String] { [rates?.rule, remark].compactMap(\.self) }
    var lines: [String] {
      (rates?.lines ?? []) + (subsets?.lines ?? []) + (discard?.lines ?? [])
    }
    /// What is to be warned of.
    var warnings: [String] { subsets?.warnings ?? [] }

    /// `result`, whose tables these are, for a page; `name` and `jpeg` are asked for photos.
    func detail(
      of result: EvaluationResult, name: (Int) -> String, jpeg: (Int) -> [UInt8]?
    ) -> EvaluationDetail {
      var detail = EvaluationDetail(result, table: rates, name: name, jpeg: jpeg)
      (detail.subsets, detail.discard) = (subsets, discard)
      detail.rules += remark.map { [$0] } ?? []
      detail.warnings += warnings
      return detail
    }
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
    var page = Page(rates: table)
    if let subsets {
      let parts = try subsets.parts(of: names)
      let table = SubsetTable(
        scores, subsets: parts.subsets, names: parts.names,
        threshold: verification.mostAccurateThreshold)
      (page.subsets, page.remark) = (table, parts.remark)
      if table.rows.allSatisfy({ $0.pairCount == 0 }) {
        page.lack = parts.strangers ?? "no pair has both photos in one subset"
      }
    }
    if let quality {
      let used = Set(scores.pairs.photoIndices)
      page.discard = ErrorDiscard(
        scores, quality: try quality.values(of: names, norms: scores.norms, used: used))
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
