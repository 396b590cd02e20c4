private import Preconditions
private import Glibc
package import Kernels

/// The exact sum of all microbatches' gradients, over this rank's workers and then over all ranks.
///
/// Workers add each layer's gradient as soon as a microbatch has passed the layer backward. The
/// flat vector is booked in forward order, so a layer that every local microbatch has passed makes
/// everything above it final too: the main thread reduces buckets from the top while the workers
/// are still in the layers below. Every addend is rounded once to a fixed grid, so that sums are
/// exact and their order means nothing (law 2 of docs/design.md).
package final class GradientReducer: @unchecked Sendable {
  /// The parameters of one layer, cut into pieces that one thread at a time adds to.
  private struct LayerRange {
    let range: Range<Int>
    let pieces: Range<Int>
  }

  private static let pieceCount = 65_536

  package let count: Int
  /// Further sums that belong to the step: losses, counters, batch-norm moments.
  package let extraCount: Int
  /// Gradients on their grid [count], then the extras on theirs [extraCount].
  package let sums: UnsafeMutablePointer<Double>
  private let memory: AlignedDoubles
  private let layers: [LayerRange]
  private let layerAt: [Int: Int]
  private let buckets: [Range<Int>]
  private let gradientGrid, extraGrid: SummationGrid
  private let locks: UnsafeMutablePointer<pthread_mutex_t>
  private let lockCount: Int
  /// Which pieces hold nothing of this step yet; each entry is touched under its piece's lock.
  private let pieceIsFresh: UnsafeMutablePointer<Bool>
  private let pieceTotal: Int
  private var passedMicrobatches: [Int]
  private let stateLock: UnsafeMutablePointer<pthread_mutex_t>
  private let stateChanged: UnsafeMutablePointer<pthread_cond_t>
  private var watermark = 0
  private var extrasAreFinal = false
  private var finishedMicrobatches = 0
  private var localMicrobatches = 0
  private var microbatches = 0
  private var everythingHeld = true
  private var failure: (any Error)?

  /// A reducer for layers with these parameter ranges, which together are 0..<count in order.
  package init(
    layerRanges: [Range<Int>], extraCount: Int, gradientGrid: SummationGrid,
    extraGrid: SummationGrid, bucketBytes: Int
  ) {
    var layers: [LayerRange] = []
    var pieces = 0
    var end = 0
    for range in layerRanges where !range.isEmpty {
      require(range.lowerBound == end, "GradientReducer: layers leave a gap at \(end)")
      end = range.upperBound
      let count = (range.count + Self.pieceCount - 1) / Self.pieceCount
      layers.append(LayerRange(range: range, pieces: pieces..<pieces + count))
      pieces += count
    }
    self.layers = layers
    layerAt = Dictionary(
      uniqueKeysWithValues: layers.indices.map { (layers[$0].range.lowerBound, $0) })
    count = end
    self.extraCount = extraCount
    self.gradientGrid = gradientGrid
    self.extraGrid = extraGrid
    memory = AlignedDoubles(count: end + extraCount, fill: 0)
    sums = memory.pointer
    buckets = Self.buckets(of: layers.map(\.range), minimumCount: max(1, bucketBytes / 8))
    pieceTotal = pieces
    pieceIsFresh = .allocate(capacity: pieces)
    pieceIsFresh.initialize(repeating: true, count: pieces)
    passedMicrobatches = Array(repeating: 0, count: layers.count)
    lockCount = pieces + 1
    locks = .allocate(capacity: lockCount)
    for i in 0..<lockCount { pthread_mutex_init(locks + i, nil) }
    stateLock = .allocate(capacity: 1)
    pthread_mutex_init(stateLock, nil)
    stateChanged = .allocate(capacity: 1)
    let attributes = UnsafeMutablePointer<pthread_condattr_t>.allocate(capacity: 1)
    pthread_condattr_init(attributes)
    pthread_condattr_setclock(attributes, CLOCK_MONOTONIC)
    pthread_cond_init(stateChanged, attributes)
    pthread_condattr_destroy(attributes)
    attributes.deallocate()
  }

  deinit {
    pieceIsFresh.deallocate()
    for i in 0..<lockCount { pthread_mutex_destroy(locks + i) }
    locks.deallocate()
    pthread_mutex_destroy(stateLock)
    stateLock.deallocate()
    pthread_cond_destroy(stateChanged)
    stateChanged.deallocate()
  }

  /// Contiguous ranges from the top, cut at layers, each of at least `minimumCount` but the last.
  private static func buckets(of ranges: [Range<Int>], minimumCount: Int) -> [Range<Int>] {
    var buckets: [Range<Int>] = []
    var upper = ranges.last?.upperBound ?? 0
    for range in ranges.reversed() where upper - range.lowerBound >= minimumCount {
      buckets.append(range.lowerBound..<upper)
      upper = range.lowerBound
    }
    if upper > 0 { buckets.append(0..<upper) }
    return buckets
  }

  /// Starts a step in which this rank computes `localMicrobatches` of `microbatches`; with
  /// `keepingExtras` the second pass of one, which adds gradients to the first pass's extras.
  package func begin(
    localMicrobatches: Int, of microbatches: Int, keepingExtras: Bool = false
  ) {
    self.localMicrobatches = localMicrobatches
    self.microbatches = microbatches
    pieceIsFresh.update(repeating: true, count: pieceTotal)
    for i in passedMicrobatches.indices { passedMicrobatches[i] = 0 }
    watermark = count
    finishedMicrobatches = 0
    if !keepingExtras {
      (sums + count).update(repeating: 0, count: extraCount)
      everythingHeld = true
    }
    failure = nil
    extrasAreFinal = localMicrobatches == 0
    if localMicrobatches == 0 {
      sums.update(repeating: 0, count: count)
      watermark = 0
    }
  }

  /// Adds one microbatch's gradient of one layer [range.count]; any worker may call.
  package func add(_ gradient: UnsafePointer<Float>, of range: Range<Int>) {
    guard let index = layerAt[range.lowerBound], layers[index].range == range else {
      fatalError("GradientReducer.add: \(range) is no layer's range")
    }
    let layer = layers[index]
    var largest: UInt32 = 0
    for piece in layer.pieces {
      let lower = range.lowerBound + (piece - layer.pieces.lowerBound) * Self.pieceCount
      let count = min(Self.pieceCount, range.upperBound - lower)
      pthread_mutex_lock(locks + piece)
      if pieceIsFresh[piece] {
        pieceIsFresh[piece] = false
        (sums + lower).update(repeating: 0, count: count)
      }
      let found = GridKernel.accumulate(
        gradient + (lower - range.lowerBound), count: count, grid: gradientGrid,
        addingTo: sums + lower)
      pthread_mutex_unlock(locks + piece)
      largest = max(largest, found)
    }
    pthread_mutex_lock(stateLock)
    if !gradientGrid.holds(largest, count: microbatches) { everythingHeld = false }
    passedMicrobatches[index] += 1
    if passedMicrobatches[index] == localMicrobatches {
      watermark = min(watermark, range.lowerBound)
      pthread_cond_signal(stateChanged)
    }
    pthread_mutex_unlock(stateLock)
  }

  /// Adds one microbatch's extras [extraCount] and closes the microbatch.
  package func finishMicrobatch(extras: UnsafePointer<Double>) {
    add(extras: extras)
    finishMicrobatch()
  }

  /// Adds one microbatch's extras [extraCount], once in a step; any worker may call.
  package func add(extras: UnsafePointer<Double>) {
    pthread_mutex_lock(locks + (lockCount - 1))
    let largest = GridKernel.accumulate(
      doubles: extras, count: extraCount, grid: extraGrid, addingTo: sums + count)
    let isSound = extraGrid.holds(largest, count: microbatches)
    pthread_mutex_unlock(locks + (lockCount - 1))
    guard !isSound else { return }
    pthread_mutex_lock(stateLock)
    everythingHeld = false
    pthread_mutex_unlock(stateLock)
  }

  /// Closes a microbatch, all of whose gradients and extras have been added.
  package func finishMicrobatch() {
    pthread_mutex_lock(stateLock)
    finishedMicrobatches += 1
    if finishedMicrobatches == localMicrobatches {
      extrasAreFinal = true
      pthread_cond_signal(stateChanged)
    }
    pthread_mutex_unlock(stateLock)
  }

  /// Makes the waiting main thread throw `error`; any worker may call.
  package func fail(_ error: any Error) {
    pthread_mutex_lock(stateLock)
    if failure == nil { failure = error }
    pthread_cond_signal(stateChanged)
    pthread_mutex_unlock(stateLock)
  }

  /// Sums over all ranks, bucket by bucket as they become final; the main thread calls it while the
  /// workers run. `onWait` is called about every 20 ms of waiting; `onBucket` before each
  /// bucket is handed to the ranks. Afterwards `sums` holds the sums of all microbatches.
  ///
  /// Returns whether all addends of *this* rank were finite and within the grid's range.
  package func reduce(
    over communicator: any Communicator, onWait: () throws -> Void,
    onBucket: (Range<Int>) -> Void = { _ in }
  ) throws -> Bool {
    for bucket in buckets {
      try wait(onWait: onWait) { watermark <= bucket.lowerBound }
      onBucket(bucket)
      try communicator.allReduceSum(
        UnsafeMutableBufferPointer(start: sums + bucket.lowerBound, count: bucket.count))
    }
    try wait(onWait: onWait) { extrasAreFinal }
    return everythingHeld
  }

  /// Sums the extras over all ranks; call after `reduce` and after adding the rank's own words.
  package func reduceExtras(over communicator: any Communicator) throws {
    try communicator.allReduceSum(
      UnsafeMutableBufferPointer(start: sums + count, count: extraCount))
  }

  /// The extras' sums [extraCount].
  package var extras: UnsafeMutablePointer<Double> { sums + count }

  private func wait(onWait: () throws -> Void, until isDone: () -> Bool) throws {
    while true {
      pthread_mutex_lock(stateLock)
      if !isDone(), failure == nil {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        deadline.tv_nsec += 20_000_000
        if deadline.tv_nsec >= 1_000_000_000 {
          deadline.tv_nsec -= 1_000_000_000
          deadline.tv_sec += 1
        }
        pthread_cond_timedwait(stateChanged, stateLock, &deadline)
      }
      let done = isDone()
      let failure = failure
      pthread_mutex_unlock(stateLock)
      if let failure { throw failure }
      if done { return }
      try onWait()
    }
  }
}
