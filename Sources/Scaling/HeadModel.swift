package import Collectives
internal import Losses

/// Class weights and what they cost: whole on every rank, or divided over the ranks (decision 20).
package struct HeadModel: Sendable, Equatable, Codable {
  /// What is measured of a head, in seconds; a class is a row of the weights here.
  package struct Seconds: Sendable, Equatable, Codable {
    /// Of one thread for one face at one class of a whole head, with the sums of its gradient.
    package var whole: Double
    /// The same of a divided one: the score.
    package var score: Double
    /// Its exponential.
    package var exponential: Double
    /// The gradient at the embedding.
    package var embeddingGradient: Double
    /// The gradient of the weights, from a score that is still there.
    package var classGradient: Double
    /// The same where the score is computed again.
    package var classGradientAgain: Double
    /// Of one rank for the update of one number.
    package var update: Double

    package init(
      whole: Double, score: Double, exponential: Double, embeddingGradient: Double,
      classGradient: Double, classGradientAgain: Double, update: Double
    ) {
      self.whole = whole
      self.score = score
      self.exponential = exponential
      self.embeddingGradient = embeddingGradient
      self.classGradient = classGradient
      self.classGradientAgain = classGradientAgain
      self.update = update
    }

    /// Of one thread for one face at one class of a divided head, in batches that fit its tiles.
    package var divided: Double { score + exponential + embeddingGradient + classGradient }
  }

  /// Classes of all ranks.
  package var classes: Int
  /// Centres of a class, each of which has a row of the weights.
  package var centres: Int
  /// The width of an embedding.
  package var width: Int
  /// The chance of a class beside those of the batch to take part in a step; 1 takes all.
  package var share: Double
  /// How often a batch of more microbatches than threads goes forward with a divided head.
  package var passes: Int
  /// Whether the ranks have parts of it.
  package var isDivided: Bool
  /// What it was measured to cost.
  package var seconds: Seconds

  package init(
    classes: Int, centres: Int = 1, width: Int, share: Double = 1, passes: Int = 2,
    isDivided: Bool, seconds: Seconds
  ) {
    self.classes = classes
    self.centres = centres
    self.width = width
    self.share = share
    self.passes = passes
    self.isDivided = isDivided
    self.seconds = seconds
  }

  /// Rows of the weights.
  package var rowCount: Int { classes * centres }

  /// Numbers of all weights.
  package var valueCount: Double { Double(rowCount) * Double(width) }

  private var blocks: HeadBlocks {
    HeadBlocks(classes: classes, dimension: width, centres: centres)
  }

  /// Rows of a rank with the most of them, and of these the ones whose classes take part in a step.
  package func ownClasses(ranks: Int, batch: Int) -> (kept: Int, taken: Double) {
    let kept = blocks.classes(of: 0, ranks: ranks).count
    guard share < 1 else { return (kept, Double(kept)) }
    // Of the batch, those that chance leaves out, at most.
    let named = Double(centres * min(batch, classes)) / Double(blocks.activeRanks(of: ranks))
    return (kept, min(Double(kept), share * Double(kept) + (1 - share) * named))
  }

  /// Rows of `taken` that the busiest of `threads` threads has, in whole tiles.
  package static func perThread(
    _ taken: Double, of kept: Int, width: Int, centres: Int = 1, threads: Int
  ) -> Double {
    let tile = HeadBlocks(
      classes: max(1, kept / centres), dimension: width, centres: centres
    ).tileClasses
    let tiles = (kept + tile - 1) / tile
    return Double(min(kept, (tiles + threads - 1) / threads * tile)) * taken
      / Double(max(1, kept))
  }

  /// The classes from which on a tenth of them in a step saves a tenth of what a thread computes
  /// for an image, whose network takes `networkSeconds`: whatever the ranks, as all of them see all
  /// faces.
  package func samplingPaysFrom(networkSeconds: Double) -> Int {
    // 0.9 of the head is saved, and is to be 0.1 of both.
    Int((0.1 * networkSeconds / (0.8 * Double(centres) * seconds.divided)).rounded(.up))
  }

  /// What a divided head adds to a step beside the network, in seconds.
  struct Cost {
    /// What a rank's own classes take on its threads.
    var work = 0.0
    /// What a rank waits for those before it in the waves, their messages with it.
    var waves = 0.0
    /// Embeddings on their way to all ranks, gradients on theirs back, and what is agreed on.
    var exchange = 0.0
  }

  /// The cost in a step of `load` over `wire`; an agreement takes `agreement` seconds.
  func divided(_ load: ScalingModel.Load, _ wire: Wire, agreement: Double) -> Cost {
    let own = ownClasses(ranks: load.ranks, batch: load.batch)
    let byTile = Self.perThread(
      own.taken, of: own.kept, width: width, centres: centres, threads: load.threads)
    var cost = Cost()
    for first in stride(from: 0, to: load.batch, by: width) {
      let rows = min(width, load.batch - first)
      let isLast = first + rows == load.batch
      cost.work +=
        Double(rows) * byTile
        * (seconds.score + (isLast ? seconds.classGradient : seconds.classGradientAgain))
      addWaves(of: rows, taken: own.taken, load, wire, to: &cost)
      // The greatest scores there and back, targets, and what the last rank knows at the end.
      guard load.ranks > 1 else { continue }
      let peers = Double(load.ranks - 1)
      cost.exchange +=
        5 * agreement + 2 * peers * wire.messageSeconds + 4 * wire.latencySeconds
        + 48 * Double(rows) / wire.bytesPerSecond
    }
    guard load.ranks > 1 else { return cost }
    // Embeddings to all, gradients from the last rank back, in one message to each peer.
    let peers = Double(load.ranks - 1)
    let bytes = peers / Double(load.ranks) * 4 * Double(load.batch) * Double(width)
    let part = bytes / peers
    cost.exchange +=
      3 * agreement + 2 * bytes / wire.bytesPerSecond + 3 * peers * wire.messageSeconds
      + (2 * Wire.ways(ofBytes: part) + 1) * wire.latencySeconds
    return cost
  }

  /// Adds the two waves of `rows` faces: a rank's own pieces, and the rounds in which it has none.
  private func addWaves(
    of rows: Int, taken: Double, _ load: ScalingModel.Load, _ wire: Wire, to cost: inout Cost
  ) {
    let active = blocks.activeRanks(of: load.ranks)
    let pieces = HeadBlocks.pieces(
      of: 0..<rows, activeRanks: active, threads: load.threads
    ).map(\.count)
    for (unit, bytes) in [
      (seconds.exponential, 64.0), (seconds.embeddingGradient, 4 * Double(width)),
    ] {
      func time(_ rows: Int) -> Double {
        Double((rows + load.threads - 1) / load.threads) * taken * unit
      }
      cost.work += pieces.reduce(0) { $0 + time($1) }
      guard active > 1 else { continue }
      let longest = pieces.max() ?? 0
      let message = bytes * Double(longest)
      let round =
        message / wire.bytesPerSecond + wire.messageSeconds
        + Wire.ways(ofBytes: message) * wire.latencySeconds
      cost.waves +=
        Double(active - 1) * time(longest) + Double(pieces.count + active - 1) * round
    }
  }

  /// Bytes that a rank sends in a step of `batch` faces on `ranks` ranks, the busiest one: of a
  /// whole head the parts of its gradient, at `there` and `back` bytes a number.
  package func sentBytes(
    ranks: Int, batch: Int, there: Double = 6, back: Double = 4
  ) -> Double {
    guard ranks > 1 else { return 0 }
    let others = Double(ranks - 1) / Double(ranks)
    guard isDivided else { return others * valueCount * (there + back) }
    let row = 4 * Double(width)
    // Gathered with labels; greatest scores and targets, there and back; both waves.
    let face = others * (row + 4) + 2 * others * (4 + 16)
    let waves = blocks.activeRanks(of: ranks) > 1 ? row + 64 : others * row
    return Double(batch) * (face + waves)
  }
}

extension HeadModel.Seconds: Message {
  package func write(to writer: inout MessageWriter) {
    for part in [
      whole, score, exponential, embeddingGradient, classGradient, classGradientAgain, update,
    ] { writer.write(part) }
  }

  package init(from reader: inout MessageReader) throws {
    self.init(
      whole: try reader.read(), score: try reader.read(), exponential: try reader.read(),
      embeddingGradient: try reader.read(), classGradient: try reader.read(),
      classGradientAgain: try reader.read(), update: try reader.read())
  }
}
