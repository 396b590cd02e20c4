package import Kernels

/// Gradients of the weights of a rank's classes.
extension ClassShare {
  /// Overwrites the gradients of a tile's parameters with `scale` times their sums over
  /// `microbatches`, each rounded to `grid`; returns the largest magnitude of an addend as
  /// `GridKernel.accumulate` does.
  ///
  /// Gradients of the weights of classes that take part lie side by side from the tile's first on
  /// (`ChosenClasses.forEachRow`), those of the bias in their places, with zeros between them.
  /// `slab` are the rows whose scores are there; others are computed again. `scratch`
  /// [scratchCount] and `sums` [sumCount] are the worker's.
  package func classGradients(
    of own: TileClasses, microbatches: [Range<Int>], slab: Range<Int>, of batch: ScoredBatch,
    parameters: UnsafePointer<Float>, inverseNorms: UnsafePointer<Float>, grid: SummationGrid,
    scale: Double, in gradients: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Double>
  ) -> UInt32 {
    let longest = microbatches.map(\.count).max() ?? 0
    let strip = stripClasses
    let places = StripPlaces(
      scores: scratch, products: scratch + longest * strip,
      projections: scratch + 2 * longest * strip,
      biasAddends: scratch + 2 * longest * strip + strip,
      addends: scratch + 2 * longest * strip + 2 * strip)
    let finished = places.addends + strip * dimension
    let finishedBias = finished + own.count * dimension
    let projections = finishedBias + own.count
    let scored = differentiateScored(
      microbatches, slab: slab, of: own, batch, inverseNorms: inverseNorms, in: gradients,
      projections: projections)
    var largest: UInt32 = 0
    for first in stride(from: 0, to: own.count, by: strip) {
      let part = first..<min(first + strip, own.count)
      let count = part.count * dimension
      let biasSums = sums + count
      sums.update(repeating: 0, count: count + part.count)
      for (index, rows) in microbatches.enumerated() {
        let products: Products
        if scored.contains(index) {
          let projections = projections + (index - scored.lowerBound) * own.count
          products = Products(
            values: scores(of: own.tile, in: gradients)
              + (rows.lowerBound - slab.lowerBound) * own.count + part.lowerBound,
            stride: own.count, projections: projections + part.lowerBound)
        } else {
          products = again(
            rows, at: part, of: own, batch, parameters, inverseNorms: inverseNorms, places)
        }
        largest = max(
          largest,
          add(
            products, of: rows, to: part, of: own, slab: slab, batch, parameters, inverseNorms,
            grid, gradients, places, sums, biasSums))
      }
      GridKernel.finish(sums, count: count, scale: scale, into: finished + first * dimension)
      if head.hasBias {
        GridKernel.finish(biasSums, count: part.count, scale: scale, into: finishedBias + first)
      }
    }
    scores(of: own.tile, in: gradients).update(from: finished, count: own.count * dimension)
    if head.hasBias {
      let bias = gradients + head.rowCount * dimension
      (bias + own.tile.lowerBound).update(repeating: 0, count: own.tile.count)
      for place in 0..<own.count { bias[own.label(at: place)] = finishedBias[place] }
    }
    return largest
  }

  /// A worker's scratch for the gradients of a strip of classes.
  private struct StripPlaces {
    let scores: UnsafeMutablePointer<Float>  // [rows, strip], where they are computed again
    let products: UnsafeMutablePointer<Float>  // [rows, strip], gradients at the products
    let projections: UnsafeMutablePointer<Float>  // [strip], where scores are computed again
    let biasAddends: UnsafeMutablePointer<Float>  // [strip]
    let addends: UnsafeMutablePointer<Float>  // [strip, dimension]
  }

  /// Gradients at the products of some faces with some classes.
  private struct Products {
    let values: UnsafeMutablePointer<Float>  // [rows], `stride` apart
    let stride: Int
    let projections: UnsafeMutablePointer<Float>  // by class: gradients times scores, added up
  }

  /// Puts gradients at the products in the place of the scores of those of `microbatches` that the
  /// `slab` has whole, and the projections of each behind one another [microbatches, own.count];
  /// returns which ones, by their place in the list.
  private func differentiateScored(
    _ microbatches: [Range<Int>], slab: Range<Int>, of own: TileClasses, _ batch: ScoredBatch,
    inverseNorms: UnsafePointer<Float>, in gradients: UnsafeMutablePointer<Float>,
    projections: UnsafeMutablePointer<Float>
  ) -> Range<Int> {
    let first = microbatches.firstIndex { $0.lowerBound >= slab.lowerBound } ?? microbatches.count
    let last = microbatches.lastIndex { $0.upperBound <= slab.upperBound } ?? -1
    guard first <= last, own.count > 0 else { return 0..<0 }
    let end = min(last + 1, first + slabRows)
    let scores = scores(of: own.tile, in: gradients)
    projections.update(repeating: 0, count: (end - first) * own.count)
    for index in first..<end {
      for row in microbatches[index] {
        let values = scores + (row - slab.lowerBound) * own.count
        differentiate(
          row, scores: values, at: 0..<own.count, of: own, batch, inverseNorms: inverseNorms,
          into: values, projections: projections + (index - first) * own.count)
      }
    }
    return first..<end
  }

  /// Gradients at the products of the microbatch `rows`, whose scores are computed again, with the
  /// classes `part` of `own`; they lie in `places`.
  private func again(
    _ rows: Range<Int>, at part: Range<Int>, of own: TileClasses, _ batch: ScoredBatch,
    _ parameters: UnsafePointer<Float>, inverseNorms: UnsafePointer<Float>,
    _ places: StripPlaces
  ) -> Products {
    let norms = inverseNorms + (own.tile.lowerBound - classes.lowerBound) + part.lowerBound
    // Weights lie where the addends will.
    multiply(
      rows, of: batch,
      with: own.weights(part, of: parameters, width: dimension, into: places.addends), part,
      of: own, parameters, inverseNorms: norms, into: places.scores,
      biasScratch: places.projections)
    places.projections.update(repeating: 0, count: part.count)
    for row in rows {
      let index = (row - rows.lowerBound) * part.count
      takeTarget(of: row, from: places.scores + index, at: part, of: own, batch)
      differentiate(
        row, scores: places.scores + index, at: part, of: own, batch, inverseNorms: inverseNorms,
        into: places.products + index, projections: places.projections)
    }
    return Products(
      values: places.products, stride: part.count, projections: places.projections)
  }

  /// Adds the gradients of one microbatch, `rows`, at the classes `part` of `own` to the sums.
  private func add(
    _ products: Products, of rows: Range<Int>, to part: Range<Int>, of own: TileClasses,
    slab: Range<Int>, _ batch: ScoredBatch, _ parameters: UnsafePointer<Float>,
    _ inverseNorms: UnsafePointer<Float>, _ grid: SummationGrid,
    _ gradients: UnsafeMutablePointer<Float>, _ places: StripPlaces,
    _ sums: UnsafeMutablePointer<Double>, _ biasSums: UnsafeMutablePointer<Double>
  ) -> UInt32 {
    LinearKernel.backwardWeights(
      products.values, outputStride: products.stride,
      input: batch.units + rows.lowerBound * dimension, rows: rows.count, inputs: dimension,
      outputs: part.count, into: places.addends, biasGradient: nil)
    if head.configuration.isNormalized {
      removeProjections(
        part, of: own, parameters, inverseNorms: inverseNorms, products.projections,
        packed: packedWeights(of: own, slab: slab, in: gradients), from: places.addends)
    }
    var largest = GridKernel.accumulate(
      places.addends, count: part.count * dimension, grid: grid, addingTo: sums)
    if head.hasBias {
      let biasAddends = places.biasAddends
      NormalizeKernel.sumColumns(
        of: products.values, rowStep: products.stride, rows: rows.count, width: part.count,
        into: biasAddends)
      largest = max(
        largest,
        GridKernel.accumulate(biasAddends, count: part.count, grid: grid, addingTo: biasSums))
    }
    return largest
  }

  /// Takes the part along the weights, which may lie `packed`, out of the addends of the classes
  /// `part` [part.count, dimension], whose projections are `projections` [part.count].
  private func removeProjections(
    _ part: Range<Int>, of own: TileClasses, _ parameters: UnsafePointer<Float>,
    inverseNorms: UnsafePointer<Float>, _ projections: UnsafePointer<Float>,
    packed: UnsafePointer<Float>?, from addends: UnsafeMutablePointer<Float>
  ) {
    let norms = inverseNorms + (own.tile.lowerBound - classes.lowerBound) + part.lowerBound
    let first = part.lowerBound * dimension
    if let weights = own.isWhole ? parameters + own.tile.lowerBound * dimension : packed {
      NormalizeKernel.removeProjections(
        projections, inverseNorms: norms, along: weights + first, rows: part.count,
        width: dimension, from: addends)
      return
    }
    for place in part {
      let index = place - part.lowerBound
      NormalizeKernel.removeProjections(
        projections + index, inverseNorms: norms + index,
        along: parameters + own.label(at: place) * dimension, rows: 1, width: dimension,
        from: addends + index * dimension)
    }
  }
}
