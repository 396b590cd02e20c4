private import Glibc
package import Kernels
internal import Preconditions
internal import Threads

/// The exact sum of all microbatches' gradients, over this rank's workers and then over all ranks.
///
/// Workers add each layer's gradient as soon as a microbatch has passed the layer backward. The
/// flat vector is booked in forward order, so a layer that every local microbatch has passed makes
/// everything above it final too: the main thread reduces buckets from the top while the workers
/// are still in the layers below. Every addend is rounded once to a fixed grid, so that sums are
/// exact and their order means nothing (law 2 of docs/design.md).
package final class GradientReducer: @unchecked Sendable {
  /// What the memory of the gradients holds. It is the largest that a rank has for a step, so that
  /// it serves for three things, one after another.
  package enum Contents {
    /// Anything: before the first step, after one that was left, and since somebody has borrowed
    /// it.
    case anything
    /// Doubles: this rank's sums, from `begin` on. Buckets that `reduce` has handed to the ranks
    /// hold results already.
    case sums
    /// The results of `reduce`, which `gradient` finds: floats at the beginning of each bucket;
    /// where no sum leaves the process, the sums still.
    case results
  }

  /// The parameters of one layer, cut into pieces that one thread at a time adds to.
  private struct LayerRange {
    let range: Range<Int>
    let pieces: Range<Int>
  }

  /// Elements of a piece: short enough that workers seldom wait for one another, long enough that a
  /// lock costs nothing.
  private static let pieceElements = 65_536

  /// Elements of the flat vector.
  package let count: Int
  /// Elements, from the first on, to which nobody adds: their sums are 0.
  package let frozenCount: Int
  /// Further sums that belong to the step: losses, counters, batch-norm moments.
  package let extraCount: Int
  /// Gradients [count], in whatever form `contents` says, then the extras [extraCount], always as
  /// doubles on their grid.
  private let sums: UnsafeMutablePointer<Double>
  /// Written by the main thread while no worker runs.
  package private(set) var contents = Contents.anything
  private let memory: AlignedDoubles
  private let layers: [LayerRange]
  private let layerAt: [Int: Int]
  /// The cut of the gradients for the ranks.
  package let layout: BucketLayout
  private let buckets: BucketReduction
  /// Whether sums leave this process, or are rounded as if they did.
  private let usesWire: Bool
  private let gradientGrid, extraGrid: SummationGrid
  private let locks: UnsafeMutablePointer<pthread_mutex_t>
  private let lockCount: Int
  /// Which pieces hold nothing of this step yet; each entry is touched under its piece's lock.
  private let pieceIsFresh: UnsafeMutablePointer<Bool>
  private let pieceTotal: Int
  private var passedMicrobatches: [Int]
  /// Guards what follows, and tells the thread that waits for it.
  private let state = Monitor()
  private var watermark = 0
  private var extrasAreFinal = false
  private var finishedMicrobatches = 0
  private var localMicrobatches = 0
  private var microbatches = 0
  /// Whether an addend of this rank was not finite, or outside its grid's range.
  private var hasOverflowed = false
  /// When this rank's last microbatch ended.
  private var localEndSeconds = 0.0
  private var scale = 1.0
  /// How the last step's sums were reduced.
  package private(set) var times = ReductionTimes()
  private var failure: (any Error)?

  /// A reducer for layers with these parameter ranges, which together are 0..<count in order, over
  /// `ranks` ranks of which this is `rank`.
  ///
  /// With `isSharded` each rank gets the sums of its own parts alone, which are whole `blocks`;
  /// `blocks` nil cuts the layers into pieces. `Reduction.bf16` keeps in `residual` [count], which
  /// outlives the reducer, what rounding takes away. The first `frozenCount` elements, whole
  /// layers, stay 0.
  package init(
    layerRanges: [Range<Int>], blocks: [Range<Int>]? = nil, frozenCount: Int = 0, extraCount: Int,
    gradientGrid: SummationGrid, extraGrid: SummationGrid, bucketBytes: Int, rank: Int = 0,
    ranks: Int = 1, reduction: Reduction = .exact, isSharded: Bool = false,
    residual: UnsafeMutablePointer<Float>? = nil
  ) {
    var layers: [LayerRange] = []
    var pieces = 0
    var end = 0
    for range in layerRanges where !range.isEmpty {
      require(range.lowerBound == end, "GradientReducer: layers leave a gap at \(end)")
      end = range.upperBound
      let count = (range.count + Self.pieceElements - 1) / Self.pieceElements
      layers.append(LayerRange(range: range, pieces: pieces..<pieces + count))
      pieces += count
    }
    self.layers = layers
    layerAt = Dictionary(
      uniqueKeysWithValues: layers.indices.map { (layers[$0].range.lowerBound, $0) })
    count = end
    self.frozenCount = frozenCount
    require(
      frozenCount == 0 || layers.contains { $0.range.upperBound == frozenCount },
      "GradientReducer: \(frozenCount) frozen elements end in no layer")
    self.extraCount = extraCount
    self.gradientGrid = gradientGrid
    self.extraGrid = extraGrid
    memory = AlignedDoubles(count: end + extraCount, fill: 0)
    sums = memory.pointer
    let cut =
      blocks
      ?? layers.flatMap { layer in
        stride(from: layer.range.lowerBound, to: layer.range.upperBound, by: Self.pieceElements).map
        {
          $0..<min($0 + Self.pieceElements, layer.range.upperBound)
        }
      }
    layout = BucketLayout(
      count: end, blocks: cut, minimumCount: max(1, bucketBytes / 8), ranks: ranks,
      wholeBlocks: isSharded)
    usesWire = ranks > 1 || reduction == .bf16
    buckets = BucketReduction(
      layout: layout, rank: rank, ranks: ranks, grid: gradientGrid, reduction: reduction,
      isSharded: isSharded && ranks > 1, residual: residual)
    pieceTotal = pieces
    pieceIsFresh = .allocate(capacity: pieces)
    pieceIsFresh.initialize(repeating: true, count: pieces)
    passedMicrobatches = Array(repeating: 0, count: layers.count)
    lockCount = pieces + 1
    locks = .allocate(capacity: lockCount)
    for i in 0..<lockCount { pthread_mutex_init(locks + i, nil) }
  }

  deinit {
    pieceIsFresh.deallocate()
    for i in 0..<lockCount { pthread_mutex_destroy(locks + i) }
    locks.deallocate()
  }

  /// Bytes that a reducer over `ranks` ranks keeps for messages.
  package static func messageBytes(
    layout: BucketLayout, ranks: Int, reduction: Reduction
  ) -> Int {
    let counts = BucketReduction.counts(layout, ranks: ranks, reduction: reduction)
    return MemoryLayout<Float>.stride * (counts.outgoing + counts.incoming + counts.own)
  }

  /// Bytes that this reducer keeps for messages.
  package var messageBytes: Int { buckets.bytes }

  /// Starts a step in which this rank computes `localMicrobatches` of `microbatches`; with
  /// `keepingExtras` the second pass of one, which adds gradients to the first pass's extras.
  package func begin(
    localMicrobatches: Int, of microbatches: Int, keepingExtras: Bool = false
  ) {
    self.localMicrobatches = localMicrobatches
    self.microbatches = microbatches
    contents = .sums
    pieceIsFresh.update(repeating: true, count: pieceTotal)
    for i in passedMicrobatches.indices { passedMicrobatches[i] = 0 }
    watermark = frozenCount == count ? 0 : count
    sums.update(repeating: 0, count: frozenCount)
    finishedMicrobatches = 0
    if !keepingExtras {
      (sums + count).update(repeating: 0, count: extraCount)
      hasOverflowed = false
    }
    failure = nil
    buckets.begin()
    extrasAreFinal = localMicrobatches == 0
    localEndSeconds = Clock.seconds
    if localMicrobatches == 0 {
      sums.update(repeating: 0, count: count)
      watermark = 0
    }
  }

  /// Adds one microbatch's gradient of one layer [range.count]; any worker may call.
  package func add(_ gradient: UnsafePointer<Float>, of range: Range<Int>) {
    let found = layerAt[range.lowerBound]
    require(
      found.map { layers[$0].range } == range,
      "GradientReducer.add: \(range) is no layer's range")
    let index = found!
    require(contents == .sums, "GradientReducer.add: the memory holds \(contents), no sums")
    let layer = layers[index]
    var largest: UInt32 = 0
    for piece in layer.pieces {
      let lower = range.lowerBound + (piece - layer.pieces.lowerBound) * Self.pieceElements
      let count = min(Self.pieceElements, range.upperBound - lower)
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
    state.lock()
    if !gradientGrid.holds(largest, count: microbatches) { hasOverflowed = true }
    passedMicrobatches[index] += 1
    if passedMicrobatches[index] == localMicrobatches {
      // Below the lowest layer that is trained all is final.
      let isLowest = range.lowerBound <= frozenCount
      watermark = min(watermark, isLowest ? 0 : range.lowerBound)
      state.broadcast()
    }
    state.unlock()
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
    state.lock()
    hasOverflowed = true
    state.unlock()
  }

  /// Closes a microbatch, all of whose gradients and extras have been added.
  package func finishMicrobatch() {
    state.lock()
    finishedMicrobatches += 1
    if finishedMicrobatches == localMicrobatches {
      extrasAreFinal = true
      localEndSeconds = Clock.seconds
      state.broadcast()
    }
    state.unlock()
  }

  /// Makes the waiting main thread throw `error`; any worker may call.
  package func fail(_ error: any Error) {
    state.lock()
    if failure == nil { failure = error }
    state.broadcast()
    state.unlock()
  }

  /// Sums over all ranks, bucket by bucket as they become final, and multiplies by `scale`; the
  /// main thread calls it while the workers run. `onWait` is called about every 20 ms of waiting;
  /// `onBucket` for each bucket, before the first of those that go together is handed to the ranks;
  /// `onReduced` when its sums are here.
  ///
  /// Returns whether all addends of *this* rank were finite and within the grid's range.
  package func reduce(
    over communicator: any Communicator, scale: Double = 1, onWait: () throws -> Void,
    onBucket: (Range<Int>) -> Void = { _ in }, onReduced: (BucketSpan) -> Void = { _ in }
  ) throws -> Bool {
    require(contents == .sums, "GradientReducer.reduce: the memory holds \(contents), no sums")
    self.scale = scale
    var spans: [BucketSpan] = []
    let sentBefore = buckets.sentBytes
    var index = 0
    while index < layout.buckets.count {
      let bucket = layout.buckets[index]
      var ready = 1
      try wait(onWait: onWait) {
        guard watermark <= bucket.lowerBound else { return false }
        ready = layout.buckets[index...].prefix { watermark <= $0.lowerBound }.count
        return true
      }
      onBucket(bucket)
      guard usesWire else {
        index += 1
        continue
      }
      let reduced = try buckets.reduce(
        index, ready: ready, of: sums, scale: scale, over: communicator)
      for span in reduced {
        if span.bucket != bucket { onBucket(span.bucket) }
        onReduced(span)
      }
      spans += reduced
      index += reduced.count
    }
    try wait(onWait: onWait) { extrasAreFinal }
    times = ReductionTimes(spans, localEnd: localEndSeconds)
    times.sentBytes = buckets.sentBytes - sentBefore
    contents = .results
    return !hasOverflowed
  }

  /// The gradient of elements `range`, which lie in one of the layout's blocks, after `reduce`: the
  /// sums times its scale, where they are or in `scratch` [range.count].
  package func gradient(
    of range: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> {
    require(
      contents == .results, "GradientReducer.gradient: the memory holds \(contents), no results")
    guard usesWire else {
      GridKernel.finish(
        sums + range.lowerBound, count: range.count, scale: scale, into: scratch)
      return UnsafePointer(scratch)
    }
    let bucket = layout.bucket(of: range.lowerBound)
    return UnsafePointer(
      buckets.results(of: bucket, in: sums)
        + (range.lowerBound - layout.buckets[bucket].lowerBound))
  }

  /// Lends the memory of the gradients [count doubles] to whoever needs some between `reduce` and
  /// the next step: there is no gradient any more.
  package func borrow() -> UnsafeMutablePointer<Double> {
    require(contents != .sums, "GradientReducer.borrow: a step is under way")
    contents = .anything
    return sums
  }

  /// Gives up a step that was left, once no worker adds to it any more.
  package func abandon() { contents = .anything }

  /// This rank's sums [count] while it makes them.
  package var ownSums: UnsafeMutablePointer<Double> {
    require(contents == .sums, "GradientReducer.ownSums: the memory holds \(contents), no sums")
    return sums
  }

  /// Sums the extras over all ranks; call after `reduce` and after adding the rank's own words.
  package func reduceExtras(over communicator: any Communicator) throws {
    let start = Clock.seconds
    try communicator.allReduceSum(
      UnsafeMutableBufferPointer(start: sums + count, count: extraCount))
    times.extraSeconds = Clock.seconds - start
  }

  /// The extras' sums [extraCount].
  package var extras: UnsafeMutablePointer<Double> { sums + count }

  private func wait(onWait: () throws -> Void, until isDone: () -> Bool) throws {
    while true {
      state.lock()
      if !isDone(), failure == nil {
        _ = state.wait(until: Clock.nanoseconds + 20_000_000)
      }
      let done = isDone()
      let failure = failure
      state.unlock()
      if let failure { throw failure }
      if done { return }
      try onWait()
    }
  }
}
