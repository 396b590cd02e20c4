private import Kernels
package import Losses
package import Networks
private import Preconditions
package import Threads

/// A vector as long as the parameters that a step changes beside them: momentum, what rounding took
/// away, later others.
package struct StateVector: Sendable, Equatable {
  /// Where a vector is when ranks share the work, and so what a checkpoint has to bring together.
  package enum Residence: Sendable, Equatable {
    /// The optimizer's: each rank that updates a part of the parameters keeps that part.
    case withUpdates
    /// Every rank has what it has itself rounded away; the run's is the sum of all.
    case addend
  }

  /// As checkpoints call it, `optimizer.NAME/TENSOR`.
  package let name: String
  /// What every element is before the first step.
  package let initial: Float
  /// Which rank has which part of it.
  package let residence: Residence

  /// A vector that starts as `initial` everywhere.
  package init(name: String, initial: Float = 0, residence: Residence = .withUpdates) {
    self.name = name
    self.initial = initial
    self.residence = residence
  }

  /// The moving average of the parameters, beside which there is one of the running moments.
  package static let average = StateVector(name: "ema")
}

/// Everything that a step changes: one flat vector of parameters (backbone, then loss head),
/// running moments, named vectors beside the parameters, and the state of the loss. One copy per
/// rank, shared by its workers.
package final class ModelState {
  /// Every tensor of `parameters`, in order; the head's names begin with `head.`.
  package let descriptions: [ParameterDescription]
  /// Where the moments of each batch norm lie in `statistics`.
  package let statisticsDescriptions: [StatisticsDescription]
  /// Floats of `parameters`.
  package let parameterCount: Int
  /// Floats of `statistics`.
  package let statisticsCount: Int
  /// The vectors beside the parameters, in the order of their memory: the optimizer's are first.
  package let vectors: [StateVector]
  /// What the loss keeps from step to step.
  package var loss: LossState
  private let initialLoss: LossState
  private let parameterMemory: AlignedMemory
  /// The parameters where ranks have parts of them, else nothing.
  private let reservedParameters: ReservedMemory
  /// Where parameters begin of which each rank has some; nil where it has all.
  package let dividedFrom: Int?
  private let statisticsMemory: AlignedMemory
  private let averagesMoments: Bool
  private let vectorMemory: AlignedMemory
  /// The vectors where each rank keeps a part of them, else nothing.
  private let reserved: ReservedMemory
  private let isReserved: Bool

  /// Memory for all of it; with `keepsParts` vectors take none where they are not written, and
  /// neither do parameters where those from `dividedFrom` on are divided over the ranks.
  package init(
    descriptions: [ParameterDescription], statistics: [StatisticsDescription],
    vectors: [StateVector] = [], keepsParts: Bool = false, dividedFrom: Int? = nil,
    loss: LossState = LossState()
  ) {
    self.dividedFrom = dividedFrom
    self.descriptions = descriptions
    statisticsDescriptions = statistics
    parameterCount = descriptions.last?.range.upperBound ?? 0
    statisticsCount = statistics.reduce(0) { $0 + 2 * $1.channels }
    self.vectors = vectors
    self.loss = loss
    initialLoss = loss
    parameterMemory = AlignedMemory(count: dividedFrom == nil ? parameterCount : 0, fill: 0)
    reservedParameters = ReservedMemory(count: dividedFrom == nil ? 0 : parameterCount)
    if let dividedFrom { reservedParameters.useHugePages(in: 0..<dividedFrom) }
    averagesMoments = vectors.contains(.average)
    statisticsMemory = AlignedMemory(
      count: statisticsCount * (averagesMoments ? 2 : 1), fill: 0)
    let count = parameterCount * vectors.count
    isReserved = keepsParts
    vectorMemory = AlignedMemory(count: isReserved ? 0 : count, fill: 0)
    reserved = ReservedMemory(count: isReserved ? count : 0)
  }

  /// The tensor whose rows are divided over the ranks; nil where there is none.
  package var dividedDescription: ParameterDescription? {
    dividedFrom.flatMap { start in descriptions.first { $0.range.lowerBound == start } }
  }

  /// The tensors that every rank has whole.
  package var wholeDescriptions: [ParameterDescription] {
    descriptions.filter { $0.range.lowerBound != dividedFrom }
  }

  /// Where they lie in the flat vector: all of it, but for what is divided.
  package var wholeRanges: [Range<Int>] {
    guard let divided = dividedDescription?.range else { return [0..<parameterCount] }
    return [0..<divided.lowerBound, divided.upperBound..<parameterCount].filter { !$0.isEmpty }
  }

  /// The flat parameter vector [parameterCount].
  ///
  /// Of a part that is divided over the ranks, what others have is address space that reads as 0.
  package var parameters: UnsafeMutablePointer<Float> {
    dividedFrom == nil ? parameterMemory.pointer : reservedParameters.pointer
  }

  /// Running means and variances [statisticsCount].
  package var statistics: UnsafeMutablePointer<Float> { statisticsMemory.pointer }

  /// The moving average of the running moments [statisticsCount], right behind them; nil where
  /// nothing is averaged.
  package var averageMoments: UnsafeMutablePointer<Float>? {
    averagesMoments ? statistics + statisticsCount : nil
  }

  /// Floats of the running moments and of their average.
  package var allMomentsCount: Int { statisticsCount * (averagesMoments ? 2 : 1) }

  /// All vectors, one after another [vectors.count][parameterCount]; the optimizer reads its own,
  /// the first, as one piece.
  ///
  /// Where a rank keeps a part of them, the rest is address space that reads as 0.
  package var vectorsPointer: UnsafeMutablePointer<Float> {
    isReserved ? reserved.pointer : vectorMemory.pointer
  }

  /// Vector number `index` [parameterCount].
  package func vector(_ index: Int) -> UnsafeMutablePointer<Float> {
    require(
      vectors.indices.contains(index),
      "ModelState: vector \(index) of \(vectors.map(\.name))")
    return vectorsPointer + index * parameterCount
  }

  /// The moving average of the parameters [parameterCount]; nil where there is none.
  package var average: UnsafeMutablePointer<Float>? {
    vectors.firstIndex(of: .average).map(vector)
  }

  /// The vector that holds addends of this rank [parameterCount]; nil where there is none.
  package var addend: UnsafeMutablePointer<Float>? {
    vectors.firstIndex { $0.residence == .addend }.map(vector)
  }

  /// Bytes of the vectors, where they are whole; of a part, those of that part.
  package func bytes(keeping ownRanges: [Range<Int>]?) -> Int {
    func count(from start: Int) -> Int {
      ownRanges?.reduce(0) { $0 + max(0, $1.upperBound - max(start, $1.lowerBound)) }
        ?? parameterCount - start
    }
    let own = dividedFrom.map { $0 + count(from: $0) } ?? parameterCount
    return 4 * own + statisticsMemory.bytes + 4 * count(from: 0) * vectors.count
  }

  /// Asks for huge pages in the parts of the parameters that this rank has.
  package func useHugePages(in ranges: [Range<Int>]) {
    guard dividedFrom != nil else { return }
    for range in ranges { reservedParameters.useHugePages(in: range) }
  }

  /// Sets the vectors to 0 outside of `ranges`, ascending or descending, and gives the memory back
  /// where only parts are kept.
  package func keepVectors(
    only ranges: [Range<Int>], where isConcerned: (StateVector) -> Bool = { _ in true }
  ) {
    for (index, vector) in vectors.enumerated() where isConcerned(vector) {
      var end = 0
      for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound })
        + [parameterCount..<parameterCount]
      {
        if range.lowerBound > end { clear(end..<range.lowerBound, ofVector: index) }
        end = max(end, range.upperBound)
      }
    }
  }

  private func clear(_ range: Range<Int>, ofVector index: Int) {
    let start = index * parameterCount
    guard isReserved else {
      (vectorMemory.pointer + start + range.lowerBound).update(repeating: 0, count: range.count)
      return
    }
    reserved.release(start + range.lowerBound..<start + range.upperBound)
  }

  /// Elements of a divided tensor that a worker initializes at a time.
  private static let pieceCount = 1 << 18

  /// Sets every tensor to its first values, a function of `seed`, and the vectors in `ranges` (nil:
  /// everywhere) to theirs; of parameters that are divided over the ranks, those in `ownRanges`.
  package func initialize(
    seed: UInt64, pool: WorkerPool, vectorsIn ranges: [Range<Int>]? = nil,
    dividedIn ownRanges: [Range<Int>] = []
  ) {
    nonisolated(unsafe) let state = self
    let pieces = descriptions.flatMap { description -> [(ParameterDescription, Range<Int>?)] in
      guard let dividedFrom, description.range.lowerBound >= dividedFrom else {
        return [(description, nil)]
      }
      return ownRanges.flatMap { range -> [(ParameterDescription, Range<Int>?)] in
        let own = range.clamped(to: description.range)
        return stride(from: own.lowerBound, to: own.upperBound, by: Self.pieceCount).map {
          let start = $0 - description.range.lowerBound
          return (description, start..<start + min(Self.pieceCount, own.upperBound - $0))
        }
      }
    }
    pool.forEach(pieces.count) { _, i in
      let (description, part) = pieces[i]
      let memory = state.parameters + description.range.lowerBound
      if let part {
        description.initialize(memory, part: part, seed: seed)
      } else {
        description.initialize(memory, seed: seed)
      }
    }
    for entry in statisticsDescriptions {
      for i in entry.means { statistics[i] = 0 }
      for i in entry.variances { statistics[i] = 1 }
    }
    for (index, vector) in vectors.enumerated() {
      // Memory that was reserved reads as 0 without being touched.
      if isReserved && vector.initial == 0 { continue }
      for range in ranges ?? [0..<parameterCount] {
        (self.vector(index) + range.lowerBound).update(
          repeating: vector.initial, count: range.count)
      }
    }
    loss = initialLoss
  }
}
