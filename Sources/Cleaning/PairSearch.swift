internal import Evaluation
private import Foundation
internal import Kernels
private import Synchronization
internal import Threads

/// Finds pairs of rows that are near to each other among all there are, a block of rows after the
/// other: no more than a block and a tile for each thread is in memory.
///
/// Products in single precision choose candidates, whose cosines are then taken in double, so that
/// what is found depends on the rows alone.
struct PairSearch: Sendable {
  /// Threads that work on it.
  let threads: Int
  /// Bytes of the rows that all threads compare theirs with.
  let blockBytes: Int

  private static let tileRows = 1024
  /// Rows of a block whose products with a tile are taken at once.
  private static let stripRows = 128
  /// By so much products may be too small.
  private static let slack = 1e-4

  /// The sets of rows that pairs at `cosine` or more join, directly or by others; `meter` counts
  /// pairs.
  func components(of rows: UnitRows, at cosine: Double, meter: WorkMeter?) -> DisjointSets {
    let sets = Mutex(DisjointSets(count: rows.count))
    forEachCandidate(rows, rows, at: cosine, meter: meter) { pairs in
      sets.withLock { sets in
        for (first, second) in pairs where sets.lowest(of: first) != sets.lowest(of: second) {
          guard rows.cosine(Int(first), Int(second), of: rows) >= cosine else { continue }
          sets.join(first, second)
        }
      }
    }
    return sets.withLock { $0 }
  }

  /// The nearest of `others` for each of `rows` that has one at `cosine` or more, of equals the
  /// first.
  func nearest(
    _ rows: UnitRows, among others: UnitRows, at cosine: Double, meter: WorkMeter?
  ) -> [Int: (row: Int, cosine: Double)] {
    let best = Mutex<[Int: (row: Int, cosine: Double)]>([:])
    forEachCandidate(rows, others, isTriangle: false, at: cosine, meter: meter) { pairs in
      var found: [(item: Int, row: Int, cosine: Double)] = []
      for (item, row) in pairs {
        let value = rows.cosine(Int(item), Int(row), of: others)
        if value >= cosine { found.append((Int(item), Int(row), value)) }
      }
      best.withLock { best in
        for (item, row, value) in found {
          if let known = best[item], (known.cosine, -known.row) >= (value, -row) { continue }
          best[item] = (row, value)
        }
      }
    }
    return best.withLock { $0 }
  }

  /// Calls `body`, from any thread, with pairs of a row of `rows` and one of `others`, behind it
  /// where both are the same (`isTriangle`): all at `cosine` or more are among them.
  private func forEachCandidate(
    _ rows: UnitRows, _ others: UnitRows, isTriangle: Bool = true, at cosine: Double,
    meter: WorkMeter?, _ body: @escaping @Sendable ([(Int32, Int32)]) -> Void
  ) {
    guard rows.count > 0, others.count > 0 else { return }
    let width = rows.width
    meter?.expect(
      isTriangle ? rows.count * (rows.count - 1) / 2 : rows.count * others.count)
    let blockRows = min(rows.count, max(Self.stripRows, blockBytes / (4 * width)))
    nonisolated(unsafe) let block = UnsafeMutablePointer<Float>.allocate(
      capacity: blockRows * width)
    defer { block.deallocate() }
    let tiles = (0..<threads).map { _ in Tile(rows: min(Self.tileRows, others.count), width) }
    for first in stride(from: 0, to: rows.count, by: blockRows) {
      let range = first..<min(first + blockRows, rows.count)
      let strips = (range.count + Self.stripRows - 1) / Self.stripRows
      forEach(strips) { _, strip in
        let start = range.lowerBound + strip * Self.stripRows
        let part = start..<min(start + Self.stripRows, range.upperBound)
        rows.read(part, into: block + (start - first) * width)
      }
      let begin = isTriangle ? first / Self.tileRows : 0
      let end = (others.count + Self.tileRows - 1) / Self.tileRows
      forEach(end - begin) { lane, tile in
        let start = (begin + tile) * Self.tileRows
        let own = start..<min(start + Self.tileRows, others.count)
        others.read(own, into: tiles[lane].units)
        tiles[lane].compare(
          own, with: range, units: block, isTriangle: isTriangle,
          limit: Float(cosine - Self.slack), body)
        meter?.add(Self.pairCount(range, own, isTriangle: isTriangle))
      }
    }
  }

  /// Pairs of a row of `range` and one of `own`, behind it where both are numbered alike.
  private static func pairCount(
    _ range: Range<Int>, _ own: Range<Int>, isTriangle: Bool
  ) -> Int {
    guard isTriangle else { return range.count * own.count }
    return own.reduce(0) { $0 + max(0, min($1, range.upperBound) - range.lowerBound) }
  }

  /// Calls `body(lane, item)` for `count` items, of each lane one at a time.
  func forEach(_ count: Int, _ body: @escaping @Sendable (Int, Int) -> Void) {
    let lanes = min(threads, count)
    guard lanes > 1 else {
      for item in 0..<count { body(0, item) }
      return
    }
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: lanes) { lane in
      while true {
        let item = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard item < count else { return }
        body(lane, item)
      }
    }
  }

  /// What one thread compares with a block.
  private final class Tile: @unchecked Sendable {
    /// [rows, width]
    let units: UnsafeMutablePointer<Float>
    /// [strip, rows]
    private let products: UnsafeMutablePointer<Float>
    private let width: Int

    init(rows: Int, _ width: Int) {
      self.width = width
      units = .allocate(capacity: rows * width)
      products = .allocate(capacity: PairSearch.stripRows * rows)
    }

    deinit {
      units.deallocate()
      products.deallocate()
    }

    /// Gives `body` the pairs of rows of `range`, whose `block` is [range.count, width], with rows
    /// `own` of the tile whose products are `limit` or more.
    func compare(
      _ own: Range<Int>, with range: Range<Int>, units block: UnsafeMutablePointer<Float>,
      isTriangle: Bool, limit: Float, _ body: ([(Int32, Int32)]) -> Void
    ) {
      var found: [(Int32, Int32)] = []
      for start in stride(from: range.lowerBound, to: range.upperBound, by: PairSearch.stripRows) {
        let strip = start..<min(start + PairSearch.stripRows, range.upperBound)
        if isTriangle, own.upperBound - 1 <= strip.lowerBound { break }
        DenseProduct.multiply(
          block + (start - range.lowerBound) * width, units, transposeB: true, rows: strip.count,
          columns: own.count, inner: width, into: products)
        found.removeAll(keepingCapacity: true)
        for row in strip {
          let values = products + (row - start) * own.count
          guard SoftmaxKernel.maximum(of: values, count: own.count) >= limit else { continue }
          for column in 0..<own.count where values[column] >= limit {
            let other = own.lowerBound + column
            if !isTriangle || other > row { found.append((Int32(row), Int32(other))) }
          }
        }
        if !found.isEmpty { body(found) }
      }
    }
  }
}
