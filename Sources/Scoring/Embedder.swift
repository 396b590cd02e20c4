package import Collectives
package import Datasets
internal import Determinism
package import Evaluation
package import Networks
internal import Preconditions
package import Threads

/// Computes embeddings of photos, each rank its share, on all workers.
package final class Embedder {
  private let network: Network
  private let pool: WorkerPool
  private let communicator: any Communicator
  /// Where each worker works: memory of at least `network.inferenceBytes`.
  private let memories: [UnsafeMutableRawPointer]
  private let prepared: UnsafeRawPointer?

  /// `prepared` (`network.preparedBytes`), if given, is what `network.prepare` has made of the
  /// parameters that every call of `embed` gets.
  package init(
    network: Network, pool: WorkerPool, communicator: any Communicator,
    memories: [UnsafeMutableRawPointer], prepared: UnsafeRawPointer? = nil
  ) {
    require(memories.count == pool.count, "Embedder: \(memories.count) memories")
    self.network = network
    self.pool = pool
    self.communicator = communicator
    self.memories = memories
    self.prepared = prepared
  }

  /// The embeddings [photos.count, dimension] of `photos` of `source`, on the first rank; nil on
  /// the others, which hold no more than their share.
  ///
  /// Photos are cut into microbatches by their order alone, so the bits do not depend on ranks or
  /// threads. With `flip`, each is the sum of the photo's and its mirror image's. A bad photo is
  /// recorded in `ledger` and its embedding is NaN, which evaluation counts as equal to nobody.
  /// `changes` is made to every photo. `onWait` is called about every 20 ms of waiting for the
  /// workers; what it throws ends the work.
  package func embed(
    _ photos: [Int], of source: any PhotoSource, preprocessing: Preprocessing,
    parameters: UnsafePointer<Float>, statistics: UnsafePointer<Float>, flip: Bool,
    ledger: BadPhotoLedger, changes: AugmentationDraw = AugmentationDraw(),
    onWait: () throws -> Void = {}
  ) throws -> Embeddings? {
    let dimension = network.embeddingCount
    let microbatches = Microbatches.cut(photos.count, microbatch: network.maximumRows)
    let shares = (0..<communicator.size).map { rank in
      let share = Microbatches.share(of: microbatches.count, rank: rank, size: communicator.size)
      guard !share.isEmpty else { return photos.count..<photos.count }
      return microbatches[share.lowerBound]
        .lowerBound..<microbatches[share.upperBound - 1].upperBound
    }
    let share = Microbatches.share(
      of: microbatches.count, rank: communicator.rank, size: communicator.size)
    let ownPhotos = shares[communicator.rank]
    var own = [Float](repeating: 0, count: ownPhotos.count * dimension)
    // The reader thread ends with this call; photos that it does not bring in time are read by the
    // workers themselves.
    let ahead = ReadAhead(source, photoLimit: 128)
    ahead.schedule(photos[ownPhotos])
    let decoders = memories.map { _ in PhotoDecoder(ahead, preprocessing: preprocessing) }
    try own.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let out = buffer.baseAddress
      nonisolated(unsafe) let parameters = parameters
      nonisolated(unsafe) let statistics = statistics
      nonisolated(unsafe) let embedder = self
      try pool.forEach(share.count, onWait: onWait) { worker, item in
        let slots = microbatches[share.lowerBound + item]
        defer { embedder.communicator.progress.tick() }
        embedder.embed(
          photos[slots], decoder: decoders[worker], memory: embedder.memories[worker],
          parameters: parameters, statistics: statistics, flip: flip, changes: changes,
          source: source, ledger: ledger,
          into: out! + (slots.lowerBound - ownPhotos.lowerBound) * dimension)
      }
    }
    guard communicator.size > 1 else { return Embeddings(own, dimension: dimension) }
    return try Self.collect(
      own, counts: shares.map { $0.count * dimension }, over: communicator,
      roundBytes: Self.roundBytes
    ).map { Embeddings($0, dimension: dimension) }
  }

  /// What all ranks together send in one round of `collect`, in bytes.
  private static let roundBytes = 64 << 20

  /// The values of all ranks in rank order, on the first rank; nil on the others. `counts` are the
  /// numbers of values by rank, the same on all.
  ///
  /// In rounds of at most `roundBytes` (and one value a rank), since a message of MPI has at most
  /// 2 GiB, and no rank but the first should hold everybody's.
  package static func collect(
    _ own: [Float], counts: [Int], over communicator: any Communicator, roundBytes: Int
  ) throws -> [Float]? {
    require(
      counts.count == communicator.size && own.count == counts[communicator.rank],
      "Embedder.collect: \(own.count) values on rank \(communicator.rank), counts \(counts)")
    let isFirst = communicator.rank == 0
    let piece = max(1, roundBytes / MemoryLayout<Float>.stride / counts.count)
    var all = [Float](repeating: 0, count: isFirst ? counts.reduce(0, +) : 0)
    for start in stride(from: 0, to: counts.max() ?? 0, by: piece) {
      let sent = own[min(start, own.count)..<min(start + piece, own.count)]
      let received = try communicator.allGather(sent.withUnsafeBytes { Array($0) })
      guard isFirst else { continue }
      var offset = 0
      for (rank, bytes) in received.enumerated() {
        let place = offset + min(start, counts[rank])
        all.withUnsafeMutableBytes { all in
          UnsafeMutableRawBufferPointer(rebasing: all[4 * place..<4 * place + bytes.count])
            .copyBytes(from: bytes)
        }
        offset += counts[rank]
      }
    }
    return isFirst ? all : nil
  }

  private func embed(
    _ photos: ArraySlice<Int>, decoder: PhotoDecoder, memory: UnsafeMutableRawPointer,
    parameters: UnsafePointer<Float>, statistics: UnsafePointer<Float>, flip: Bool,
    changes: AugmentationDraw, source: any PhotoSource, ledger: BadPhotoLedger,
    into out: UnsafeMutablePointer<Float>
  ) {
    let dimension = network.embeddingCount
    let imageCount = network.image.shape.count
    let images = network.images(in: memory, phase: .inference)
    for mirrored in flip ? [false, true] : [false] {
      var bad: [Int] = []
      for (row, photo) in photos.enumerated() {
        let image = images + row * imageCount
        do throws(ImageError) {
          var drawn = changes
          drawn.isMirrored = changes.isMirrored != mirrored
          try decoder.load(photo, drawn: drawn, into: image)
        } catch {
          ledger.record(
            BadPhoto(photo: photo, path: source.name(of: photo), reason: error.description))
          image.update(repeating: 0, count: imageCount)
          bad.append(row)
        }
      }
      let pass = Pass(
        inferenceOf: network, rows: photos.count, memory: memory, parameters: parameters,
        prepared: prepared, runningMoments: statistics)
      network.forward(in: pass)
      let result = pass[network.output]
      for i in 0..<photos.count * dimension { out[i] = mirrored ? out[i] + result[i] : result[i] }
      for row in bad { (out + row * dimension).update(repeating: .nan, count: dimension) }
    }
  }
}
