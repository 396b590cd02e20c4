internal import Kernels
internal import Threads

/// When a bucket went over the wire, in seconds of the monotonic clock.
package struct BucketSpan: Sendable {
  /// The elements of the flat vector that travelled.
  package var bucket: Range<Int>
  /// When this rank was ready for it, when all ranks were, and when its sums were here.
  package var ready = 0.0
  /// When all ranks were ready for it, by the monotonic clock.
  package var agreed = 0.0
  /// When its sums were here, by the same clock.
  package var end = 0.0
}

/// Sums buckets of a flat vector of doubles over the ranks: a reduce-scatter, in which every rank
/// sums one part, and, unless the optimizer is sharded, an all-gather of the parts as floats.
///
/// The results take the place of the sums: they lie at the beginning of each bucket's own doubles,
/// as floats.
final class BucketReduction {
  let layout: BucketLayout
  private let rank, ranks: Int
  private let grid: SummationGrid
  private let reduction: Reduction
  private let isSharded: Bool
  private let outgoing, incoming, own: AlignedMemory
  /// What rounding to bfloat16 has taken away [count]: of the parts that other ranks sum, from this
  /// rank's addends; of its own part, from the sum.
  private let residual: UnsafeMutablePointer<Float>?
  /// Whether each bucket's sums fit 48 bits, as far as that is known in this step.
  private var fits: [Bool?]
  /// Buckets that go under one agreement, at most: signals are looked at between them.
  private static let roundLimit = 16
  /// Bytes that this rank has sent to its peers.
  private(set) var sentBytes = 0

  init(
    layout: BucketLayout, rank: Int, ranks: Int, grid: SummationGrid, reduction: Reduction,
    isSharded: Bool, residual: UnsafeMutablePointer<Float>?
  ) {
    self.residual = residual
    self.layout = layout
    self.rank = rank
    self.ranks = ranks
    self.grid = grid
    self.reduction = reduction
    self.isSharded = isSharded
    fits = Array(repeating: nil, count: layout.buckets.count)
    let counts = Self.counts(layout, ranks: ranks, reduction: reduction)
    outgoing = AlignedMemory(count: counts.outgoing, fill: 0)
    incoming = AlignedMemory(count: counts.incoming, fill: 0)
    own = AlignedMemory(count: counts.own, fill: 0)
  }

  var bytes: Int { outgoing.bytes + incoming.bytes + own.bytes }

  /// Floats of the memory for messages; none where nothing is sent.
  static func counts(
    _ layout: BucketLayout, ranks: Int, reduction: Reduction
  ) -> (outgoing: Int, incoming: Int, own: Int) {
    guard ranks > 1 || reduction == .bf16 else { return (0, 0, 0) }
    let (bucket, part) = layout.largest
    return (2 * bucket, 2 * part * max(0, ranks - 1), part)
  }

  /// The results of bucket `index` of `sums`: its elements in order, from its first.
  func results(
    of index: Int, in sums: UnsafeMutablePointer<Double>
  ) -> UnsafeMutablePointer<Float> {
    UnsafeMutableRawPointer(sums + layout.buckets[index].lowerBound)
      .assumingMemoryBound(to: Float.self)
  }

  /// Forgets the step before.
  func begin() {
    for index in fits.indices { fits[index] = nil }
  }

  /// Replaces the doubles of bucket `first`, and of those behind it that are final on all ranks, by
  /// their results: the sums over the ranks times `scale`. `ready` buckets from `first` on are
  /// final on this rank, of which as many are reduced under one agreement as the slowest rank has,
  /// up to 16.
  func reduce(
    _ first: Int, ready: Int, of sums: UnsafeMutablePointer<Double>, scale: Double,
    over communicator: any Communicator
  ) throws -> [BucketSpan] {
    let start = Clock.seconds
    // What the ranks agree on is the most of any: how few buckets are ready, or one that is wide.
    let wide = 2 * Self.roundLimit
    let narrow = narrowBuckets(from: first, atMost: min(ready, Self.roundLimit), of: sums)
    var isWide = false
    var spans: [BucketSpan] = []
    try communicator.exchange(
      count: layout.buckets[first].count, word: narrow == 0 ? wide : Self.roundLimit - narrow,
      rounds: { agreed in
        isWide = agreed == wide
        let count = isWide ? 1 : Self.roundLimit - agreed
        let now = Clock.seconds
        spans = layout.buckets[first..<first + count].map {
          BucketSpan(bucket: $0, ready: now, agreed: now)
        }
        spans[0].ready = start
        return count
      },
      allToAll: { round in
        if round > 0 { close(round - 1, from: first, of: sums, in: &spans) }
        return addends(first + round, of: sums, scale: scale, isWide: isWide)
      },
      allGather: { round in
        sumOwnPart(layout.parts[first + round][rank], of: sums, scale: scale, isWide: isWide)
        return ownPart(first + round, into: sums)
      })
    close(spans.count - 1, from: first, of: sums, in: &spans)
    return spans
  }

  /// Ends round `round`; the next one begins.
  private func close(
    _ round: Int, from first: Int, of sums: UnsafeMutablePointer<Double>,
    in spans: inout [BucketSpan]
  ) {
    unpack(first + round, in: sums)
    spans[round].end = Clock.seconds
    guard round + 1 < spans.count else { return }
    spans[round + 1].ready = spans[round].end
    spans[round + 1].agreed = spans[round].end
  }

  /// How many buckets in a row from `first` on fit 48 bits, at most `limit`; all of lossy sums do.
  private func narrowBuckets(
    from first: Int, atMost limit: Int, of sums: UnsafeMutablePointer<Double>
  ) -> Int {
    guard reduction == .exact else { return limit }
    for index in first..<first + limit {
      if fits[index] == nil {
        let bucket = layout.buckets[index]
        fits[index] = WireKernel.fits48(
          WireKernel.largest(of: sums + bucket.lowerBound, count: bucket.count), grid: grid)
      }
      if fits[index] == false { return index - first }
    }
    return limit
  }

  private func width(isWide: Bool) -> Int {
    switch reduction {
    case .exact: isWide ? MemoryLayout<Double>.stride : WireKernel.packedBytes
    case .fp32: MemoryLayout<Float>.stride
    case .bf16: MemoryLayout<UInt16>.stride
    }
  }

  /// The reduce-scatter's messages: this rank's addends of each peer's part.
  private func addends(
    _ index: Int, of sums: UnsafeMutablePointer<Double>, scale: Double, isWide: Bool
  ) -> AllToAllMessages? {
    guard ranks > 1 else { return nil }
    let bucket = layout.buckets[index]
    let width = width(isWide: isWide)
    let target = UnsafeMutableRawPointer(outgoing.pointer)
    let ownCount = layout.parts[index][rank].count
    var outgoingParts: [Range<Int>] = []
    var incomingParts: [Range<Int>] = []
    var received = 0
    for (peer, part) in layout.parts[index].enumerated() {
      let count = peer == rank ? 0 : part.count
      let start = width * (part.lowerBound - bucket.lowerBound)
      outgoingParts.append(start..<start + width * count)
      let arriving = peer == rank ? 0 : width * ownCount
      incomingParts.append(received..<received + arriving)
      received += arriving
      sentBytes += width * count
      guard count > 0, !isWide else { continue }
      let source = UnsafePointer(sums + part.lowerBound)
      switch reduction {
      case .exact: WireKernel.pack48(source, count: count, grid: grid, into: target + start)
      case .fp32:
        GridKernel.finish(
          source, count: count, into: (target + start).assumingMemoryBound(to: Float.self))
      case .bf16:
        WireKernel.packBFloat16(
          source, count: count, scale: scale, residual: residual! + part.lowerBound,
          into: (target + start).assumingMemoryBound(to: UInt16.self))
      }
    }
    return AllToAllMessages(
      outgoing: isWide ? UnsafeRawPointer(sums + bucket.lowerBound) : UnsafeRawPointer(target),
      outgoingParts: outgoingParts, incoming: incoming.pointer, incomingParts: incomingParts,
      longestPart: width * (layout.parts[index].map(\.count).max() ?? 0))
  }

  /// Adds what the peers have sent to this rank's own part, in the order of the ranks, and finishes
  /// it.
  private func sumOwnPart(
    _ part: Range<Int>, of sums: UnsafeMutablePointer<Double>, scale: Double, isWide: Bool
  ) {
    let target = sums + part.lowerBound
    let width = width(isWide: isWide)
    for peer in 0..<max(0, ranks - 1) {
      let source = UnsafeRawPointer(incoming.pointer) + width * part.count * peer
      switch reduction {
      case .exact where isWide:
        WireKernel.add(
          source.assumingMemoryBound(to: Double.self), count: part.count, addingTo: target)
      case .exact: WireKernel.add48(source, count: part.count, grid: grid, addingTo: target)
      case .fp32:
        WireKernel.add(
          source.assumingMemoryBound(to: Float.self), count: part.count, scale: 1,
          addingTo: target)
      case .bf16:
        WireKernel.add(
          bfloat16: source.assumingMemoryBound(to: UInt16.self), count: part.count,
          scale: 1 / scale, addingTo: target)
      }
    }
    guard reduction == .bf16, let residual else {
      GridKernel.finish(target, count: part.count, scale: scale, into: own.pointer)
      return
    }
    if isSharded {
      WireKernel.add(
        residual + part.lowerBound, count: part.count, scale: 1 / scale, addingTo: target)
      (residual + part.lowerBound).update(repeating: 0, count: part.count)
      GridKernel.finish(target, count: part.count, scale: scale, into: own.pointer)
    } else {
      WireKernel.packBFloat16(
        target, count: part.count, scale: scale, residual: residual + part.lowerBound,
        into: UnsafeMutableRawPointer(own.pointer).assumingMemoryBound(to: UInt16.self))
    }
  }

  /// The all-gather's messages: the sums of this rank's own part, as floats.
  private func ownPart(
    _ index: Int, into sums: UnsafeMutablePointer<Double>
  ) -> AllGatherMessages? {
    guard !isSharded else { return nil }
    let bucket = layout.buckets[index]
    let isHalf = reduction == .bf16
    let width = isHalf ? 2 : 4
    sentBytes += width * layout.parts[index][rank].count * (ranks - 1)
    return AllGatherMessages(
      own: own.pointer,
      all: isHalf
        ? UnsafeMutableRawPointer(outgoing.pointer)
        : UnsafeMutableRawPointer(results(of: index, in: sums)),
      parts: layout.parts[index].map {
        width * ($0.lowerBound - bucket.lowerBound)..<width * ($0.upperBound - bucket.lowerBound)
      })
  }

  /// Puts what does not lie there yet among the bucket's results.
  private func unpack(_ index: Int, in sums: UnsafeMutablePointer<Double>) {
    let bucket = layout.buckets[index]
    let results = results(of: index, in: sums)
    if isSharded {
      let part = layout.parts[index][rank]
      (results + (part.lowerBound - bucket.lowerBound)).update(
        from: own.pointer, count: part.count)
    } else if reduction == .bf16 {
      WireKernel.unpackBFloat16(
        UnsafeRawPointer(outgoing.pointer).assumingMemoryBound(to: UInt16.self),
        count: bucket.count, into: results)
    }
  }
}
