internal import Determinism
internal import EmbeddingFiles
internal import Threads

/// What the rows of training photos are: whether each has a direction, and a hash of them all.
struct RowDirections {
  /// Of the numbers of every photo's rows, in the order of the photos.
  private(set) var hash: UInt64 = 0
  /// Photos with a row that is not finite, and others with one of zeros.
  private(set) var notFinite = 0
  private(set) var zero = 0
  /// The first photo that lacks a direction; -1 for none.
  private(set) var example = -1

  /// Photos that are looked at as one.
  private static let blockPhotos = 256

  private struct Found {
    var hash: UInt64 = 0
    var notFinite = 0
    var zero = 0
    var example = -1
  }

  /// Reads the rows of all `training` photos, on the workers of `pool`; the same whatever their
  /// number and whatever the file's form and order.
  init(of rows: EmbeddingRows, _ found: RowPlaces, training: [Int], pool: WorkerPool) {
    let count = (training.count + Self.blockPhotos - 1) / Self.blockPhotos
    var blocks = [Found](repeating: Found(), count: count)
    blocks.withUnsafeMutableBufferPointer { memory in
      nonisolated(unsafe) let blocks = memory.baseAddress
      pool.forEach(count) { _, block in
        let first = block * Self.blockPhotos
        blocks![block] = Self.look(
          at: training[first..<min(first + Self.blockPhotos, training.count)], of: rows, found)
      }
    }
    hash = Hash64.of(blocks.map(\.hash), seed: UInt64(rows.width))
    for block in blocks {
      notFinite += block.notFinite
      zero += block.zero
      if example < 0 { example = block.example }
    }
  }

  private static func look(
    at photos: ArraySlice<Int>, of rows: EmbeddingRows, _ found: RowPlaces
  ) -> Found {
    var result = Found()
    let width = rows.width
    let kinds = found.hasMirrored ? 2 : 1
    withUnsafeTemporaryAllocation(of: Float.self, capacity: kinds * width) { row in
      for photo in photos {
        var (isFinite, hasDirection) = (true, true)
        for kind in 0..<kinds {
          let values = row.baseAddress! + kind * width
          rows.read(Int(found.places[kind * found.photoCount + photo]), into: values)
          isFinite = isFinite && (0..<width).allSatisfy { values[$0].isFinite }
          hasDirection = hasDirection && Self.hasDirection(values, width)
        }
        result.hash = Hash64.of(UnsafeRawBufferPointer(row), seed: result.hash)
        guard !hasDirection else { continue }
        if isFinite { result.zero += 1 } else { result.notFinite += 1 }
        if result.example < 0 { result.example = photo }
      }
    }
    return result
  }

  /// Whether `values` [width] are finite and not all 0.
  static func hasDirection(_ values: UnsafePointer<Float>, _ width: Int) -> Bool {
    var sum = 0.0
    for i in 0..<width { sum += Double(values[i]) * Double(values[i]) }
    return sum > 0 && sum.isFinite
  }
}
