package import Collectives
private import Foundation
internal import Optimizers

/// What a step costs on a number of ranks, from a few measured figures (docs/scaling.md).
package struct ScalingModel: Sendable, Equatable, Codable {
  /// Floats of all parameters but those of `head`.
  package var parameterCount: Int
  /// Seconds in which one thread computes one image, forward and backward, its sums included, but
  /// for `head`.
  package var computeSeconds: Double
  /// Seconds in which one thread decodes and changes the photo before.
  package var decodeSeconds: Double
  /// Seconds in which the reader thread of a rank brings a photo, beside the workers.
  package var readSeconds: Double
  /// Seconds of the update of these parameters by one rank.
  package var updateSeconds: Double
  /// Seconds in which one thread packs or adds one value, where the wire's rate does not hold it.
  package var valueSeconds: Double
  /// What the network between ranks costs.
  package var wire: Wire
  /// The class weights; nil where the loss has none.
  package var head: HeadModel?

  package init(
    parameterCount: Int, computeSeconds: Double, decodeSeconds: Double, readSeconds: Double = 0,
    updateSeconds: Double, valueSeconds: Double, wire: Wire, head: HeadModel? = nil
  ) {
    self.parameterCount = parameterCount
    self.computeSeconds = computeSeconds
    self.decodeSeconds = decodeSeconds
    self.readSeconds = readSeconds
    self.updateSeconds = updateSeconds
    self.valueSeconds = valueSeconds
    self.wire = wire
    self.head = head
  }

  /// The same with its head divided over the ranks, or whole.
  package func with(dividedHead isDivided: Bool) -> ScalingModel {
    var model = self
    model.head?.isDivided = isDivided
    return model
  }

  /// How the ranks reduce and update.
  package struct Design: Sendable, Equatable {
    /// How sums travel.
    package var reduction: Reduction
    /// Whether each rank updates a part of the parameters.
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

    /// Those that are compared, the default first.
    package static let all = [
      Design(.exact), Design(.exact, isSharded: true), Design(.fp32), Design(.bf16),
    ]
  }

  /// The work of one rank in a step.
  package struct Load: Sendable, Equatable {
    /// Ranks of the world.
    package var ranks: Int
    /// Compute threads of each rank.
    package var threads: Int
    /// Samples of a step on each rank, or of the batch of all on one.
    package var imagesPerRank: Int
    /// Samples of a microbatch at most.
    package var microbatch: Int
    /// Samples of all ranks, where they are the same on any number of ranks; nil where each has
    /// `imagesPerRank`.
    package var sharedBatch: Int?

    package init(
      ranks: Int, threads: Int, imagesPerRank: Int, microbatch: Int, sharedBatch: Int? = nil
    ) {
      self.ranks = ranks
      self.threads = threads
      self.imagesPerRank = imagesPerRank
      self.microbatch = microbatch
      self.sharedBatch = sharedBatch
    }

    /// Samples of a step on all ranks.
    package var batch: Int { sharedBatch ?? ranks * imagesPerRank }

    /// Microbatches of the busiest rank, and samples of each.
    var microbatches: (count: Int, images: Double) {
      let samples = sharedBatch ?? imagesPerRank
      let all = (samples + microbatch - 1) / microbatch
      return (
        sharedBatch == nil ? all : (all + ranks - 1) / ranks, Double(samples) / Double(all)
      )
    }
  }

  /// What a step is made of, in seconds.
  package struct Prediction: Sendable, Equatable, Codable {
    /// Decoding and augmenting, on all threads.
    package var decode: Double
    /// Forward and backward, a whole head with them, on all threads.
    package var compute: Double
    /// Of a divided head what a rank's own classes take, on all threads.
    package var head = 0.0
    /// What ranks wait for those before them while sums over the classes go from rank to rank.
    package var waves = 0.0
    /// Embeddings on their way to all ranks, and their gradients on the way back.
    package var exchange = 0.0
    /// Decoding and going forward again, where activations are not kept for a divided head.
    package var again = 0.0
    /// All sums on their way, hidden or not.
    package var sums: Double
    /// What of them the last microbatches hide.
    package var hidden: Double
    /// The update, or that of the rank's part.
    package var update: Double
    /// Agreements and the sum of the extras.
    package var latency: Double
    /// What the reader thread needs beyond the rest of the step.
    package var read = 0.0

    /// Seconds from one step to the next.
    package var step: Double {
      decode + compute + head + waves + exchange + again + sums - hidden + update + latency + read
    }
    /// The share of the step that computes.
    package var efficiency: Double { (compute + head) / step }
    /// The stage that takes most of what is not computing.
    package var limit: String {
      if efficiency > 0.9 { return "compute" }
      let stages = [
        ("sums", sums - hidden), ("update", update), ("latency", latency), ("decode", decode),
        ("read", read), ("waves", waves), ("exchange", exchange), ("second pass", again),
      ]
      return stages.reduce(stages[0]) { $1.1 > $0.1 ? $1 : $0 }.0
    }
  }

  /// Values that are reduced together.
  package static func bucketValues(ranks: Int) -> Double {
    Double(BucketLayout.bucketBytes(ranks: ranks) / 8)
  }
  /// The part of a microbatch that is its backward pass, in which sums can be hidden.
  static let backwardShare = 2.0 / 3

  /// Ways between two ranks in a row that an agreement of `ranks` ranks takes: up a tree and down.
  package static func ways(ofAgreementOf ranks: Int) -> Double {
    2 * max(1, log2(Double(ranks)).rounded(.up))
  }

  /// Ways between two ranks in a row that the sum of a bucket takes, of whose parts one peer is
  /// sent `part` bytes and gathers `back`: either goes to all peers at once.
  package static func ways(ofPart part: Double, back: Double) -> Double {
    Wire.ways(ofBytes: part) + Wire.ways(ofBytes: back)
  }

  /// The step of `load` by `design`.
  package func predict(_ load: Load, _ design: Design = Design(.exact)) -> Prediction {
    var prediction = predictWithoutReading(load, design)
    let (microbatches, images) = load.microbatches
    prediction.read = max(0, Double(microbatches) * images * readSeconds - prediction.step)
    return prediction
  }

  private func predictWithoutReading(_ load: Load, _ design: Design) -> Prediction {
    let ranks = load.ranks
    let (microbatches, images) = load.microbatches
    let rounds = Double((microbatches + load.threads - 1) / load.threads)
    let whole = head.flatMap { $0.isDivided ? nil : $0 }
    let round =
      images * (computeSeconds + (whole.map { Double($0.classes) * $0.seconds.whole } ?? 0))
    let update =
      (updateSeconds + (whole.map { $0.valueCount * $0.seconds.update } ?? 0))
      / Double(design.isSharded ? ranks : 1)
    let agreement = ranks > 1 ? wire.latencySeconds * Self.ways(ofAgreementOf: ranks) : 0
    var prediction = Prediction(
      decode: rounds * images * decodeSeconds, compute: rounds * round, sums: 0, hidden: 0,
      update: update, latency: 0)
    if let head, head.isDivided {
      add(head, load, images: images, rounds: rounds, agreement: agreement, to: &prediction)
    }
    guard ranks > 1 else { return prediction }
    let count = Double(parameterCount) + (whole?.valueCount ?? 0)
    let peers = Double(ranks - 1)
    let buckets = max(1, (count / Self.bucketValues(ranks: ranks)).rounded(.down))
    let (there, back) = design.bytes
    // Whole blocks: with few of them some ranks sum a block and others nothing.
    let block = Double(TensorBlocks.blockElements)
    let even = count / Double(ranks)
    let own = design.isSharded ? (even / block).rounded(.up) * block : even
    let bytes = peers * (own * there + even * back)
    let messages = peers * wire.messageSeconds * (back > 0 ? 2 : 1)
    let ways =
      wire.latencySeconds
      * (back > 0
        ? Self.ways(ofPart: own * there / buckets, back: even * back / buckets)
        : Wire.ways(ofBytes: own * there / buckets))
    prediction.sums =
      bytes / wire.bytesPerSecond + buckets * (agreement + messages + ways)
      + 2 * count * valueSeconds
    // The last bucket is final when nothing is left to hide it.
    prediction.hidden = min(prediction.sums * (1 - 1 / buckets), Self.backwardShare * round)
    if design.isSharded {
      let limits = MessageLimits()
      let rounds =
        4 * count <= Double(limits.transferBytes)
        ? 1 : (4 * count / Double(limits.roundBytes)).rounded(.up)
      prediction.update +=
        own * 4 * peers / wire.bytesPerSecond + agreement
        + rounds
        * (peers * wire.messageSeconds + Wire.ways(ofBytes: 4 * own / rounds)
          * wire.latencySeconds)
    }
    let extras = 40.0 * Double(ranks) + 100_000
    prediction.latency = 3 * agreement + 2 * extras / wire.bytesPerSecond
    return prediction
  }

  /// Adds what a divided head takes beside the network.
  private func add(
    _ head: HeadModel, _ load: Load, images: Double, rounds: Double, agreement: Double,
    to prediction: inout Prediction
  ) {
    let cost = head.divided(load, wire, agreement: agreement)
    prediction.head = cost.work
    prediction.waves = cost.waves
    prediction.exchange = cost.exchange
    if head.passes > 1, load.microbatches.count > load.threads {
      prediction.again =
        rounds * images * (decodeSeconds + (1 - Self.backwardShare) * computeSeconds)
    }
    let (kept, taken) = head.ownClasses(ranks: load.ranks, batch: load.batch)
    // The weights of classes that take no part are read, for the receipt: of five numbers one.
    let moved = taken + (Double(kept) - taken) / 5
    prediction.update += moved * Double(head.width) * head.seconds.update
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
