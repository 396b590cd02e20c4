private import Foundation
package import Collectives
private import Optimizers

/// What a step costs on a number of ranks, from a few measured figures (docs/scaling.md).
package struct ScalingModel: Sendable, Equatable, Codable {
  /// Floats of all parameters, loss head included.
  package var parameterCount: Int
  /// Seconds in which one thread computes one image, forward and backward, its sums included.
  package var imageSeconds: Double
  /// Seconds of the update of all parameters by one rank.
  package var updateSeconds: Double
  /// Seconds in which one thread packs or adds one value.
  package var valueSeconds: Double
  /// Bytes a second that a rank sends while it receives as many.
  package var bytesPerSecond: Double
  /// Seconds that one message costs beside its bytes.
  package var messageSeconds: Double
  /// Seconds in which two ranks agree; more ranks take their binary logarithm as often.
  package var agreementSeconds: Double

  package init(
    parameterCount: Int, imageSeconds: Double, updateSeconds: Double, valueSeconds: Double,
    bytesPerSecond: Double, messageSeconds: Double, agreementSeconds: Double
  ) {
    self.parameterCount = parameterCount
    self.imageSeconds = imageSeconds
    self.updateSeconds = updateSeconds
    self.valueSeconds = valueSeconds
    self.bytesPerSecond = bytesPerSecond
    self.messageSeconds = messageSeconds
    self.agreementSeconds = agreementSeconds
  }

  /// How the ranks reduce and update.
  package struct Design: Sendable, Equatable {
    package var reduction: Reduction
    package var isSharded: Bool

    package init(_ reduction: Reduction, isSharded: Bool = false) {
      self.reduction = reduction
      self.isSharded = isSharded
    }

    package var name: String { reduction.rawValue + (isSharded ? ", sharded" : "") }

    /// Bytes of a value on its way to the rank that sums it, and of a result on its way back.
    package var bytes: (there: Double, back: Double) {
      switch reduction {
      case .exact: (6, isSharded ? 0 : 4)
      case .fp32: (4, isSharded ? 0 : 4)
      case .bf16: (2, isSharded ? 0 : 2)
      }
    }

    package static let all = [
      Design(.exact), Design(.exact, isSharded: true), Design(.fp32), Design(.bf16),
    ]
  }

  /// The work of one rank in a step.
  package struct Load: Sendable, Equatable {
    package var ranks: Int
    package var threads: Int
    package var imagesPerRank: Int
    package var microbatch: Int
    /// Compute threads that want one core, 1 where each has its own.
    package var threadsPerCore: Double

    package init(
      ranks: Int, threads: Int, imagesPerRank: Int, microbatch: Int, threadsPerCore: Double = 1
    ) {
      self.ranks = ranks
      self.threads = threads
      self.imagesPerRank = imagesPerRank
      self.microbatch = microbatch
      self.threadsPerCore = threadsPerCore
    }
  }

  /// What a step is made of, in seconds.
  package struct Prediction: Sendable, Equatable, Codable {
    package var compute: Double
    /// All sums on their way, hidden or not.
    package var sums: Double
    /// What of them the last microbatches hide.
    package var hidden: Double
    package var update: Double
    /// Agreements and the sum of the extras.
    package var latency: Double

    package var step: Double { compute + sums - hidden + update + latency }
    /// The share of the step that computes.
    package var efficiency: Double { compute / step }
    /// The stage that takes most of what is not computing.
    package var limit: String {
      let exposed = sums - hidden
      if efficiency > 0.9 { return "compute" }
      return exposed >= update && exposed >= latency
        ? "sums" : update >= latency ? "update" : "latency"
    }
  }

  /// Values that are reduced together.
  package static func bucketValues(ranks: Int) -> Double {
    Double(StepEngine.bucketBytes(ranks: ranks) / 8)
  }
  /// The part of a microbatch that is its backward pass, in which sums can be hidden.
  static let backwardShare = 2.0 / 3

  /// The step of `load` by `design`.
  package func predict(_ load: Load, _ design: Design = Design(.exact)) -> Prediction {
    let ranks = load.ranks
    let microbatches = (load.imagesPerRank + load.microbatch - 1) / load.microbatch
    let rounds = Double((microbatches + load.threads - 1) / load.threads)
    let round =
      Double(load.imagesPerRank) / Double(microbatches) * imageSeconds * load.threadsPerCore
    let count = Double(parameterCount)
    let update = updateSeconds / Double(design.isSharded ? ranks : 1)
    guard ranks > 1 else {
      return Prediction(
        compute: rounds * round, sums: 0, hidden: 0, update: update, latency: 0)
    }
    let buckets = max(1, (count / Self.bucketValues(ranks: ranks)).rounded(.down))
    let agreement = agreementSeconds * log2(Double(ranks))
    let (there, back) = design.bytes
    let messages = Double(ranks - 1) * messageSeconds
    func wire(_ bytes: Double, _ own: Double) -> Double {
      bytes > 0 ? own * bytes * Double(ranks - 1) / bytesPerSecond + buckets * messages : 0
    }
    // Whole blocks: with few of them some ranks sum a block and others nothing.
    let block = Double(TensorBlocks.blockElements)
    let own =
      design.isSharded
      ? (count / block / Double(ranks)).rounded(.up) * block : count / Double(ranks)
    let values = 2 * count * valueSeconds * load.threadsPerCore
    let sums =
      wire(there, own) + wire(back, count / Double(ranks)) + values + buckets * agreement
    // The last bucket is final when nothing is left to hide it.
    let hidden = min(sums * (1 - 1 / buckets), Self.backwardShare * round)
    let weights =
      design.isSharded
      ? own * 4 * Double(ranks - 1) / bytesPerSecond + messages + agreement : 0
    let extras = 40.0 * Double(ranks) + 100_000
    return Prediction(
      compute: rounds * round, sums: sums, hidden: hidden, update: update + weights,
      latency: 2 * agreement + 2 * extras / bytesPerSecond + agreement)
  }

  /// A table of efficiencies: a row for each number of ranks, a column for each design.
  package func table(ranks: [Int], load: Load, designs: [Design] = Design.all) -> TextTable {
    var table = TextTable(
      [("ranks", true)] + designs.map { ($0.name, true) }
        + [("images/s (exact)", true), ("limit (exact)", false)])
    for count in ranks {
      var load = load
      load.ranks = count
      let exact = predict(load)
      table.append(
        ["\(count)"]
          + designs.map { "\(Console.fixed(100 * predict(load, $0).efficiency, 1)) %" }
          + [
            Console.fixed(Double(count * load.imagesPerRank) / exact.step, 0), exact.limit,
          ])
    }
    return table
  }

  /// The most ranks, a power of two up to 65,536, at which `design` still computes for `share` of a
  /// step; nil where two ranks do not.
  package func limit(of design: Design, load: Load, share: Double) -> Int? {
    var last: Int?
    for exponent in 1...16 {
      var load = load
      load.ranks = 1 << exponent
      guard predict(load, design).efficiency >= share else { break }
      last = load.ranks
    }
    return last
  }
}
