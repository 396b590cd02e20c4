internal import Kernels
private import Preconditions

/// The faces of a batch as every rank sees them while a divided head works on them: their
/// embeddings, and what is known of each face's scores over all classes.
///
/// Its memory is for the batch alone, whatever the classes.
package final class ScoredBatch: @unchecked Sendable {
  /// Faces that there is room for.
  package let capacity: Int
  /// The width of an embedding.
  package let dimension: Int
  /// The class of each face [capacity].
  package let labels: UnsafeMutablePointer<Int32>
  /// The score of each face at its own class, without margin, then the cosine with its weights
  /// [capacity, 2]; 0 on ranks that have not the class.
  package let targets: UnsafeMutablePointer<Double>
  /// The greatest score of the other classes [capacity].
  package let greatest: UnsafeMutablePointer<Float>
  /// The sum of exponentials of the classes so far [capacity, SoftmaxChain.lanes].
  package let chains: UnsafeMutablePointer<Double>
  /// The sum over all other classes [capacity].
  package let others: UnsafeMutablePointer<Double>
  /// The gradient at what the products are taken of [capacity, dimension].
  package let gradients: UnsafeMutablePointer<Float>
  /// The embeddings of the batch of the moment [rows, dimension], which are the caller's.
  private var embeddings: UnsafePointer<Float>?
  /// Whether the products are taken of embeddings of unit length.
  private var isNormalized = false
  private let unitEmbeddings: UnsafeMutablePointer<Float>
  /// [capacity]
  let inverseNorms: UnsafeMutablePointer<Float>
  /// [capacity]
  let samples: UnsafeMutablePointer<SampleSoftmax>
  private let memory: AlignedMemory

  /// Memory for `capacity` faces.
  package init(capacity: Int, dimension: Int) {
    require(
      capacity >= 1 && dimension >= 1, "ScoredBatch: \(capacity) faces of \(dimension) numbers")
    self.capacity = capacity
    self.dimension = dimension
    memory = AlignedMemory(count: 2 * capacity * dimension, fill: .nan)
    unitEmbeddings = memory.pointer
    gradients = memory.pointer + capacity * dimension
    func allocate<Element>(
      _ count: Int, _ value: Element
    ) -> UnsafeMutablePointer<Element> {
      let memory = UnsafeMutablePointer<Element>.allocate(capacity: count)
      memory.initialize(repeating: value, count: count)
      return memory
    }
    labels = allocate(capacity, -1)
    targets = allocate(2 * capacity, 0)
    greatest = allocate(capacity, 0)
    chains = allocate(SoftmaxChain.lanes * capacity, 0)
    others = allocate(capacity, 0)
    inverseNorms = allocate(capacity, 0)
    samples = allocate(capacity, SampleSoftmax.none)
  }

  deinit {
    labels.deallocate()
    targets.deallocate()
    greatest.deallocate()
    chains.deallocate()
    others.deallocate()
    inverseNorms.deallocate()
    samples.deallocate()
  }

  /// Bytes of such memory.
  package static func bytes(capacity: Int, dimension: Int) -> Int {
    8 * capacity * dimension
      + capacity * (12 + 8 * (3 + SoftmaxChain.lanes) + MemoryLayout<SampleSoftmax>.stride)
  }

  /// Takes the embeddings [rows, dimension], which must stay, and `labels` [rows] of a batch, and
  /// forgets the one before.
  package func take(
    _ embeddings: UnsafePointer<Float>, labels: UnsafePointer<Int32>, rows: Int,
    for head: MarginSoftmaxHead
  ) {
    require(rows <= capacity, "ScoredBatch: \(rows) faces, room for \(capacity)")
    for row in 0..<rows {
      require(
        labels[row] >= 0 && labels[row] < head.classes,
        "ScoredBatch: label \(labels[row]) of sample \(row), \(head.classes) classes")
    }
    self.labels.update(from: labels, count: rows)
    targets.update(repeating: 0, count: 2 * rows)
    greatest.update(repeating: -.infinity, count: rows)
    chains.update(repeating: 0, count: SoftmaxChain.lanes * rows)
    self.embeddings = embeddings
    isNormalized = head.configuration.isNormalized
    guard isNormalized else { return }
    NormalizeKernel.inverseNorms(
      of: embeddings, rows: rows, width: dimension, into: inverseNorms)
    NormalizeKernel.scaleRows(
      of: embeddings, by: inverseNorms, rows: rows, width: dimension, into: unitEmbeddings)
  }

  /// What the products are taken of [rows, dimension].
  var units: UnsafePointer<Float> {
    isNormalized ? UnsafePointer(unitEmbeddings) : embeddings!
  }

  /// The cosine of the angle between the embedding of `row` and `weights` [dimension].
  func cosine(of row: Int, with weights: UnsafePointer<Float>) -> Double {
    NormalizeKernel.cosine(embeddings! + row * dimension, weights, count: dimension)
  }

  /// What the faces of `rows` come to, once `targets`, `greatest` and `others` are those of all
  /// ranks.
  package func conclude(_ rows: Range<Int>, of head: MarginSoftmaxHead, marginFactor: Float) {
    for row in rows {
      guard others[row] != 0 else {
        samples[row] = .alone(cosine: targets[2 * row + 1])
        continue
      }
      samples[row] = SampleSoftmax(
        score: targets[2 * row], cosine: targets[2 * row + 1], greatest: greatest[row],
        others: others[row], marginFactor: Double(marginFactor), of: head.configuration)
    }
  }

  /// The losses of `rows` and the rest of what is told of them, added up in their order.
  package func value(of rows: Range<Int>) -> LossValue {
    var value = LossValue()
    for row in rows {
      value.lossSum += samples[row].value.lossSum
      value.correctCount += samples[row].value.correctCount
      value.targetCosineSum += samples[row].value.targetCosineSum
    }
    return value
  }

  /// Overwrites `result` [rows.count, dimension] with the gradients at the embeddings of `rows`,
  /// once `gradients` have passed all classes.
  package func embeddingGradients(
    of rows: Range<Int>, into result: UnsafeMutablePointer<Float>
  ) {
    let first = rows.lowerBound * dimension
    result.update(from: gradients + first, count: rows.count * dimension)
    guard isNormalized else { return }
    NormalizeKernel.backward(
      result, at: units + first, inverseNorms: inverseNorms + rows.lowerBound, rows: rows.count,
      width: dimension)
  }
}
