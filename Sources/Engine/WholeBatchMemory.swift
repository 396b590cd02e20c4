internal import Determinism
internal import Kernels
internal import Losses
internal import Networks

/// A rank's memory for the embeddings of a whole batch and, with one pass, for each of its
/// microbatches.
final class WholeBatchMemory: @unchecked Sendable {
  /// Where a microbatch is computed: a worker's memory, or its own.
  struct Place {
    let memory: UnsafeMutableRawPointer
    let moments: UnsafeMutablePointer<Float>
  }

  private final class Kept {
    let arena: Arena
    let moments: AlignedMemory

    init(_ network: Network) {
      arena = Arena(for: network, phase: .training)
      moments = AlignedMemory(count: network.statisticsCount, fill: 0)
    }
  }

  let loss: any BatchLoss
  /// What the workers find of the loss, kept from step to step.
  let found = BlockWords()
  let batch: Int
  let width: Int
  /// Whether each microbatch keeps what it computed forward, so that it needs no second pass.
  let keepsPasses: Bool
  /// [batch, width] in batch order.
  let embeddings: AlignedMemory
  /// What the teacher makes of this rank's samples [batch, teacherWidth], where passes are kept and
  /// a term beside the loss compares with it.
  let targets: AlignedMemory
  let targetWidth: Int
  /// [batch].
  let labels: UnsafeMutablePointer<Int32>
  let bytes: Int
  private let kept: [Kept]
  private let workers: [Worker]

  /// Memory for a rank's share of a batch, at most `localMicrobatches`, whose loss is `loss`.
  init(
    _ objective: any BatchPasses, loss: any BatchLoss, network: Network, workers: [Worker],
    localMicrobatches: Int, term: DistillationTerm?
  ) {
    self.workers = workers
    self.loss = loss
    batch = objective.batch
    width = network.embeddingCount
    // What the workers' own arenas hold is kept for nothing.
    keepsPasses =
      objective.passes == 1 || loss is DividedLoss && localMicrobatches <= workers.count
    targetWidth = term?.teacherWidth ?? 0
    targets = AlignedMemory(count: keepsPasses ? batch * targetWidth : 0, fill: .nan)
    embeddings = AlignedMemory(count: batch * width, fill: .nan)
    labels = .allocate(capacity: batch)
    labels.initialize(repeating: -1, count: batch)
    // The first microbatches are computed in the workers' own arenas.
    let count = Self.keptPasses(
      objective, threads: workers.count, localMicrobatches: localMicrobatches)
    kept = (0..<count).map { _ in Kept(network) }
    bytes = Self.bytes(
      objective, loss: loss.bytes, network: network, threads: workers.count,
      localMicrobatches: localMicrobatches, term: term)
  }

  /// Arenas beside those of the workers.
  private static func keptPasses(
    _ objective: any BatchPasses, threads: Int, localMicrobatches: Int
  ) -> Int {
    objective.passes == 1 ? max(0, localMicrobatches - threads) : 0
  }

  /// The most microbatches of a batch that a rank of `ranks` computes.
  static func localMicrobatches(
    _ objective: any BatchPasses, _ network: Network, ranks: Int
  ) -> Int {
    let microbatches = Microbatches.cut(objective.batch, microbatch: network.maximumRows).count
    return Microbatches.share(of: microbatches, rank: 0, size: ranks).count
  }

  /// Bytes of such memory, with those of the loss for the batch.
  static func bytes(
    _ objective: any BatchPasses, loss: Int, network: Network, threads: Int,
    localMicrobatches: Int, term: DistillationTerm?
  ) -> Int {
    // Of targets there may be none, where passes are not kept.
    4 * objective.batch * (network.embeddingCount + (term?.teacherWidth ?? 0)) + loss
      + keptPasses(objective, threads: threads, localMicrobatches: localMicrobatches)
      * Arena.bytes(for: network, phase: .training)
  }

  deinit { labels.deallocate() }

  /// Where worker `worker` computes the rank's microbatch number `item`.
  func place(of item: Int, on worker: Int) -> Place {
    guard keepsPasses, item >= workers.count else {
      let worker = workers[keepsPasses ? item : worker]
      return Place(memory: worker.arena.pointer, moments: worker.moments.pointer)
    }
    let own = kept[item - workers.count]
    return Place(memory: own.arena.pointer, moments: own.moments.pointer)
  }

  /// Where the teacher's embeddings of `slots` are kept; nil where they are asked for again.
  func targets(of slots: Range<Int>) -> UnsafeMutablePointer<Float>? {
    keepsPasses ? targets.pointer + slots.lowerBound * targetWidth : nil
  }

  /// The embeddings of `slots` [slots.count, width].
  func embeddings(of slots: Range<Int>) -> UnsafeMutablePointer<Float> {
    embeddings.pointer + slots.lowerBound * width
  }
}
