internal import Determinism

/// What becomes of the class weights that take no part in a step: `--idle-rows`.
package enum IdleRows: String, Sendable, Equatable, CaseIterable {
  /// Nothing: weights and the optimizer's vectors stay as they are.
  case keep
  /// What a gradient of 0 does: momentum moves them on, weight decay shrinks them.
  case decay
}

/// Which classes take part in a step (Partial FC, An et al. 2022, arXiv 2203.15565): those of the
/// batch, and of the others each by itself with the chance `share`.
package struct ClassSampling: Sendable, Equatable {
  /// The chance of a class that the batch has not; above 0 and below 1.
  package let share: Double
  /// What becomes of the weights of the others.
  package let idleRows: IdleRows

  /// A sampling of `share` of the classes; nil where that is all of them.
  package init?(share: Double, idleRows: IdleRows) {
    guard share < 1 else { return nil }
    self.share = share
    self.idleRows = idleRows
  }

  /// The classes that take part in `step` whatever its batch, a function of seed, step and class.
  package func draw(seed: UInt64, step: Int) -> Draw {
    Draw(
      random: CounterRandom(seed: seed, purpose: .classSampling, step),
      end: UInt64(share * 0x1p64))
  }

  /// The classes that take part in a step whatever its batch.
  package struct Draw: Sendable {
    fileprivate let random: CounterRandom
    /// Words below it choose their class.
    fileprivate let end: UInt64

    /// Whether `label` takes part.
    @inline(__always)
    package func contains(_ label: Int) -> Bool { random.word(label) < end }
  }

  /// Rows of a tile of `count`, the batch's aside, for which memory is reckoned, where a class is
  /// chosen with all its `centres`: six standard deviations above the mean are seldom passed, by
  /// some rows of tiles of which few are expected.
  func expectedCount(of count: Int, centres: Int) -> Int {
    let classes = Double(count / centres)
    let deviation = (classes * share * (1 - share)).squareRoot()
    return min(count, centres * Int((classes * share + 6 * deviation).rounded(.up)))
  }
}

extension ClassShare {
  /// Rows of gradients that are reckoned to be ever written under `sampling`, with batches of up to
  /// `batch` samples.
  package func expectedCount(_ sampling: ClassSampling, batch: Int) -> Int {
    let centres = head.subCentres
    return min(
      classes.count,
      min(batch * centres, classes.count)
        + tiles.reduce(0) { $0 + sampling.expectedCount(of: $1.count, centres: centres) })
  }
}

/// The classes of a rank that take part in the step of the moment, by tiles of a `ClassShare`.
package final class ChosenClasses: @unchecked Sendable {
  private let sampling: ClassSampling
  private let share: ClassShare
  private let seed: UInt64
  /// By class of the rank: those of a tile that take part, counted from its first, ascending.
  private let places: UnsafeMutablePointer<Int32>
  /// By tile.
  private let counts: UnsafeMutablePointer<Int>
  /// The classes of the batch, ascending.
  private let labels: UnsafeMutablePointer<Int32>
  private let capacity: Int
  private var labelCount = 0
  private var draw: ClassSampling.Draw

  /// Memory for the classes of `share` and batches of up to `batch` samples; `seed` is the run's.
  package init(_ sampling: ClassSampling, of share: ClassShare, batch: Int, seed: UInt64) {
    self.sampling = sampling
    self.share = share
    self.seed = seed
    capacity = batch
    places = .allocate(capacity: share.classes.count)
    places.initialize(repeating: 0, count: share.classes.count)
    counts = .allocate(capacity: share.tiles.count)
    counts.initialize(repeating: 0, count: share.tiles.count)
    labels = .allocate(capacity: batch)
    labels.initialize(repeating: 0, count: batch)
    draw = sampling.draw(seed: seed, step: 0)
  }

  deinit {
    places.deallocate()
    counts.deallocate()
    labels.deallocate()
  }

  /// Bytes of such memory.
  package static func bytes(of share: ClassShare, batch: Int) -> Int {
    4 * (share.classes.count + batch) + 8 * share.tiles.count
  }

  /// Begins the step number `step`, whose batch has `labels` [count]: `choose` has to follow for
  /// each tile.
  package func begin(step: Int, labels: UnsafePointer<Int32>, count: Int) {
    draw = sampling.draw(seed: seed, step: step)
    self.labels.update(from: labels, count: count)
    labelCount = count
    var rows = UnsafeMutableBufferPointer(start: self.labels, count: count)
    rows.sort()
  }

  /// Finds the classes of tile number `index`, each with all its centres.
  package func choose(_ index: Int) {
    let tile = share.tiles[index]
    let found = places + (tile.lowerBound - share.classes.lowerBound)
    let centres = share.head.subCentres
    var (count, label) = (0, firstLabel(from: tile.lowerBound / centres))
    for first in stride(from: tile.lowerBound, to: tile.upperBound, by: centres) {
      let own = first / centres
      while label < labelCount, labels[label] < own { label += 1 }
      guard label < labelCount && labels[label] == own || draw.contains(own) else { continue }
      for centre in first..<first + centres {
        found[count] = Int32(centre - tile.lowerBound)
        count += 1
      }
    }
    counts[index] = count
  }

  /// Whether `label`, of any rank, takes part.
  package func contains(_ label: Int) -> Bool {
    if draw.contains(label) { return true }
    let place = firstLabel(from: label)
    return place < labelCount && labels[place] == label
  }

  /// The classes of tile number `index`.
  func classes(ofTile index: Int) -> TileClasses {
    let tile = share.tiles[index]
    return TileClasses(
      tile: tile, count: counts[index],
      places: UnsafePointer(places + (tile.lowerBound - share.classes.lowerBound)))
  }

  /// Calls `body(elements, row)` for the weights in `range`, elements of the head, of the classes
  /// that take part, in order: `row` is where their gradient lies from the head's first on.
  package func forEachRow(of range: Range<Int>, _ body: (Range<Int>, Int) -> Void) {
    let width = share.head.dimension
    var index = share.tileIndex(of: range.lowerBound / width)
    while index < share.tiles.count, share.tiles[index].lowerBound * width < range.upperBound {
      let own = classes(ofTile: index)
      for place in 0..<own.count {
        let start = own.label(at: place) * width
        let part = (start..<start + width).clamped(to: range)
        if part.isEmpty { continue }
        body(part, (own.tile.lowerBound + place) * width + part.lowerBound - start)
      }
      index += 1
    }
  }

  /// The place of the first of the sorted labels that is at least `label`.
  private func firstLabel(from label: Int) -> Int {
    var (low, high) = (0, labelCount)
    while low < high {
      let middle = (low + high) / 2
      if Int(labels[middle]) < label { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// The classes of a tile that take part in a step, in order.
package struct TileClasses {
  /// The tile.
  package let tile: Range<Int>
  /// How many of its classes take part.
  package let count: Int
  /// Which they are, counted from the first of the tile [count]; nil where it is all of them.
  fileprivate let places: UnsafePointer<Int32>?

  /// All classes of `tile`.
  init(all tile: Range<Int>) { (self.tile, count, places) = (tile, tile.count, nil) }

  fileprivate init(tile: Range<Int>, count: Int, places: UnsafePointer<Int32>) {
    (self.tile, self.count, self.places) = (tile, count, places)
  }

  /// Whether all of the tile's classes take part by design and not by chance.
  var isWhole: Bool { places == nil }

  /// The class number `place`.
  @inline(__always)
  func label(at place: Int) -> Int {
    tile.lowerBound + (places.map { Int($0[place]) } ?? place)
  }

  /// Which of the classes `label` is; nil where it is none of them.
  func place(of label: Int) -> Int? {
    guard tile.contains(label) else { return nil }
    guard let places else { return label - tile.lowerBound }
    let wanted = label - tile.lowerBound
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if Int(places[middle]) < wanted { low = middle + 1 } else { high = middle }
    }
    return low < count && Int(places[low]) == wanted ? low : nil
  }

  /// The weights of the classes `part` [part.count, width] side by side: where they are, or copied
  /// to `memory` where some of the tile's take no part.
  func weights(
    _ part: Range<Int>, of parameters: UnsafePointer<Float>, width: Int,
    into memory: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> {
    guard !isWhole else { return parameters + (tile.lowerBound + part.lowerBound) * width }
    for place in part {
      (memory + (place - part.lowerBound) * width).update(
        from: parameters + label(at: place) * width, count: width)
    }
    return UnsafePointer(memory)
  }
}
