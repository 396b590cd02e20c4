/// A slot of the batch, and its squared distance to the anchor.
typealias Neighbour = (slot: Int, distance: Double)

/// Sorts neighbours without memory of its own: the standard library's sort takes some for 64
/// elements and more.
enum NeighbourSort {
  /// Neighbours of a run that is sorted by insertion.
  private static let runCount = 32

  /// Sorts `neighbours` [count] by distance, ties by slot; `scratch` holds as many.
  static func sort(
    _ neighbours: UnsafeMutablePointer<Neighbour>, count: Int,
    scratch: UnsafeMutablePointer<Neighbour>
  ) {
    var start = 0
    while start < count {
      let end = min(start + runCount, count)
      insert(neighbours + start, count: end - start)
      start = end
    }
    var (from, to) = (neighbours, scratch)
    var run = runCount
    while run < count {
      merge(from, runs: run, count: count, into: to)
      swap(&from, &to)
      run *= 2
    }
    if from != neighbours { neighbours.update(from: from, count: count) }
  }

  @inline(__always)
  private static func isBefore(_ a: Neighbour, _ b: Neighbour) -> Bool {
    a.distance < b.distance || (a.distance == b.distance && a.slot < b.slot)
  }

  private static func insert(_ run: UnsafeMutablePointer<Neighbour>, count: Int) {
    var sorted = 1
    while sorted < count {
      let next = run[sorted]
      var place = sorted
      while place > 0, isBefore(next, run[place - 1]) {
        run[place] = run[place - 1]
        place -= 1
      }
      run[place] = next
      sorted += 1
    }
  }

  /// Merges neighbouring runs of `run` elements, the last ones shorter, two by two.
  private static func merge(
    _ source: UnsafeMutablePointer<Neighbour>, runs run: Int, count: Int,
    into target: UnsafeMutablePointer<Neighbour>
  ) {
    var start = 0
    while start < count {
      let middle = min(start + run, count)
      let end = min(middle + run, count)
      var (left, right) = (start, middle)
      for place in start..<end {
        let takesLeft =
          left < middle && (right == end || !isBefore(source[right], source[left]))
        target[place] = source[takesLeft ? left : right]
        if takesLeft { left += 1 } else { right += 1 }
      }
      start = end
    }
  }
}
