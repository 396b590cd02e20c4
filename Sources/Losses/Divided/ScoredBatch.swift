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
  /// Which of the centres of its class is the nearest to each face, on the rank that has them
  /// [capacity]; of no use with one centre a class.
  let nearest: UnsafeMutablePointer<Int32>
  /// The score of each face at its own class, without margin, then the cosine with its weights
  /// [capacity, 2]; 0 on ranks that have not the class.
  package let targets: UnsafeMutablePointer<Double>
  /// The greatest score of the other classes [capacity].
  package let greatest: UnsafeMutablePointer<Float>
  /// The same as it was before any margin, where scores are hardened [capacity].
  private let rivals: UnsafeMutablePointer<Float>
  /// What is hard for each face, where scores are hardened [capacity].
  let curriculum: UnsafeMutablePointer<CurriculumKernel.Terms>
  /// Doubles of a row of `chains`.
  package let lanes: Int
  /// The sums of the classes so far, such as that of exponentials [capacity, lanes].
  package let chains: UnsafeMutablePointer<Double>
  /// The sums over all other classes [capacity, sumCount]: of exponentials, with label smoothing
  /// then of scores; with UniFace of losses, then of probabilities.
  package let others: UnsafeMutablePointer<Double>
  /// Numbers of `others` of each face: 1 or 2.
  package var sumCount: Int { lanes / SoftmaxChain.lanes }
  /// UniFace's threshold in the step of the moment.
  private(set) var bias: Float = 0
  /// The gradient at what the products are taken of [capacity, dimension].
  package let gradients: UnsafeMutablePointer<Float>
  /// The embeddings of the batch of the moment [rows, dimension], which are the caller's.
  private var embeddings: UnsafePointer<Float>?
  /// Whether the products are taken of embeddings of unit length.
  private var isNormalized = false
  /// Whether gradients flow into the norms of embeddings.
  private var pullsNorms = false
  private let unitEmbeddings: UnsafeMutablePointer<Float>
  /// [capacity]
  let inverseNorms: UnsafeMutablePointer<Float>
  /// [capacity]
  let samples: UnsafeMutablePointer<SampleSoftmax>
  private let memory: AlignedMemory

  /// Memory for `capacity` faces and the loss of `head`.
  package init(capacity: Int, for head: MarginSoftmaxHead) {
    require(capacity >= 1, "ScoredBatch: \(capacity) faces")
    let dimension = head.dimension
    self.capacity = capacity
    self.dimension = dimension
    lanes = head.configuration.lanes
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
    nearest = allocate(head.subCentres > 1 ? capacity : 1, 0)
    targets = allocate(2 * capacity, 0)
    greatest = allocate(capacity, 0)
    rivals = allocate(capacity, 0)
    curriculum = allocate(capacity, CurriculumKernel.Terms(threshold: .nan, weight: .nan))
    chains = allocate(lanes * capacity, 0)
    others = allocate(lanes / SoftmaxChain.lanes * capacity, 0)
    inverseNorms = allocate(capacity, 0)
    samples = allocate(capacity, SampleSoftmax.none)
  }

  deinit {
    labels.deallocate()
    nearest.deallocate()
    targets.deallocate()
    greatest.deallocate()
    rivals.deallocate()
    curriculum.deallocate()
    chains.deallocate()
    others.deallocate()
    inverseNorms.deallocate()
    samples.deallocate()
  }

  /// Bytes of such memory.
  package static func bytes(capacity: Int, for head: MarginSoftmaxHead) -> Int {
    let lanes = head.configuration.lanes
    return 8 * capacity * head.dimension
      + capacity
      * (16 + (head.subCentres > 1 ? 4 : 0) + MemoryLayout<CurriculumKernel.Terms>.stride
        + 8 * (2 + lanes + lanes / SoftmaxChain.lanes) + MemoryLayout<SampleSoftmax>.stride)
  }

  /// Takes the embeddings [rows, dimension], which must stay, and `labels` [rows] of a batch, and
  /// forgets the one before; `state` is that of the loss.
  package func take(
    _ embeddings: UnsafePointer<Float>, labels: UnsafePointer<Int32>, rows: Int,
    for head: MarginSoftmaxHead, state: LossState
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
    chains.update(repeating: 0, count: lanes * rows)
    bias = head.configuration.bias(in: state)
    self.embeddings = embeddings
    isNormalized = head.configuration.isNormalized
    pullsNorms = head.configuration.pullsNorms
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

  /// `MarginSoftmaxHead.nearest` of the class `label` to the embedding of `row`.
  func nearest(
    of label: Int, to row: Int, for head: MarginSoftmaxHead, weights: UnsafePointer<Float>
  ) -> (row: Int, cosine: Double) {
    head.nearest(of: label, to: embeddings! + row * dimension, weights: weights)
  }

  /// Says what is hard for the faces of `rows` and forgets their greatest score, which is then to
  /// be found among the hardened ones; once `targets` and `greatest` are those of all ranks.
  package func beginHardening(
    _ rows: Range<Int>, of head: MarginSoftmaxHead, marginFactor: Float, state: LossState
  ) {
    for row in rows {
      guard
        let terms = head.configuration.curriculum(
          cosine: targets[2 * row + 1], marginFactor: Double(marginFactor), state: state)
      else { return }
      curriculum[row] = terms
      rivals[row] = greatest[row]
      greatest[row] = -.infinity
    }
  }

  /// What the faces of `rows` come to, once `targets`, `greatest` and `others` are those of all
  /// ranks; `place` is that of the batch's first.
  package func conclude(
    _ rows: Range<Int>, of head: MarginSoftmaxHead, marginFactor: Float, state: LossState,
    place: SamplePlace
  ) {
    let rivals = head.configuration.hardens ? rivals : greatest
    let sumCount = sumCount
    for row in rows {
      let sums = others + row * sumCount
      if head.configuration.isUnified {
        samples[row] = SampleSoftmax(
          cosine: targets[2 * row + 1], rival: rivals[row], losses: sums[0],
          probabilities: sums[1], bias: bias, marginFactor: Double(marginFactor),
          of: head.configuration)
        continue
      }
      guard sums[0] != 0 else {
        samples[row] = .alone(cosine: targets[2 * row + 1])
        continue
      }
      samples[row] = SampleSoftmax(
        score: targets[2 * row], cosine: targets[2 * row + 1], greatest: greatest[row],
        rival: rivals[row], others: sums[0], marginFactor: Double(marginFactor),
        modifier: head.configuration.modifier(
          inverseNorm: inverseNorms[row], state: state, place: place.advanced(by: row)),
        smoothing: sumCount > 1
          ? SampleSoftmax.Smoothing(others: sums[1], classes: head.classes) : nil,
        of: head.configuration)
    }
  }

  /// Overwrites `sums` [head.stateSumCount] with what the faces of `rows` move the state of the
  /// loss by, added up in their order.
  package func writeStateSums(
    of rows: Range<Int>, for head: MarginSoftmaxHead, state: LossState,
    to sums: UnsafeMutablePointer<Double>
  ) {
    let configuration = head.configuration
    for i in 0..<configuration.stateSumCount { sums[i] = 0 }
    for row in rows {
      configuration.addStateSums(
        samples[row], inverseNorm: inverseNorms[row], state: state, to: sums)
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
    guard pullsNorms else { return }
    for row in rows {
      var factor = samples[row].normGradient
      NormalizeKernel.addRows(
        units + row * dimension, times: &factor, rows: 1, width: dimension,
        addingTo: result + (row - rows.lowerBound) * dimension)
    }
  }
}
