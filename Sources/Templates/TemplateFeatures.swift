package import Evaluation
internal import Preconditions

/// How photos become a template.
package enum TemplateMode: String, CaseIterable, Sendable {
  /// Norms kept, times the detector's score: what IJB-C's figures mean if nothing else is said.
  case N1D1
  /// Norms kept, the detector not asked.
  case N1D0
  /// Norms of one, times the detector's score.
  case N0D1

  var keepsNorms: Bool { self != .N0D1 }
  /// Whether photos are weighed by the detector's scores.
  package var usesDetector: Bool { self != .N1D0 }
}

/// One feature of norm one for each template of IJB (insightface eval_ijbc.py,
/// `image2template_feature`): photos of one medium are averaged, media summed, the sum normalised.
package struct TemplateFeatures {
  /// The identifier of each, ascending [count].
  package let templates: [Int32]
  /// [count, dimension]; zero where a template has no photo that could be read.
  package let values: [Float]
  /// Numbers of a feature.
  package let dimension: Int
  /// Whether a template has no photo that could be read, or its photos sum to zero [count]: it is
  /// found by nobody and finds nobody.
  package let isEmpty: [Bool]

  /// Templates that are empty.
  package var emptyCount: Int { isEmpty.count { $0 } }

  /// `embeddings` by row; rows of `templates` and `media`, with the detector's `scores`. Rows that
  /// are no numbers are left out.
  package init(
    _ embeddings: Embeddings, templates rows: [Int32], media: [Int32], scores: [Double],
    mode: TemplateMode
  ) {
    require(
      rows.count == embeddings.count && media.count == rows.count && scores.count == rows.count,
      "TemplateFeatures: \(embeddings.count) embeddings, \(rows.count) templates, \(media.count) "
        + "media, \(scores.count) scores")
    let dimension = embeddings.dimension
    let order = rows.indices.sorted { (rows[$0], media[$0], $0) < (rows[$1], media[$1], $1) }
    var templates: [Int32] = []
    var values: [Float] = []
    var isEmpty: [Bool] = []
    var at = 0
    var sum = [Double](repeating: 0, count: dimension)
    var medium = sum
    while at < order.count {
      let template = rows[order[at]]
      for i in 0..<dimension { sum[i] = 0 }
      while at < order.count, rows[order[at]] == template {
        let id = media[order[at]]
        for i in 0..<dimension { medium[i] = 0 }
        var photoCount = 0.0
        while at < order.count, rows[order[at]] == template, media[order[at]] == id {
          let row = order[at]
          at += 1
          let norm = embeddings.norms[row]
          guard norm.isFinite else { continue }
          photoCount += 1
          let factor =
            (mode.keepsNorms || norm == 0 ? 1 : 1 / norm) * (mode.usesDetector ? scores[row] : 1)
          embeddings.values.withUnsafeBufferPointer { values in
            for i in 0..<dimension { medium[i] += factor * Double(values[row * dimension + i]) }
          }
        }
        if photoCount > 0 { for i in 0..<dimension { sum[i] += medium[i] / photoCount } }
      }
      let norm = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
      isEmpty.append(norm == 0)
      templates.append(template)
      values += sum.map { Float(norm == 0 ? 0 : $0 / norm) }
    }
    (self.templates, self.values, self.dimension) = (templates, values, dimension)
    self.isEmpty = isEmpty
  }

  /// Where each template is, by its identifier.
  package var places: [Int32: Int32] {
    Dictionary(
      uniqueKeysWithValues: templates.enumerated().map { ($0.element, Int32($0.offset)) })
  }
}
