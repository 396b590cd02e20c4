internal import Datasets
internal import EmbeddingFiles
internal import Kernels

/// The cosines of photos of different people, from which limits of a network follow: what is far
/// from them for one network is among them for another.
///
/// Mean and deviation hardly change where some labels are wrong, as pairs of different people are
/// nearly all there are; they are those of a sample that is a function of the photos alone.
struct StrangerCosines {
  /// Deviations above the mean at which photos of a person are joined, and people are one: chosen
  /// on LFW with labels that were changed (docs/data.md).
  static let ofStrangers = 3.0
  static let ofPeople = 6.5
  /// Photos that are compared with each other, and pairs without which nothing follows.
  private static let sampleCount = 1024
  private static let leastCount = 100
  /// Limits are no higher than this: photos that are nearer are copies.
  private static let highest = 0.98

  let mean: Double
  let deviation: Double

  /// Of the photos of `rows`; nil where these are too few, or of too few people.
  init?(_ rows: CheckedRows) {
    let step = max(1, rows.places.count / Self.sampleCount)
    let photos = stride(from: 0, to: rows.places.count, by: step).filter {
      UnitRows.hasDirection(Int(rows.places[$0]), of: rows.rows)
    }
    let width = rows.rows.width
    let people = photos.map { rows.index.photos.person(of: $0) }
    var units = [Float](repeating: 0, count: photos.count * width)
    var (count, sum, squares) = (0, 0.0, 0.0)
    units.withUnsafeMutableBufferPointer { units in
      guard let first = units.baseAddress else { return }
      rows.units(of: photos).read(0..<photos.count, into: first)
      for one in photos.indices {
        for other in 0..<one where people[one] != people[other] {
          let cosine = NormalizeKernel.cosine(
            first + one * width, first + other * width, count: width)
          count += 1
          sum += cosine
          squares += cosine * cosine
        }
      }
    }
    guard count >= Self.leastCount else { return nil }
    mean = sum / Double(count)
    deviation = max(0, squares / Double(count) - mean * mean).squareRoot()
  }

  /// The cosine that is so many deviations above the mean, in thousandths.
  func limit(_ deviations: Double) -> Double {
    let limit = min(mean + deviations * deviation, Self.highest)
    return max(0.001, (1000 * limit).rounded() / 1000)
  }
}
