internal import Kernels
private import Preconditions

/// What an older network makes of every training sample, for a new one to become compatible with
/// (Schroff et al. 2015, section 7).
///
/// Its memory is there from the start and is filled before the first step.
package final class OldEmbeddings: @unchecked Sendable {
  /// Training samples that there is room for.
  package let samples: Int
  /// Numbers of an embedding.
  package let dimension: Int
  private let memory: ReservedMemory
  private let labelMemory: UnsafeMutablePointer<Int32>
  private var isFilled = false

  /// Room for the embeddings of `samples` training samples.
  package init(samples: Int, dimension: Int) {
    self.samples = samples
    self.dimension = dimension
    memory = ReservedMemory(count: samples * dimension)
    labelMemory = .allocate(capacity: samples)
    labelMemory.initialize(repeating: -1, count: samples)
  }

  deinit { labelMemory.deallocate() }

  /// Bytes of all of them.
  package var bytes: Int { Self.bytes(samples: samples, dimension: dimension) }

  /// Bytes of the embeddings and classes of `samples` training samples.
  package static func bytes(samples: Int, dimension: Int) -> Int { 4 * samples * (dimension + 1) }

  /// Lends the memory [samples, dimension] to be filled, with the class of each sample; not finite
  /// for a photo that could not be read.
  package func fill(
    labels: [Int32], _ body: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows {
    require(
      labels.count == samples, "OldEmbeddings: \(labels.count) labels for \(samples) samples")
    labelMemory.update(from: labels, count: samples)
    try body(UnsafeMutableBufferPointer(start: memory.pointer, count: samples * dimension))
    isFilled = true
  }

  /// The embedding [dimension] of `sample`.
  package func embedding(of sample: Int) -> UnsafePointer<Float> {
    require(isFilled, "OldEmbeddings: read before they were filled, sample \(sample)")
    return UnsafePointer(memory.pointer + sample * dimension)
  }

  /// The class of `sample`.
  package func label(of sample: Int) -> Int32 { labelMemory[sample] }
}
