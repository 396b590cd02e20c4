import CAllocations
import Kernels
import Losses
import Testing
import TestSupport

/// Law 6 of docs/design.md for losses: what runs in a step allocates nothing, counted on its thread
/// from the first byte.
@Suite struct LossMemoryTests {
  private static let rows = 12
  private static let width = 24

  private func expectNoAllocations(_ name: String, _ body: () -> Void) {
    // What the runtime notes of a generic type when it is first used it notes once in a process.
    body()
    callocations_watch()
    body()
    let count = callocations_watched()
    #expect(count == 0, "\(name): \(count) allocations")
  }

  @Test(arguments: HeadCase.all)
  func heads(_ item: HeadCase) {
    let configuration = item.configuration
    let head = MarginSoftmaxHead(configuration: configuration, classes: 40, dimension: Self.width)
    let embeddings = FencedFloats(TestNumbers.normal(Self.rows * Self.width, seed: 1))
    let weights = FencedFloats(TestNumbers.normal(head.parameterCount, seed: 2))
    let gradient = FencedFloats(unwritten: Self.rows * Self.width)
    let weightGradient = FencedFloats(unwritten: head.parameterCount)
    let scratch = FencedFloats(unwritten: head.scratchCount(rows: Self.rows), offset: 0)
    let labels = (0..<Self.rows).map { Int32($0 % 40) }
    let state = head.initialState
    let sums = UnsafeMutablePointer<Double>.allocate(capacity: 1 + head.stateSumCount)
    sums.initialize(repeating: 0, count: 1 + head.stateSumCount)
    defer { sums.deallocate() }
    let (x, w, dx, dw, work) = (
      embeddings.pointer, weights.pointer, gradient.pointer, weightGradient.pointer,
      scratch.pointer
    )
    labels.withUnsafeBufferPointer { labels in
      let labels = labels.baseAddress!
      expectNoAllocations(item.name) {
        _ = head.run(
          x, labels: labels, rows: Self.rows, weights: w, marginFactor: 1, state: state,
          place: SamplePlace(seed: 1, step: 2, slot: 3), into: dx, weightGradient: dw,
          stateSums: sums, scratch: work)
      }
    }
  }

  /// 160 rows: one person has 100, more than any sort handles in place, and the others 4 each. With
  /// an older network's embeddings the rows behind the first 80 are its.
  @Test(arguments: MiningMode.allCases, [160, 80])
  func miningOfTriplets(mode: MiningMode, learned: Int) {
    let count = 160
    let stride = DistanceKernel.stride(width: Self.width)
    let embeddings = FencedFloats(TestNumbers.normal(count * Self.width, seed: 4))
    let units = UnsafeMutablePointer<Double>.allocate(capacity: count * stride)
    units.initialize(repeating: 0, count: count * stride)
    let norms = UnsafeMutablePointer<Double>.allocate(capacity: count)
    norms.initialize(repeating: 0, count: count)
    defer {
      units.deallocate()
      norms.deallocate()
    }
    DistanceKernel.normalize(
      embeddings.pointer, rows: count, width: Self.width, into: units, inverseNorms: norms)
    let labels: [Int32] = (0..<count).map { (row: Int) -> Int32 in
      row % 8 < 5 ? 0 : Int32(1 + row / 16)
    }
    let request = MiningRequest(
      mode: mode, margin: 4, seed: 1, step: 0,
      listed: mode == .offline ? [Triplet(anchor: 0, positive: 1, negative: 5)] : [])
    labels.withUnsafeBufferPointer { labels in
      let batch = EmbeddedBatch(
        units: UnsafePointer(units), inverseNorms: UnsafePointer(norms),
        labels: labels.baseAddress!, count: count, learnedCount: learned, width: Self.width,
        stride: stride)
      var words: [UInt64] = []
      words.reserveCapacity(count * (count + 16))
      func mine(_ miner: TripletMiner) {
        words.removeAll(keepingCapacity: true)
        for first in Swift.stride(from: 0, to: count, by: TripletMiner.blockAnchors) {
          miner.mine(
            first..<first + TripletMiner.blockAnchors, of: batch, as: request,
            appendingTo: &words)
        }
      }
      // Another miner: what one has found before must not be why it needs no more.
      mine(TripletMiner(capacity: count))
      let fresh = TripletMiner(capacity: count)
      callocations_watch()
      mine(fresh)
      let allocations = callocations_watched()
      #expect(allocations == 0, "\(mode), \(learned) learned: \(allocations) allocations")
      let selection = words.withUnsafeBufferPointer { TripletSelection($0, count: count) }
      #expect(selection.triplets > 0)
    }
  }

  @Test func gradientsOfTriplets() {
    let count = TripletMiner.blockAnchors
    let stride = DistanceKernel.stride(width: Self.width)
    let embeddings = FencedFloats(TestNumbers.normal(count * Self.width, seed: 3))
    let units = UnsafeMutablePointer<Double>.allocate(capacity: count * stride)
    units.initialize(repeating: 0, count: count * stride)
    let norms = UnsafeMutablePointer<Double>.allocate(capacity: count)
    norms.initialize(repeating: 0, count: count)
    let scratch = UnsafeMutablePointer<Double>.allocate(capacity: stride)
    scratch.initialize(repeating: 0, count: stride)
    defer {
      units.deallocate()
      norms.deallocate()
      scratch.deallocate()
    }
    DistanceKernel.normalize(
      embeddings.pointer, rows: count, width: Self.width, into: units, inverseNorms: norms)
    let labels = (0..<count).map { Int32($0 / 4) }
    labels.withUnsafeBufferPointer { labels in
      let batch = EmbeddedBatch(
        units: UnsafePointer(units), inverseNorms: UnsafePointer(norms),
        labels: labels.baseAddress!, count: count, width: Self.width, stride: stride)
      var words: [UInt64] = []
      TripletMiner(capacity: count).mine(
        0..<count, of: batch, as: MiningRequest(mode: .all, margin: 4, seed: 1, step: 0),
        appendingTo: &words)
      let selection = words.withUnsafeBufferPointer { TripletSelection($0, count: count) }
      #expect(selection.triplets > 0)
      let gradients = FencedFloats(unwritten: count * Self.width)
      let target = gradients.pointer
      expectNoAllocations("gradients of triplets") {
        selection.gradients(
          at: 0..<count, of: batch, scale: 1, into: target, scratch: scratch)
      }
    }
  }
}
