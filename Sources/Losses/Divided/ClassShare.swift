internal import Kernels
private import Preconditions

/// A rank's classes of a margin softmax head, and what is computed of them: the operations of
/// `MarginSoftmaxHead.run` on the same numbers in the same order, for some of the classes.
///
/// Pointers to parameters and gradients are those of the whole head's flat vector, of which a rank
/// touches its own classes. All of it may run on any worker, for any rows. With several centres a
/// class, what is said of classes holds for the rows of the weights, as in `HeadBlocks`.
package struct ClassShare: Sendable {
  /// The head whose classes these are.
  package let head: MarginSoftmaxHead
  /// The classes [first, last).
  package let classes: Range<Int>
  /// What is worked on at a time: scores of a tile lie where the gradients of its weights will.
  package let tiles: [Range<Int>]
  let blocks: HeadBlocks
  var dimension: Int { head.dimension }

  /// The classes of rank `rank` of `ranks`.
  package init(_ head: MarginSoftmaxHead, rank: Int, ranks: Int) {
    self.head = head
    blocks = HeadBlocks(of: head)
    classes = blocks.classes(of: rank, ranks: ranks)
    tiles = blocks.tiles(of: classes)
  }

  /// The tile that has class `label` or, where none has, the one behind it.
  func tileIndex(of label: Int) -> Int {
    max(0, label - classes.lowerBound) / blocks.tileClasses
  }

  /// The classes of tile number `index` that take part in a step: of `chosen`, or all.
  package func tileClasses(_ index: Int, of chosen: ChosenClasses?) -> TileClasses {
    chosen?.classes(ofTile: index) ?? TileClasses(all: tiles[index])
  }

  /// Faces whose scores have room where the gradients of the weights will be.
  package var slabRows: Int { dimension }

  /// The scores of a tile, rows behind one another: of the slab of rows that was scored last.
  func scores(
    of tile: Range<Int>, in gradients: UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<Float> {
    gradients + tile.lowerBound * dimension
  }

  /// Where the weights of the classes that take part lie side by side [own.count, dimension], from
  /// the scores of `slab` until the tile's gradients are there: behind the scores. Nil where all
  /// take part, and where so many do that there is no room.
  func packedWeights(
    of own: TileClasses, slab: Range<Int>, in gradients: UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<Float>? {
    guard !own.isWhole, own.count * (slab.count + dimension) <= own.tile.count * dimension else {
      return nil
    }
    return scores(of: own.tile, in: gradients) + slab.count * own.count
  }

  /// Floats of gradients that are ever written where `rows` classes take part in batches of up to
  /// `batch` samples: scores and weights lie there before.
  package func writtenCount(rows: Int, batch: Int) -> Int {
    min(classes.count * dimension, rows * (dimension + min(batch, slabRows)))
  }

  // MARK: Scores

  /// Fills the scores of `rows`, a slab of the batch, at a tile's classes, and widens what is known
  /// of each row: the greatest into `maxima` [rows.count], and its target where its class is here.
  ///
  /// `inverseNorms` [classes.count] gets those of the weights; `scratch` [scratchCount].
  package func score(
    _ own: TileClasses, rows: Range<Int>, of batch: ScoredBatch,
    parameters: UnsafePointer<Float>, inverseNorms: UnsafeMutablePointer<Float>,
    into gradients: UnsafeMutablePointer<Float>, maxima: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    require(
      rows.count <= slabRows, "ClassShare: \(rows.count) rows at once, room for \(slabRows)")
    guard own.count > 0 else { return }
    let norms = inverseNorms + (own.tile.lowerBound - classes.lowerBound)
    let weights = own.weights(
      0..<own.count, of: parameters, width: dimension,
      into: packedWeights(of: own, slab: rows, in: gradients) ?? scratch)
    if head.configuration.isNormalized {
      NormalizeKernel.inverseNorms(of: weights, rows: own.count, width: dimension, into: norms)
    } else {
      norms.update(repeating: 1, count: own.count)
    }
    let scores = scores(of: own.tile, in: gradients)
    multiply(
      rows, of: batch, with: weights, 0..<own.count, of: own, parameters, inverseNorms: norms,
      into: scores, biasScratch: scratch + own.count * dimension)
    for row in rows {
      let values = scores + (row - rows.lowerBound) * own.count
      findTarget(of: row, in: own, values, of: batch, parameters: parameters)
      takeTarget(of: row, from: values, at: 0..<own.count, of: own, batch)
      let greatest = SoftmaxKernel.maximum(of: values, count: own.count)
      let index = row - rows.lowerBound
      if greatest > maxima[index] { maxima[index] = greatest }
    }
  }

  /// Overwrites `scores` [rows.count, part.count] with those of `rows` at the classes `part` of
  /// `own`, whose weights are `weights` [part.count, dimension]; `biasScratch` [part.count].
  func multiply(
    _ rows: Range<Int>, of batch: ScoredBatch, with weights: UnsafePointer<Float>,
    _ part: Range<Int>, of own: TileClasses, _ parameters: UnsafePointer<Float>,
    inverseNorms: UnsafePointer<Float>, into scores: UnsafeMutablePointer<Float>,
    biasScratch: UnsafeMutablePointer<Float>
  ) {
    LinearKernel.forward(
      batch.units + rows.lowerBound * dimension, weights: weights, bias: nil, rows: rows.count,
      inputs: dimension, outputs: part.count, into: scores)
    if head.configuration.isNormalized {
      NormalizeKernel.scaleColumns(
        of: scores, by: inverseNorms, rows: rows.count, width: part.count)
    } else if head.hasBias {
      NormalizeKernel.addColumns(
        own.weights(
          part, of: parameters + head.rowCount * dimension, width: 1, into: biasScratch),
        rows: rows.count, width: part.count, addingTo: scores)
    }
  }

  /// Keeps the row's score at its class, where `own` has the class, and which of its centres is the
  /// nearest.
  private func findTarget(
    of row: Int, in own: TileClasses, _ scores: UnsafePointer<Float>, of batch: ScoredBatch,
    parameters: UnsafePointer<Float>
  ) {
    let label = Int(batch.labels[row])
    guard let first = own.place(of: label * head.subCentres) else { return }
    let (nearest, raw) = batch.nearest(of: label, to: row, for: head, weights: parameters)
    if head.subCentres > 1 { batch.nearest[row] = Int32(nearest - label * head.subCentres) }
    let cosine = MarginSoftmaxHead.clamped(raw)
    batch.targets[2 * row] = head.configuration.isNormalized ? cosine : Double(scores[first])
    batch.targets[2 * row + 1] = cosine
  }

  /// The place in `own` of the row's class or, of several centres of that, of the nearest; nil
  /// where `own` has not the class.
  private func targetPlace(of row: Int, in own: TileClasses, _ batch: ScoredBatch) -> Int? {
    let first = own.place(of: Int(batch.labels[row]) * head.subCentres)
    return head.subCentres > 1 ? first.map { $0 + Int(batch.nearest[row]) } : first
  }

  /// Takes the row's class, where it is among them, out of `scores` [part.count], those of the
  /// classes `part` of `own`, and of each class the centres that are not the nearest.
  func takeTarget(
    of row: Int, from scores: UnsafeMutablePointer<Float>, at part: Range<Int>,
    of own: TileClasses, _ batch: ScoredBatch
  ) {
    let centres = head.subCentres
    if centres > 1 {
      SubCentreKernel.keepNearest(of: scores, count: part.count, centres: centres)
    }
    guard let place = targetPlace(of: row, in: own, batch), part.contains(place) else { return }
    let index = place - part.lowerBound
    if centres > 1 {
      (scores + index - Int(batch.nearest[row])).update(
        repeating: SubCentreKernel.none, count: centres)
    }
    scores[index] = -.infinity
  }

  /// Whether `widenHardened` has to follow on `score`.
  package var hardens: Bool { head.configuration.hardens }

  /// Widens the greatest scores `maxima` [rows.count] of `rows`, the slab that was scored, by those
  /// of the tile as they are hardened; `scratch` [scratchCount] is the worker's.
  package func widenHardened(
    _ own: TileClasses, rows: Range<Int>, of batch: ScoredBatch,
    in gradients: UnsafeMutablePointer<Float>, maxima: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let scores = scores(of: own.tile, in: gradients)
    for row in rows {
      let index = row - rows.lowerBound
      CurriculumKernel.harden(
        scores + index * own.count, count: own.count, as: batch.curriculum[row], into: scratch)
      let greatest = SoftmaxKernel.maximum(of: scratch, count: own.count)
      if greatest > maxima[index] { maxima[index] = greatest }
    }
  }

  // MARK: Sums of exponentials

  /// Goes on with the chains of `rows`, part of the `slab` that was scored, over all classes here
  /// that take part; on the last rank of all it also ends them (`others`). `scratch`
  /// [scratchCount] is the worker's.
  package func addExponentials(
    _ rows: Range<Int>, slab: Range<Int>, of batch: ScoredBatch, chosen: ChosenClasses?,
    in gradients: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    let scale = Float(head.configuration.scale)
    for row in rows {
      let chains = batch.chains + row * batch.lanes
      let sums = batch.others + row * batch.sumCount
      for index in tiles.indices {
        let own = tileClasses(index, of: chosen)
        let isLast = own.tile.upperBound == head.rowCount
        var scores = scores(of: own.tile, in: gradients) + (row - slab.lowerBound) * own.count
        if head.configuration.isUnified {
          UnifiedKernel.add(
            scores, count: own.count, scale: scale, bias: batch.bias, to: chains)
          if isLast { (sums[0], sums[1]) = UnifiedKernel.sums(of: chains) }
          continue
        }
        if hardens {
          CurriculumKernel.harden(
            scores, count: own.count, as: batch.curriculum[row], into: scratch)
          scores = scratch
        }
        SoftmaxChain.add(
          exponentialsOf: scores, count: own.count, scale: scale, minus: batch.greatest[row],
          takingTail: !isLast, to: chains)
        if batch.sumCount > 1 {
          SmoothingKernel.add(scores, count: own.count, to: chains + SoftmaxChain.lanes)
        }
        guard isLast else { continue }
        let whole = own.count & ~7
        sums[0] = SoftmaxChain.sum(
          of: chains, tail: scores + whole, count: own.count - whole, scale: scale,
          minus: batch.greatest[row])
        if batch.sumCount > 1 { sums[1] = SmoothingKernel.sum(of: chains + SoftmaxChain.lanes) }
      }
    }
  }

  // MARK: Gradients

  /// Floats of scratch of one worker.
  package func scratchCount(microbatch: Int) -> Int {
    let tile = min(blocks.tileClasses, head.rowCount)
    let strip = stripClasses
    return max(
      Self.passRows * tile,
      2 * microbatch * strip + 2 * strip + strip * dimension + tile * dimension + tile
        + slabRows * tile)
  }

  /// Doubles of sums of one worker for `classGradients`.
  package var sumCount: Int { stripClasses * (dimension + 1) }

  /// Rows whose gradients are worked on at a time: whole tiles of twelve, as registers hold them.
  private static let passRows = 96
  /// Classes whose gradients are worked on at a time, in the second cache with their sums: 24, or
  /// as many as are whole with all their centres.
  var stripClasses: Int { 24 / head.subCentres * head.subCentres }

  /// Goes on with the gradients at the embeddings of `rows`, part of the `slab` that was scored,
  /// over all classes here that take part; `inverseNorms` [classes.count].
  package func embeddingGradients(
    _ rows: Range<Int>, slab: Range<Int>, of batch: ScoredBatch, chosen: ChosenClasses?,
    parameters: UnsafePointer<Float>, inverseNorms: UnsafePointer<Float>,
    in gradients: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    guard let chosen else {
      for first in stride(from: rows.lowerBound, to: rows.upperBound, by: Self.passRows) {
        for tile in tiles {
          propagate(
            first..<min(first + Self.passRows, rows.upperBound), slab: slab, of: batch,
            from: TileClasses(all: tile), weights: parameters + tile.lowerBound * dimension,
            inverseNorms: inverseNorms, in: gradients, scratch: scratch)
        }
      }
      return
    }
    // Rows inside: where weights have to be copied, they are copied once.
    for index in tiles.indices {
      let own = chosen.classes(ofTile: index)
      guard own.count > 0 else { continue }
      let weights =
        packedWeights(of: own, slab: slab, in: gradients).map { UnsafePointer($0) }
        ?? own.weights(0..<own.count, of: parameters, width: dimension, into: scratch)
      let products = scratch + own.count * dimension
      let room = (scratchCount(microbatch: 1) - own.count * dimension) / own.count
      let step = min(Self.passRows, room)
      for first in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
        propagate(
          first..<min(first + step, rows.upperBound), slab: slab, of: batch, from: own,
          weights: weights, inverseNorms: inverseNorms, in: gradients, scratch: products)
      }
    }
  }

  /// Adds to the gradients at the embeddings of `rows` what classes of a tile, with `weights`, say.
  private func propagate(
    _ rows: Range<Int>, slab: Range<Int>, of batch: ScoredBatch, from own: TileClasses,
    weights: UnsafePointer<Float>, inverseNorms: UnsafePointer<Float>,
    in gradients: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    let scores = scores(of: own.tile, in: gradients)
    for row in rows {
      differentiate(
        row, scores: scores + (row - slab.lowerBound) * own.count, at: 0..<own.count, of: own,
        batch, inverseNorms: inverseNorms, into: scratch + (row - rows.lowerBound) * own.count,
        projections: nil)
    }
    // One product of the whole head after another, which begins a sum where the head begins.
    for start in stride(from: 0, to: own.count, by: blocks.productClasses) {
      LinearKernel.backwardInput(
        scratch + start, outputStride: own.count, weights: weights + start * dimension,
        rows: rows.count, inputs: dimension,
        outputs: min(blocks.productClasses, own.count - start),
        into: batch.gradients + rows.lowerBound * dimension,
        addingToInput: !own.isWhole || own.tile.lowerBound + start > 0)
    }
  }

  /// The gradients at the products of one row with the classes `part` of `own`, from their scores.
  func differentiate(
    _ row: Int, scores: UnsafePointer<Float>, at part: Range<Int>, of own: TileClasses,
    _ batch: ScoredBatch, inverseNorms: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>, projections: UnsafeMutablePointer<Float>?
  ) {
    let sample = batch.samples[row]
    let norms = inverseNorms + (own.tile.lowerBound - classes.lowerBound) + part.lowerBound
    let place = targetPlace(of: row, in: own, batch).flatMap {
      part.contains($0) ? $0 - part.lowerBound : nil
    }
    let before = place.flatMap { projections?[$0] }
    let scale = Float(head.configuration.scale)
    if head.configuration.isUnified {
      UnifiedKernel.gradients(
        of: scores, count: part.count, scale: scale, bias: batch.bias, inverseNorms: norms,
        into: result, addingTo: projections)
    } else if head.configuration.smoothing > 0 {
      SmoothingKernel.gradients(
        of: scores, count: part.count, as: hardens ? batch.curriculum[row] : nil, scale: scale,
        minus: batch.greatest[row], factor: sample.factor, plus: sample.offset,
        inverseNorms: norms, into: result, addingTo: projections)
    } else if hardens {
      CurriculumKernel.gradients(
        of: scores, count: part.count, as: batch.curriculum[row], scale: scale,
        minus: batch.greatest[row], factor: sample.factor, inverseNorms: norms, into: result,
        addingTo: projections)
    } else {
      SoftmaxChain.gradients(
        of: scores, count: part.count, scale: scale, minus: batch.greatest[row],
        factor: sample.factor, inverseNorms: norms, into: result, addingTo: projections)
    }
    guard let place else { return }
    let score = Float(batch.targets[2 * row])
    result[place] = sample.targetGradient * norms[place]
    if let projections, let before {
      projections[place] = before.addingProduct(0 * sample.factor, score)
        .addingProduct(sample.targetGradient, score)
    }
  }
}
