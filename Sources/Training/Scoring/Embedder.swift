private import Preconditions
package import Collectives
package import Datasets
package import Evaluation
package import Networks

/// Computes embeddings of photos, each rank its share, on all workers.
package final class Embedder {
  private let network: Network
  private let pool: WorkerPool
  private let communicator: any Communicator
  /// Where each worker works: memory of at least `network.inferenceCount` floats.
  private let memories: [UnsafeMutablePointer<Float>]

  package init(
    network: Network, pool: WorkerPool, communicator: any Communicator,
    memories: [UnsafeMutablePointer<Float>]
  ) {
    require(memories.count == pool.count, "Embedder: \(memories.count) memories")
    self.network = network
    self.pool = pool
    self.communicator = communicator
    self.memories = memories
  }

  /// The embeddings [photos.count, dimension] of `photos` of `source`, on every rank.
  ///
  /// Photos are cut into microbatches by their order alone, so the bits do not depend on ranks or
  /// threads. With `flip`, each is the sum of the photo's and its mirror image's. A bad photo is
  /// recorded in `ledger` and its embedding is NaN, which evaluation counts as equal to nobody.
  /// `onWait` is called about every 20 ms of waiting for the workers; what it throws ends the work.
  package func embed(
    _ photos: [Int], of source: any PhotoSource, preprocessing: Preprocessing,
    parameters: UnsafePointer<Float>, statistics: UnsafePointer<Float>, flip: Bool,
    ledger: BadPhotoLedger, onWait: () throws -> Void = {}
  ) throws -> Embeddings {
    let dimension = network.embeddingCount
    let microbatches = Microbatches.cut(photos.count, microbatch: network.maximumRows)
    let share = Microbatches.share(
      of: microbatches.count, rank: communicator.rank, size: communicator.size)
    let first = share.isEmpty ? 0 : microbatches[share.lowerBound].lowerBound
    let end = share.isEmpty ? 0 : microbatches[share.upperBound - 1].upperBound
    var own = [Float](repeating: 0, count: (end - first) * dimension)
    let decoders = memories.map { _ in PhotoDecoder(source, preprocessing: preprocessing) }
    try own.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let out = buffer.baseAddress
      nonisolated(unsafe) let parameters = parameters
      nonisolated(unsafe) let statistics = statistics
      nonisolated(unsafe) let embedder = self
      try pool.forEach(share.count, onWait: onWait) { worker, item in
        let slots = microbatches[share.lowerBound + item]
        embedder.embed(
          photos[slots], decoder: decoders[worker], memory: embedder.memories[worker],
          parameters: parameters, statistics: statistics, flip: flip, source: source,
          ledger: ledger, into: out! + (slots.lowerBound - first) * dimension)
      }
    }
    guard communicator.size > 1 else { return Embeddings(own, dimension: dimension) }
    let bytes = own.withUnsafeBytes { Array($0) }
    let all = try communicator.allGather(bytes).joined()
    let values = Array(all).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    return Embeddings(values, dimension: dimension)
  }

  private func embed(
    _ photos: ArraySlice<Int>, decoder: PhotoDecoder, memory: UnsafeMutablePointer<Float>,
    parameters: UnsafePointer<Float>, statistics: UnsafePointer<Float>, flip: Bool,
    source: any PhotoSource, ledger: BadPhotoLedger, into out: UnsafeMutablePointer<Float>
  ) {
    let dimension = network.embeddingCount
    let imageCount = network.image.shape.count
    for mirrored in flip ? [false, true] : [false] {
      var bad: [Int] = []
      for (row, photo) in photos.enumerated() {
        let image = memory + network.inferenceImageOffset + row * imageCount
        do throws(ImageError) {
          try decoder.load(photo, mirrored: mirrored, into: image)
        } catch {
          ledger.record(
            BadPhoto(photo: photo, path: source.name(of: photo), reason: error.description))
          image.update(repeating: 0, count: imageCount)
          bad.append(row)
        }
      }
      let pass = Pass(
        network, rows: photos.count, phase: .inference, memory: memory, parameters: parameters,
        runningMoments: statistics, batchMoments: memory, layerGradients: memory,
        randomness: PassRandomness(seed: 0, step: 0, firstSlot: 0))
      network.forward(in: pass)
      let result = pass[network.output]
      for i in 0..<photos.count * dimension { out[i] = mirrored ? out[i] + result[i] : result[i] }
      for row in bad { (out + row * dimension).update(repeating: .nan, count: dimension) }
    }
  }
}
