internal import EmbeddingFiles
internal import Kernels

/// Some rows of embeddings, read where they lie and scaled to unit length as they are read.
struct UnitRows: Sendable {
  private let rows: EmbeddingRows
  /// Which they are, by their number in the file.
  private let places: [Int32]

  /// The rows number `places` of `rows`, all of which have a direction.
  init(_ rows: EmbeddingRows, at places: [Int32]) { (self.rows, self.places) = (rows, places) }

  /// All of `rows`.
  init(_ rows: EmbeddingRows) { self.init(rows, at: (0..<Int32(rows.count)).map { $0 }) }

  var count: Int { places.count }
  /// Numbers of a row.
  var width: Int { rows.width }

  /// Overwrites `units` [range.count, width] with the rows number `range` of these.
  func read(_ range: Range<Int>, into units: UnsafeMutablePointer<Float>) {
    for item in range {
      let unit = units + (item - range.lowerBound) * width
      rows.read(Int(places[item]), into: unit)
      var inverse: Float = 0
      NormalizeKernel.inverseNorms(of: unit, rows: 1, width: width, into: &inverse)
      NormalizeKernel.scaleRows(of: unit, by: &inverse, rows: 1, width: width, into: unit)
    }
  }

  /// The cosine of row `first` of these and row `second` of `others`, in double precision: a
  /// function of the two alone.
  func cosine(_ first: Int, _ second: Int, of others: UnitRows) -> Double {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * width) { memory in
      let (a, b) = (memory.baseAddress!, memory.baseAddress! + width)
      rows.read(Int(places[first]), into: a)
      others.rows.read(Int(others.places[second]), into: b)
      return NormalizeKernel.cosine(a, b, count: width)
    }
  }

  /// Whether row number `row` of `rows` can be compared: neither zeros nor a NaN or an infinity.
  static func hasDirection(_ row: Int, of rows: EmbeddingRows) -> Bool {
    let width = rows.width
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { memory in
      rows.read(row, into: memory.baseAddress!)
      var inverse: Float = 0
      NormalizeKernel.inverseNorms(
        of: memory.baseAddress!, rows: 1, width: width, into: &inverse)
      // Of what overflows it is 0, of what is no number none, of zeros that of the least length.
      return inverse > 0 && inverse < 1 / NormalizeKernel.smallestNorm
    }
  }
}
