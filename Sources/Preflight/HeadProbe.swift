internal import Determinism
internal import Engine
internal import Kernels
internal import Losses
internal import Scaling
internal import Sessions
internal import Threads

/// Times what a rank computes of its classes of a divided head, part by part, on all threads.
struct HeadProbe {
  /// Rounds of which the best counts, after one that touches all memory.
  private static let rounds = 3

  private let share: ClassShare
  private let batch: ScoredBatch
  private let faces: Int
  private let microbatch: Int
  private let session: Session

  /// The classes of `head`, and of a batch of `samples` as many faces as a tile has room for, in
  /// microbatches of `microbatch`.
  init(_ head: MarginSoftmaxHead, samples: Int, microbatch: Int, session: Session) {
    share = ClassShare(head, rank: 0, ranks: 1)
    faces = min(samples, share.slabRows)
    batch = ScoredBatch(capacity: faces, for: head)
    self.microbatch = min(microbatch, faces)
    self.session = session
  }

  /// Bytes while it measures.
  static func neededBytes(_ head: MarginSoftmaxHead, samples: Int) -> Int {
    8 * head.parameterCount
      + ScoredBatch.bytes(capacity: min(samples, head.dimension), for: head)
  }

  /// Memory that all workers use, each its own places of it.
  private final class Memory: @unchecked Sendable {
    let weights, gradients, inverseNorms, embeddings: AlignedMemory
    let scratch: [AlignedMemory.Box]
    let maxima: [AlignedMemory.Box]
    let sums: [AlignedBytes.Box]

    init(_ share: ClassShare, faces: Int, microbatch: Int, threads: Int) {
      let head = share.head
      let random = CounterRandom(seed: 1, purpose: .testing)
      func noise(_ count: Int) -> AlignedMemory {
        let memory = AlignedMemory(count: count, fill: 0)
        for i in 0..<count { memory.pointer[i] = Float(random.uniform(i)) - 0.5 }
        return memory
      }
      weights = noise(head.parameterCount)
      embeddings = noise(faces * head.dimension)
      gradients = AlignedMemory(count: head.parameterCount, fill: 0)
      inverseNorms = AlignedMemory(count: head.rowCount, fill: 0)
      scratch = (0..<threads).map { _ in
        AlignedMemory.Box(count: share.scratchCount(microbatch: microbatch))
      }
      maxima = (0..<threads).map { _ in AlignedMemory.Box(count: faces) }
      sums = (0..<threads).map { _ in AlignedBytes.Box(count: 8 * share.sumCount) }
    }

    /// Before the greatest scores of `count` faces are found.
    func forgetMaxima(_ count: Int) {
      for memory in maxima { memory.pointer.update(repeating: -.infinity, count: count) }
    }

    /// The greatest of all workers' [count].
    func putMaxima(into greatest: UnsafeMutablePointer<Float>, _ count: Int) {
      for row in 0..<count {
        greatest[row] = maxima.reduce(-.infinity) { max($0, $1.pointer[row]) }
      }
    }
  }

  /// The seconds of one thread for one face at one class, while all compute; those of a whole head
  /// and of the update are left 0.
  func run() -> HeadModel.Seconds {
    let memory = Memory(
      share, faces: faces, microbatch: microbatch, threads: session.threads)
    let labels = (0..<faces).map { Int32($0 * 7919 % share.head.classes) }
    var best = [Double](repeating: .infinity, count: 5)
    for round in 0...Self.rounds {
      batch.take(
        memory.embeddings.pointer, labels: labels, rows: faces, for: share.head,
        state: share.head.initialState)
      for (part, seconds) in parts(memory).enumerated() where round > 0 {
        best[part] = min(best[part], seconds)
      }
    }
    let kept = share.classes.count
    let threads = session.threads
    let byTile =
      Double(faces)
      * HeadModel.perThread(
        Double(kept), of: kept, width: share.head.dimension, centres: share.head.subCentres,
        threads: threads)
    let byRow = Double((faces + threads - 1) / threads) * Double(kept)
    return HeadModel.Seconds(
      whole: 0, score: best[0] / byTile, exponential: best[1] / byRow,
      embeddingGradient: best[2] / byRow, classGradient: best[3] / byTile,
      classGradientAgain: best[4] / byTile, update: 0)
  }

  /// Seconds of the scores, the exponentials, the gradients at the embeddings, and those of the
  /// weights, with scores and without.
  private func parts(_ memory: Memory) -> [Double] {
    let (share, batch, rows) = (share, batch, 0..<faces)
    let all = memory
    nonisolated(unsafe) let (weights, gradients) = (
      UnsafePointer(memory.weights.pointer), memory.gradients.pointer
    )
    nonisolated(unsafe) let norms = UnsafePointer(memory.inverseNorms.pointer)
    let microbatches = Microbatches.cut(faces, microbatch: microbatch)
    let grid = SummationGrid(exponent: -36)
    func classGradients(_ slab: Range<Int>) -> Double {
      time(share.tiles.count) { worker, tile in
        _ = share.classGradients(
          of: share.tileClasses(tile, of: nil), microbatches: microbatches, slab: slab,
          of: batch, parameters: weights, inverseNorms: norms, grid: grid,
          scale: 1 / Double(rows.count), in: gradients, scratch: all.scratch[worker].pointer,
          sums: all.sums[worker].pointer.assumingMemoryBound(to: Double.self))
      }
    }
    memory.forgetMaxima(rows.count)
    var score = time(share.tiles.count) { worker, tile in
      share.score(
        share.tileClasses(tile, of: nil), rows: rows, of: batch, parameters: weights,
        inverseNorms: all.inverseNorms.pointer, into: gradients,
        maxima: all.maxima[worker].pointer, scratch: all.scratch[worker].pointer)
    }
    memory.putMaxima(into: batch.greatest, rows.count)
    if share.hardens {
      batch.beginHardening(
        rows, of: share.head, marginFactor: 1, state: share.head.initialState)
      memory.forgetMaxima(rows.count)
      score += time(share.tiles.count) { worker, tile in
        share.widenHardened(
          share.tileClasses(tile, of: nil), rows: rows, of: batch, in: gradients,
          maxima: all.maxima[worker].pointer, scratch: all.scratch[worker].pointer)
      }
      memory.putMaxima(into: batch.greatest, rows.count)
    }
    let exponentials = timeRows { worker, part in
      share.addExponentials(
        part, slab: rows, of: batch, chosen: nil, in: gradients,
        scratch: all.scratch[worker].pointer)
    }
    batch.conclude(
      rows, of: share.head, marginFactor: 1, state: share.head.initialState,
      place: SamplePlace(seed: 1, step: 0, slot: 0))
    let embedding = timeRows { worker, part in
      share.embeddingGradients(
        part, slab: rows, of: batch, chosen: nil, parameters: weights, inverseNorms: norms,
        in: gradients, scratch: all.scratch[worker].pointer)
    }
    return [
      score, exponentials, embedding, classGradients(rows), classGradients(0..<0),
    ]
  }

  private func time(
    _ count: Int, _ body: @escaping (_ worker: Int, _ item: Int) -> Void
  ) -> Double {
    let start = Clock.seconds
    session.pool.forEach(count, body)
    return Clock.seconds - start
  }

  /// As `time`, with the faces shared out to the workers.
  private func timeRows(
    _ body: @escaping (_ worker: Int, _ rows: Range<Int>) -> Void
  ) -> Double {
    let (faces, parts) = (faces, min(session.threads, faces))
    return time(parts) { worker, part in
      body(worker, faces * part / parts..<faces * (part + 1) / parts)
    }
  }
}
