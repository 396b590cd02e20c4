import Collectives
import Determinism
import Engine
import Kernels
import Networks
import Optimizers
import State
import TestSupport
import Testing
import Threads

/// From summed gradients to new weights, without an engine about it.
@Suite struct UpdatePassTests {
  /// A tensor of three blocks, two short ones, the second without decay, and a head of two blocks.
  private static let groups: ParameterGroups = {
    var tensors: [ParameterGroups.Tensor] = []
    var place = 0
    for (index, size) in [150_000, 10, 7, 70_000].enumerated() {
      tensors.append(
        .init(
          range: place..<place + size, part: index == 3 ? .head : .backbone, decays: index != 2))
      place += size
    }
    return ParameterGroups(tensors, count: place)
  }()
  private static let blocks = TensorBlocks(groups)
  private static let rates = LearningRates(backbone: 0.1, head: 0.03)
  private static let decay = 1e-3

  /// Multiples of 2^-20: exact on the grid of the sums, and as floats when they are quartered.
  private static let sums: [Float] = {
    let random = CounterRandom(seed: 31, purpose: .testing)
    return (0..<groups.count).map {
      Float(random.integer($0, below: 1 << 22) - (1 << 21)) * 0x1p-20
    }
  }()
  private static let gradient = sums.map { 0.25 * $0 }
  private static let start = TestNumbers.normal(groups.count, seed: 32)
  private static let norm = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()

  private static func reduced() throws -> GradientReducer {
    let head = groups.tensors[3].range
    let reducer = GradientReducer(
      layerRanges: [0..<head.lowerBound, head], blocks: blocks.ranges, extraCount: 1,
      gradientGrid: SummationGrid(exponent: -36), extraGrid: SummationGrid(exponent: -30),
      bucketBytes: 1 << 19)
    reducer.begin(localMicrobatches: 1, of: 1)
    sums.withUnsafeBufferPointer { sums in
      reducer.add(sums.baseAddress! + head.lowerBound, of: head)
      reducer.add(sums.baseAddress!, of: 0..<head.lowerBound)
    }
    reducer.finishMicrobatch(extras: [0])
    let isSound = try reducer.reduce(over: SoloCommunicator(), scale: 0.25, onWait: {})
    #expect(isSound)
    return reducer
  }

  private static func state(for optimizer: any Optimizer) -> ModelState {
    let state = ModelState(
      descriptions: groups.tensors.enumerated().map { index, tensor in
        ParameterDescription(
          name: "tensor\(index)", shape: [tensor.range.count], range: tensor.range,
          initializer: .constant(0), isWeight: tensor.decays)
      }, statistics: [], vectors: optimizer.stateNames.map { StateVector(name: $0) })
    state.parameters.update(from: start, count: groups.count)
    return state
  }

  private static func values(_ pointer: UnsafePointer<Float>) -> [Float] {
    Array(UnsafeBufferPointer(start: pointer, count: groups.count))
  }

  /// The hash of the hashes of all blocks.
  private static func hash(_ vector: [Float]) -> UInt64 {
    vector.withUnsafeBytes { bytes in
      Hash64.of(
        blocks.ranges.map {
          Hash64.of(UnsafeRawBufferPointer(rebasing: bytes[4 * $0.lowerBound..<4 * $0.upperBound]))
        })
    }
  }

  private struct Result: Equatable {
    var receipt: UpdateReceipt
    var parameters, vectors: [Float]
  }

  private static func update(
    by optimizer: any Optimizer, clipping: GradientClipping?, threads: Int
  ) throws -> Result {
    let pool = WorkerPool(count: threads)
    defer { pool.end() }
    let (reducer, state) = (try reduced(), state(for: optimizer))
    let pass = UpdatePass(
      groups: groups, blocks: blocks, optimizer: optimizer, pool: pool, ownRanges: nil)
    pass.measure(reducer, state)
    let receipt = try pass.apply(
      to: state, reducer, index: 0, rates: rates, clipping: clipping, gather: {})
    return Result(
      receipt: receipt, parameters: values(state.parameters), vectors: values(state.vectorsPointer))
  }

  @Test func clippedWeightsFollowTheFormula() throws {
    let limit = Self.norm / 3
    let result = try Self.update(
      by: SGD(momentum: 0.9, weightDecay: Self.decay),
      clipping: GradientClipping(maximumNorm: limit), threads: 2)
    #expect((result.receipt.norm / Self.norm - 1).magnitude < 1e-12)
    #expect(result.receipt.gradientHash == Self.hash(Self.gradient))
    #expect(result.receipt.weightsHash == Self.hash(result.parameters))
    let scale = limit / (Self.norm + 1e-6)
    var worst = (weight: 0.0, momentum: 0.0)
    for tensor in Self.groups.tensors {
      for i in tensor.range {
        let weight = Double(Self.start[i])
        let velocity =
          scale * Double(Self.gradient[i]) + (tensor.decays ? Self.decay * weight : 0)
        worst.momentum = max(worst.momentum, (Double(result.vectors[i]) - velocity).magnitude)
        worst.weight = max(
          worst.weight,
          (Double(result.parameters[i]) - (weight - Self.rates[tensor.part] * velocity)).magnitude)
      }
    }
    #expect(worst.weight < 1e-6 && worst.momentum < 1e-7, "\(worst)")
    // Decay, rates and clipping are larger than what the comparison lets pass.
    #expect(scale < 0.34 && Self.norm > 1)
  }

  private static let optimizers: [any Optimizer] = [
    SGD(momentum: 0.9, weightDecay: decay), LARS(weightDecay: decay),
  ]

  @Test(arguments: [0, 1]) func anyNumberOfWorkersGivesTheSameBits(number: Int) throws {
    let optimizer = Self.optimizers[number]
    let clipping = GradientClipping(maximumNorm: 1)
    let alone = try Self.update(by: optimizer, clipping: clipping, threads: 1)
    for threads in [2, 5] {
      let other = try Self.update(by: optimizer, clipping: clipping, threads: threads)
      #expect(other.receipt == alone.receipt)
      // Not in the macro, which would look for the shortest way from one array to the other.
      let isSame = other == alone
      #expect(isSame, "\(threads) workers")
    }
    let unclipped = try Self.update(by: optimizer, clipping: nil, threads: 1)
    #expect(unclipped.receipt.gradientHash == alone.receipt.gradientHash)
    #expect(unclipped.receipt.weightsHash != alone.receipt.weightsHash)
  }

  /// Each rank measures and updates its blocks, and no other; what all have measured is the whole.
  @Test(arguments: [0, 1], [2, 3]) func ranksUpdateTheirBlocksAlone(number: Int, ranks: Int) throws
  {
    let optimizer = Self.optimizers[number]
    let clipping = GradientClipping(maximumNorm: 1)
    let whole = try Self.update(by: optimizer, clipping: clipping, threads: 1)
    let layout = BucketLayout(
      count: Self.groups.count, blocks: Self.blocks.ranges, minimumCount: 50_000, ranks: ranks,
      wholeBlocks: true)
    let pool = WorkerPool(count: 2)
    defer { pool.end() }
    let reducer = try Self.reduced()
    let passes = (0..<ranks).map {
      UpdatePass(
        groups: Self.groups, blocks: Self.blocks, optimizer: optimizer, pool: pool,
        ownRanges: layout.ranges(of: $0))
    }
    var sums = [Double](repeating: 0, count: UpdatePass.valuesOfBlock * Self.blocks.count)
    for pass in passes {
      pass.measure(reducer, Self.state(for: optimizer))
      var own = [Double](repeating: .nan, count: sums.count)
      pass.writeOwn(to: &own)
      for i in sums.indices { sums[i] += own[i] }
    }
    for (rank, pass) in passes.enumerated() {
      pass.readAll(from: sums)
      let state = Self.state(for: optimizer)
      let own = layout.ranges(of: rank)
      #expect(!own.isEmpty)
      let receipt = try pass.apply(
        to: state, reducer, index: 0, rates: Self.rates, clipping: clipping
      ) {
        let isOwn = (0..<Self.groups.count).map { index in own.contains { $0.contains(index) } }
        let isRight = isOwn.indices.allSatisfy {
          state.parameters[$0] == (isOwn[$0] ? whole.parameters : Self.start)[$0]
            && state.vectorsPointer[$0] == (isOwn[$0] ? whole.vectors[$0] : 0)
        }
        #expect(isRight, "rank \(rank)")
        state.parameters.update(from: whole.parameters, count: Self.groups.count)
      }
      #expect(receipt == whole.receipt, "rank \(rank)")
    }
  }
}

@Suite struct WeightGatheringTests {
  private static let blocks: [Range<Int>] = .init(
    [0..<1728, 1728..<1792, 1792..<12_000, 12_000..<12_007, 12_007..<30_000, 30_000..<30_512])
  private static let count = 30_512

  /// Any bits, those of NaN among them: weights are copied and not computed with.
  private static func bits(_ index: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: index &* 0x9E37_79B1)
  }

  @Test(arguments: [1, 2, 3, 8], [1 << 30, 10_000])
  func everyRankGetsThePartsOfAll(ranks: Int, transferBytes: Int) throws {
    let layout = BucketLayout(
      count: Self.count, blocks: Self.blocks, minimumCount: 8000, ranks: ranks, wholeBlocks: true)
    let limits = MessageLimits(
      transferBytes: transferBytes, roundBytes: min(transferBytes, 4000), pieceBytes: 1000)
    let sent = try ThreadCommunicator.run(size: ranks, limits: limits) {
      communicator -> Int in
      let own = layout.ranges(of: communicator.rank)
      let vector = FencedFloats(unwritten: Self.count)
      let scratch = FencedFloats(unwritten: Self.count, offset: 0)
      for range in own {
        for i in range { vector.pointer[i] = Float(bitPattern: Self.bits(i)) }
      }
      let gathering = WeightGathering(layout: layout, rank: communicator.rank, ranks: ranks)
      try gathering.run(on: vector.pointer, scratch: scratch.pointer, over: communicator)
      let wrong = (0..<Self.count).first { vector.pointer[$0].bitPattern != Self.bits($0) }
      #expect(wrong == nil, "element \(wrong ?? 0) on rank \(communicator.rank)")
      #expect(vector.fencesStand && scratch.fencesStand)
      #expect(gathering.sentBytes == 4 * own.reduce(0) { $0 + $1.count } * (ranks - 1))
      return gathering.sentBytes
    }
    // Each element goes once to each rank but its own.
    #expect(sent.reduce(0, +) == 4 * Self.count * (ranks - 1))
  }
}
