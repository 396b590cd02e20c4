package import Kernels
private import Preconditions

/// A rank's classes of a margin softmax head, and what is computed of them: the operations of
/// `MarginSoftmaxHead.run` on the same numbers in the same order, for some of the classes.
///
/// Pointers to parameters and gradients are those of the whole head's flat vector, of which a rank
/// touches its own classes. All of it may run on any worker, for any rows.
package struct ClassShare: Sendable {
  /// The head whose classes these are.
  package let head: MarginSoftmaxHead
  /// The classes [first, last).
  package let classes: Range<Int>
  /// What is worked on at a time: scores of a tile lie where the gradients of its weights will.
  package let tiles: [Range<Int>]
  private let blocks: HeadBlocks
  private var dimension: Int { head.dimension }

  /// The classes of rank `rank` of `ranks`.
  package init(_ head: MarginSoftmaxHead, rank: Int, ranks: Int) {
    self.head = head
    blocks = HeadBlocks(classes: head.classes, dimension: head.dimension)
    classes = blocks.classes(of: rank, ranks: ranks)
    tiles = blocks.tiles(of: classes)
  }

  /// Faces whose scores have room where the gradients of the weights will be.
  package var slabRows: Int { dimension }

  /// The scores of a tile, rows behind one another: of the slab of rows that was scored last.
  private func scores(
    of tile: Range<Int>, in gradients: UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<Float> {
    gradients + tile.lowerBound * dimension
  }

  // MARK: Scores

  /// Fills the tile's scores of `rows`, a slab of the batch, and widens what is known of each row:
  /// the greatest into `maxima` [rows.count], and its target where the tile has its class.
  ///
  /// `inverseNorms` [classes.count] gets those of the tile's weights.
  package func score(
    _ tile: Range<Int>, rows: Range<Int>, of batch: ScoredBatch,
    parameters: UnsafePointer<Float>, inverseNorms: UnsafeMutablePointer<Float>,
    into gradients: UnsafeMutablePointer<Float>, maxima: UnsafeMutablePointer<Float>
  ) {
    require(
      rows.count <= slabRows, "ClassShare: \(rows.count) rows at once, room for \(slabRows)")
    let norms = inverseNorms + (tile.lowerBound - classes.lowerBound)
    if head.configuration.isNormalized {
      NormalizeKernel.inverseNorms(
        of: parameters + tile.lowerBound * dimension, rows: tile.count, width: dimension,
        into: norms)
    } else {
      norms.update(repeating: 1, count: tile.count)
    }
    let scores = scores(of: tile, in: gradients)
    multiply(
      rows, of: batch, with: tile, parameters: parameters, inverseNorms: norms, into: scores)
    for row in rows {
      let own = scores + (row - rows.lowerBound) * tile.count
      takeTarget(of: row, in: tile, own, of: batch, parameters: parameters)
      let greatest = SoftmaxKernel.maximum(of: own, count: tile.count)
      let index = row - rows.lowerBound
      if greatest > maxima[index] { maxima[index] = greatest }
    }
  }

  /// Overwrites `scores` [rows.count, part.count] with the scores of `rows` at the classes `part`.
  private func multiply(
    _ rows: Range<Int>, of batch: ScoredBatch, with part: Range<Int>,
    parameters: UnsafePointer<Float>, inverseNorms: UnsafePointer<Float>,
    into scores: UnsafeMutablePointer<Float>
  ) {
    LinearKernel.forward(
      batch.units + rows.lowerBound * dimension, weights: parameters + part.lowerBound * dimension,
      bias: nil, rows: rows.count, inputs: dimension, outputs: part.count, into: scores)
    if head.configuration.isNormalized {
      NormalizeKernel.scaleColumns(
        of: scores, by: inverseNorms, rows: rows.count, width: part.count)
    } else if head.hasBias {
      NormalizeKernel.addColumns(
        parameters + head.classes * dimension + part.lowerBound, rows: rows.count,
        width: part.count, addingTo: scores)
    }
  }

  /// Keeps the row's score at its class and takes it out of `scores`, where the tile has the class.
  private func takeTarget(
    of row: Int, in tile: Range<Int>, _ scores: UnsafeMutablePointer<Float>,
    of batch: ScoredBatch, parameters: UnsafePointer<Float>
  ) {
    let label = Int(batch.labels[row])
    guard tile.contains(label) else { return }
    let raw = batch.cosine(of: row, with: parameters + label * dimension)
    let cosine = MarginSoftmaxHead.clamped(raw)
    let place = label - tile.lowerBound
    batch.targets[2 * row] = head.configuration.isNormalized ? cosine : Double(scores[place])
    batch.targets[2 * row + 1] = cosine
    scores[place] = -.infinity
  }

  /// Whether `widenHardened` has to follow on `score`.
  package var hardens: Bool { head.configuration.hardens }

  /// Widens the greatest scores `maxima` [rows.count] of `rows`, the slab that was scored, by those
  /// of the tile as they are hardened; `scratch` [scratchCount] is the worker's.
  package func widenHardened(
    _ tile: Range<Int>, rows: Range<Int>, of batch: ScoredBatch,
    in gradients: UnsafeMutablePointer<Float>, maxima: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let scores = scores(of: tile, in: gradients)
    for row in rows {
      let index = row - rows.lowerBound
      CurriculumKernel.harden(
        scores + index * tile.count, count: tile.count, as: batch.curriculum[row], into: scratch)
      let greatest = SoftmaxKernel.maximum(of: scratch, count: tile.count)
      if greatest > maxima[index] { maxima[index] = greatest }
    }
  }

  // MARK: Sums of exponentials

  /// Goes on with the chains of `rows`, part of the `slab` that was scored, over all classes here;
  /// on the last rank of all it also ends them (`others`). `scratch` [scratchCount] is the
  /// worker's.
  package func addExponentials(
    _ rows: Range<Int>, slab: Range<Int>, of batch: ScoredBatch,
    in gradients: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    let scale = Float(head.configuration.scale)
    for row in rows {
      let chains = batch.chains + row * SoftmaxChain.lanes
      for tile in tiles {
        var scores = scores(of: tile, in: gradients) + (row - slab.lowerBound) * tile.count
        if hardens {
          CurriculumKernel.harden(
            scores, count: tile.count, as: batch.curriculum[row], into: scratch)
          scores = scratch
        }
        SoftmaxChain.add(
          exponentialsOf: scores, count: tile.count, scale: scale, minus: batch.greatest[row],
          to: chains)
        guard tile.upperBound == head.classes else { continue }
        let whole = tile.count & ~7
        batch.others[row] = SoftmaxChain.sum(
          of: chains, tail: scores + whole, count: tile.count - whole, scale: scale,
          minus: batch.greatest[row])
      }
    }
  }

  // MARK: Gradients

  /// Floats of scratch of one worker.
  package func scratchCount(microbatch: Int) -> Int {
    let tile = min(blocks.tileClasses, head.classes)
    let strip = Self.stripClasses
    return max(
      Self.passRows * tile,
      2 * microbatch * strip + 2 * strip + strip * dimension + tile * dimension + tile)
  }

  /// Doubles of sums of one worker for `classGradients`.
  package var sumCount: Int { Self.stripClasses * (dimension + 1) }

  /// Rows whose gradients are worked on at a time: whole tiles of twelve, as registers hold them.
  private static let passRows = 96
  /// Classes whose gradients are worked on at a time, in the second cache with their sums.
  private static let stripClasses = 24

  /// Goes on with the gradients at the embeddings of `rows`, part of the `slab` that was scored,
  /// over all classes here; `inverseNorms` [classes.count].
  package func embeddingGradients(
    _ rows: Range<Int>, slab: Range<Int>, of batch: ScoredBatch,
    parameters: UnsafePointer<Float>, inverseNorms: UnsafePointer<Float>,
    in gradients: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: Self.passRows) {
      let part = first..<min(first + Self.passRows, rows.upperBound)
      for tile in tiles {
        let scores = scores(of: tile, in: gradients)
        for row in part {
          differentiate(
            row, scores: scores + (row - slab.lowerBound) * tile.count, at: tile, of: batch,
            inverseNorms: inverseNorms, into: scratch + (row - first) * tile.count,
            projections: nil)
        }
        // One product of the whole head after another, which begins a sum where the head begins.
        for start in stride(
          from: tile.lowerBound, to: tile.upperBound, by: blocks.productClasses)
        {
          LinearKernel.backwardInput(
            scratch + (start - tile.lowerBound), outputStride: tile.count,
            weights: parameters + start * dimension, rows: part.count, inputs: dimension,
            outputs: min(blocks.productClasses, tile.upperBound - start),
            into: batch.gradients + first * dimension, addingToInput: start > 0)
        }
      }
    }
  }

  /// The gradients at the products of one row with the classes `part`, from their scores.
  private func differentiate(
    _ row: Int, scores: UnsafePointer<Float>, at part: Range<Int>, of batch: ScoredBatch,
    inverseNorms: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
    projections: UnsafeMutablePointer<Float>?
  ) {
    let sample = batch.samples[row]
    let norms = inverseNorms + (part.lowerBound - classes.lowerBound)
    let place = Int(batch.labels[row]) - part.lowerBound
    let isHere = place >= 0 && place < part.count
    let before = isHere ? projections?[place] : nil
    let scale = Float(head.configuration.scale)
    if hardens {
      CurriculumKernel.gradients(
        of: scores, count: part.count, as: batch.curriculum[row], scale: scale,
        minus: batch.greatest[row], factor: sample.factor, inverseNorms: norms, into: result,
        addingTo: projections)
    } else {
      SoftmaxChain.gradients(
        of: scores, count: part.count, scale: scale, minus: batch.greatest[row],
        factor: sample.factor, inverseNorms: norms, into: result, addingTo: projections)
    }
    guard isHere else { return }
    let score = Float(batch.targets[2 * row])
    result[place] = sample.targetGradient * norms[place]
    if let projections, let before {
      projections[place] = before.addingProduct(0 * sample.factor, score)
        .addingProduct(sample.targetGradient, score)
    }
  }

  /// Overwrites the gradients of the tile's parameters with `scale` times their sums over
  /// `microbatches`, each rounded to `grid`; returns the largest magnitude of an addend as
  /// `GridKernel.accumulate` does.
  ///
  /// `slab` are the rows whose scores are there; others are computed again. `scratch`
  /// [scratchCount] and `sums` [sumCount] are the worker's.
  package func classGradients(
    of tile: Range<Int>, microbatches: [Range<Int>], slab: Range<Int>, of batch: ScoredBatch,
    parameters: UnsafePointer<Float>, inverseNorms: UnsafePointer<Float>, grid: SummationGrid,
    scale: Double, in gradients: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Double>
  ) -> UInt32 {
    let longest = microbatches.map(\.count).max() ?? 0
    let strip = Self.stripClasses
    let places = StripPlaces(
      scores: scratch, products: scratch + longest * strip,
      projections: scratch + 2 * longest * strip,
      addends: scratch + 2 * longest * strip + 2 * strip)
    let finished = places.addends + strip * dimension
    let finishedBias = finished + tile.count * dimension
    var largest: UInt32 = 0
    for first in stride(from: tile.lowerBound, to: tile.upperBound, by: strip) {
      let part = first..<min(first + strip, tile.upperBound)
      let count = part.count * dimension
      let biasSums = sums + count
      sums.update(repeating: 0, count: count + part.count)
      for rows in microbatches {
        largest = max(
          largest,
          add(
            rows, to: part, of: tile, slab: slab, batch, parameters, inverseNorms, grid, gradients,
            places, sums, biasSums))
      }
      let offset = first - tile.lowerBound
      GridKernel.finish(sums, count: count, scale: scale, into: finished + offset * dimension)
      if head.hasBias {
        GridKernel.finish(biasSums, count: part.count, scale: scale, into: finishedBias + offset)
      }
    }
    scores(of: tile, in: gradients).update(from: finished, count: tile.count * dimension)
    if head.hasBias {
      (gradients + head.classes * dimension + tile.lowerBound).update(
        from: finishedBias, count: tile.count)
    }
    return largest
  }

  /// A worker's scratch for the gradients of a strip of classes.
  private struct StripPlaces {
    let scores: UnsafeMutablePointer<Float>  // [rows, strip], where they are computed again
    let products: UnsafeMutablePointer<Float>  // [rows, strip], gradients at the products
    let projections: UnsafeMutablePointer<Float>  // [strip], then the bias's addends [strip]
    let addends: UnsafeMutablePointer<Float>  // [strip, dimension]
  }

  /// Adds the gradients of one microbatch, `rows`, at the classes `part` of `tile` to the sums.
  private func add(
    _ rows: Range<Int>, to part: Range<Int>, of tile: Range<Int>, slab: Range<Int>,
    _ batch: ScoredBatch, _ parameters: UnsafePointer<Float>,
    _ inverseNorms: UnsafePointer<Float>, _ grid: SummationGrid,
    _ gradients: UnsafeMutablePointer<Float>, _ places: StripPlaces,
    _ sums: UnsafeMutablePointer<Double>, _ biasSums: UnsafeMutablePointer<Double>
  ) -> UInt32 {
    let norms = inverseNorms + (part.lowerBound - classes.lowerBound)
    let isThere = slab.lowerBound <= rows.lowerBound && rows.upperBound <= slab.upperBound
    var scores = UnsafePointer(places.scores)
    var stride = part.count
    if isThere {
      scores = UnsafePointer(
        self.scores(of: tile, in: gradients) + (rows.lowerBound - slab.lowerBound) * tile.count
          + (part.lowerBound - tile.lowerBound))
      stride = tile.count
    } else {
      multiply(
        rows, of: batch, with: part, parameters: parameters, inverseNorms: norms,
        into: places.scores)
      for row in rows where part.contains(Int(batch.labels[row])) {
        let place = Int(batch.labels[row]) - part.lowerBound
        places.scores[(row - rows.lowerBound) * part.count + place] = -.infinity
      }
    }
    places.projections.update(repeating: 0, count: part.count)
    for row in rows {
      let index = row - rows.lowerBound
      differentiate(
        row, scores: scores + index * stride, at: part, of: batch, inverseNorms: inverseNorms,
        into: places.products + index * part.count, projections: places.projections)
    }
    LinearKernel.backwardWeights(
      places.products, input: batch.units + rows.lowerBound * dimension, rows: rows.count,
      inputs: dimension, outputs: part.count, into: places.addends, biasGradient: nil)
    if head.configuration.isNormalized {
      NormalizeKernel.removeProjections(
        places.projections, inverseNorms: norms, along: parameters + part.lowerBound * dimension,
        rows: part.count, width: dimension, from: places.addends)
    }
    var largest = GridKernel.accumulate(
      places.addends, count: part.count * dimension, grid: grid, addingTo: sums)
    if head.hasBias {
      let biasAddends = places.projections + Self.stripClasses
      NormalizeKernel.sumColumns(
        of: places.products, rows: rows.count, width: part.count, into: biasAddends)
      largest = max(
        largest,
        GridKernel.accumulate(biasAddends, count: part.count, grid: grid, addingTo: biasSums))
    }
    return largest
  }
}
