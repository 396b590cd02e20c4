private import Kernels
private import Preconditions

/// A classification head with a softmax loss: class weights W [rowCount, dimension] row by row in
/// flat memory, after them a bias [classes] where the configuration has one.
///
/// A class has one row or, with several centres, rows that lie beside one another: class c those
/// from c * subCentres on.
///
/// One thread runs one microbatch; all memory is the caller's. Results depend on the microbatch
/// alone.
package struct MarginSoftmaxHead: LossHead, Equatable {
  /// The loss that it computes.
  package let configuration: MarginSoftmaxConfiguration
  /// The people that it tells apart.
  package let classes: Int
  /// The width of an embedding.
  package let dimension: Int
  /// How many rows of the weights are worked on at a time, so that they stay in the second-level
  /// cache.
  private let blockClasses: Int

  /// A head for embeddings of `dimension` numbers and `classes` people.
  package init(configuration: MarginSoftmaxConfiguration, classes: Int, dimension: Int) {
    require(
      classes >= 2 && dimension >= 1,
      "MarginSoftmaxHead: \(classes) classes of dimension \(dimension), expected 2 and 1 at least")
    self.configuration = configuration
    self.classes = classes
    self.dimension = dimension
    blockClasses = Self.productClasses(dimension: dimension)
  }

  /// Classes of a product with embeddings of `dimension` numbers.
  static func productClasses(dimension: Int) -> Int { max(16, 65_536 / dimension) }

  /// Centres of a class.
  package var subCentres: Int { configuration.subCentres }

  /// Rows of the class weights.
  package var rowCount: Int { classes * subCentres }

  /// Whether a number is added to each class's logit.
  package var hasBias: Bool { configuration.kind == .softmax(bias: true) }

  /// The floats of weights and bias together.
  package var parameterCount: Int { rowCount * dimension + (hasBias ? classes : 0) }

  /// The floats of scratch that `run` needs for a microbatch of `rows` samples.
  package func scratchCount(rows: Int) -> Int {
    2 * rows * rowCount + 2 * rowCount + rows * dimension
      + (configuration.pullsNorms ? 2 : 1) * rows
  }

  /// Computes the loss of a microbatch of embeddings [rows, dimension] and both gradients.
  ///
  /// Overwrites `embeddingGradient` [rows, dimension] and `weightGradient` [parameterCount] with
  /// the derivatives of the SUM of the samples' losses, and `stateSums` [stateSumCount] with what
  /// moves the state. Labels are in 0..<classes; `marginFactor` is the share of the margin in force
  /// (warm-up); `place` is that of the first sample; `scratch` holds `scratchCount(rows:)` floats.
  package func run(
    _ embeddings: UnsafePointer<Float>, labels: UnsafePointer<Int32>, rows: Int,
    weights: UnsafePointer<Float>, marginFactor: Float, state: LossState, place: SamplePlace,
    into embeddingGradient: UnsafeMutablePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>, stateSums: UnsafeMutablePointer<Double>,
    scratch: UnsafeMutablePointer<Float>
  ) -> LossValue {
    require(rows >= 1, "MarginSoftmaxHead: \(rows) rows")
    for row in 0..<rows {
      require(
        labels[row] >= 0 && labels[row] < classes,
        "MarginSoftmaxHead: label \(labels[row]) of sample \(row), \(classes) classes")
    }
    let places = Places(scratch, rows: rows, rowCount: rowCount, dimension: dimension)
    score(embeddings, weights: weights, rows: rows, places)
    places.projections.update(repeating: 0, count: rowCount)
    for i in 0..<stateSumCount { stateSums[i] = 0 }
    var value = LossValue()
    for row in 0..<rows {
      let (label, cosine) = nearest(
        of: Int(labels[row]), to: embeddings + row * dimension, weights: weights)
      keepNearest(of: places.scores + row * rowCount, own: label)
      let sample = differentiate(
        row, label: label, marginFactor: Double(marginFactor), state: state,
        place: place.advanced(by: row), cosine: cosine, places)
      value.lossSum += sample.value.lossSum
      value.correctCount += sample.value.correctCount
      value.targetCosineSum += sample.value.targetCosineSum
      if configuration.pullsNorms { places.normGradients[row] = sample.normGradient }
      configuration.addStateSums(
        sample, inverseNorm: places.unitInverseNorms[row], state: state, to: stateSums)
    }
    propagate(
      embeddings, weights: weights, rows: rows, places, into: embeddingGradient, weightGradient)
    return value
  }

  /// The row of the weights that is the nearest of `label`'s to an embedding [dimension], of
  /// equally near ones the first, and the cosine with it.
  func nearest(
    of label: Int, to embedding: UnsafePointer<Float>, weights: UnsafePointer<Float>
  ) -> (row: Int, cosine: Double) {
    func cosine(_ row: Int) -> Double {
      NormalizeKernel.cosine(embedding, weights + row * dimension, count: dimension)
    }
    let first = label * subCentres
    var found = (row: first, cosine: cosine(first))
    for row in first + 1..<first + subCentres {
      let other = cosine(row)
      if other > found.cosine { found = (row, other) }
    }
    return found
  }

  /// Takes those of `scores` [rowCount] that are not of the centre nearest to the sample out, class
  /// by class; of the sample's class that is the row `own`.
  private func keepNearest(of scores: UnsafeMutablePointer<Float>, own: Int) {
    guard subCentres > 1 else { return }
    let score = scores[own]
    SubCentreKernel.keepNearest(of: scores, count: rowCount, centres: subCentres)
    let first = own / subCentres * subCentres
    (scores + first).update(repeating: SubCentreKernel.none, count: subCentres)
    scores[own] = score
  }

  /// The same in the first step of a run of seed 0, whose sums are not told.
  package func run(
    _ embeddings: UnsafePointer<Float>, labels: UnsafePointer<Int32>, rows: Int,
    weights: UnsafePointer<Float>, marginFactor: Float = 1,
    into embeddingGradient: UnsafeMutablePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) -> LossValue {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, stateSumCount)) { sums in
      run(
        embeddings, labels: labels, rows: rows, weights: weights, marginFactor: marginFactor,
        state: initialState, place: SamplePlace(seed: 0, step: 0, slot: 0),
        into: embeddingGradient, weightGradient: weightGradient,
        stateSums: sums.baseAddress!, scratch: scratch)
    }
  }

  /// As the configuration has it.
  package var initialState: LossState { configuration.initialState(classes: classes) }
  /// As the configuration has it.
  package var stateSumCount: Int { configuration.stateSumCount }

  /// As the configuration has it.
  package func move(_ state: inout LossState, by means: UnsafePointer<Double>, samples: Int) {
    configuration.move(&state, by: means, samples: samples)
  }

  /// The parts of the scratch memory.
  private struct Places {
    let scores: UnsafeMutablePointer<Float>  // [rows, rowCount], cosines of normalised heads
    let gradients: UnsafeMutablePointer<Float>  // [rows, rowCount], exponentials at first
    let inverseNorms: UnsafeMutablePointer<Float>  // [rowCount]
    let projections: UnsafeMutablePointer<Float>  // [rowCount]
    let units: UnsafeMutablePointer<Float>  // [rows, dimension]
    let unitInverseNorms: UnsafeMutablePointer<Float>  // [rows]
    let normGradients: UnsafeMutablePointer<Float>  // [rows], where gradients flow into norms

    init(_ scratch: UnsafeMutablePointer<Float>, rows: Int, rowCount: Int, dimension: Int) {
      scores = scratch
      gradients = scores + rows * rowCount
      inverseNorms = gradients + rows * rowCount
      projections = inverseNorms + rowCount
      units = projections + rowCount
      unitInverseNorms = units + rows * dimension
      normGradients = unitInverseNorms + rows
    }
  }

  /// Fills scores with x W^T + bias, or with cosines after the norms.
  private func score(
    _ embeddings: UnsafePointer<Float>, weights: UnsafePointer<Float>, rows: Int, _ places: Places
  ) {
    let normalized = configuration.isNormalized
    if normalized {
      NormalizeKernel.inverseNorms(
        of: embeddings, rows: rows, width: dimension, into: places.unitInverseNorms)
      NormalizeKernel.scaleRows(
        of: embeddings, by: places.unitInverseNorms, rows: rows, width: dimension,
        into: places.units)
    } else {
      places.inverseNorms.update(repeating: 1, count: rowCount)
    }
    for first in stride(from: 0, to: rowCount, by: blockClasses) {
      let count = min(blockClasses, rowCount - first)
      let block = weights + first * dimension
      if normalized {
        NormalizeKernel.inverseNorms(
          of: block, rows: count, width: dimension, into: places.inverseNorms + first)
      }
      LinearKernel.forward(
        normalized ? UnsafePointer(places.units) : embeddings, weights: block, bias: nil,
        rows: rows, inputs: dimension, outputs: count, into: places.scores + first,
        outputStride: rowCount)
    }
    if normalized {
      NormalizeKernel.scaleColumns(
        of: places.scores, by: places.inverseNorms, rows: rows, width: rowCount)
    } else if hasBias {
      NormalizeKernel.addColumns(
        weights + rowCount * dimension, rows: rows, width: rowCount, addingTo: places.scores)
    }
  }

  /// Turns one row of scores into the gradient at the products and adds to the projections.
  private func differentiate(
    _ row: Int, label: Int, marginFactor: Double, state: LossState, place: SamplePlace,
    cosine rawCosine: Double, _ places: Places
  ) -> SampleSoftmax {
    if configuration.isUnified {
      return differentiateUnified(
        row, label: label, marginFactor: marginFactor, bias: configuration.bias(in: state),
        cosine: Self.clamped(rawCosine), places)
    }
    let scores = places.scores + row * rowCount
    let exponentials = places.gradients + row * rowCount
    let cosine = Self.clamped(rawCosine)
    let score = configuration.isNormalized ? cosine : Double(scores[label])
    let scale = configuration.scale

    scores[label] = -.infinity
    let rival = SoftmaxKernel.maximum(of: scores, count: rowCount)
    let curriculum = configuration.curriculum(
      cosine: cosine, marginFactor: marginFactor, state: state)
    var (greatest, shown) = (rival, UnsafePointer(scores))
    if let curriculum {
      CurriculumKernel.harden(scores, count: rowCount, as: curriculum, into: exponentials)
      greatest = SoftmaxKernel.maximum(of: exponentials, count: rowCount)
      shown = UnsafePointer(exponentials)
    }
    let smoothing = smoothing(of: shown)
    let others = SoftmaxKernel.exponentials(
      of: shown, count: rowCount, scale: Float(scale), minus: greatest, into: exponentials)
    if smoothing == nil, let curriculum {
      CurriculumKernel.multiply(
        exponentials, bySlopesAt: scores, count: rowCount, as: curriculum)
    }
    scores[label] = Float(score)

    let sample = SampleSoftmax(
      score: score, cosine: cosine, greatest: greatest, rival: rival, others: others,
      marginFactor: marginFactor,
      modifier: configuration.modifier(
        inverseNorm: places.unitInverseNorms[row], state: state, place: place),
      smoothing: smoothing, of: configuration)
    if smoothing != nil {
      SmoothingKernel.shift(
        exponentials, count: rowCount, times: sample.factor, plus: sample.offset)
      if let curriculum {
        CurriculumKernel.multiply(
          exponentials, bySlopesAt: scores, count: rowCount, as: curriculum)
      }
      exponentials[label] = 0
    }
    SoftmaxKernel.gradients(
      from: exponentials, cosines: scores, inverseNorms: places.inverseNorms, count: rowCount,
      factor: smoothing == nil ? sample.factor : 1, addingTo: places.projections)
    let gradient = sample.targetGradient
    exponentials[label] = gradient * places.inverseNorms[label]
    places.projections[label] = places.projections[label].addingProduct(gradient, scores[label])
    return sample
  }

  /// What smoothing makes of a row of `scores` [classes] without the sample's own; nil without any.
  private func smoothing(of scores: UnsafePointer<Float>) -> SampleSoftmax.Smoothing? {
    guard configuration.smoothing > 0 else { return nil }
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: SmoothingKernel.lanes) {
      let chains = $0.baseAddress!
      chains.update(repeating: 0, count: SmoothingKernel.lanes)
      SmoothingKernel.add(scores, count: rowCount, to: chains)
      return SampleSoftmax.Smoothing(
        others: SmoothingKernel.sum(of: chains), classes: classes)
    }
  }

  /// The same as `differentiate` with UniFace.
  private func differentiateUnified(
    _ row: Int, label: Int, marginFactor: Double, bias: Float, cosine: Double, _ places: Places
  ) -> SampleSoftmax {
    let scores = places.scores + row * rowCount
    let gradients = places.gradients + row * rowCount
    let scale = Float(configuration.scale)
    scores[label] = -.infinity
    let rival = SoftmaxKernel.maximum(of: scores, count: rowCount)
    let sums = withUnsafeTemporaryAllocation(of: Double.self, capacity: UnifiedKernel.lanes) {
      let chains = $0.baseAddress!
      chains.update(repeating: 0, count: UnifiedKernel.lanes)
      UnifiedKernel.add(scores, count: rowCount, scale: scale, bias: bias, to: chains)
      return UnifiedKernel.sums(of: chains)
    }
    let sample = SampleSoftmax(
      cosine: cosine, rival: rival, losses: sums.losses, probabilities: sums.probabilities,
      bias: bias, marginFactor: marginFactor, of: configuration)
    let before = places.projections[label]
    UnifiedKernel.gradients(
      of: scores, count: rowCount, scale: scale, bias: bias, inverseNorms: places.inverseNorms,
      into: gradients, addingTo: places.projections)
    gradients[label] = sample.targetGradient * places.inverseNorms[label]
    places.projections[label] = before.addingProduct(0 * sample.factor, Float(cosine))
      .addingProduct(sample.targetGradient, Float(cosine))
    return sample
  }

  /// A cosine without what rounding has put beyond 1.
  static func clamped(_ cosine: Double) -> Double { cosine > 1 ? 1 : cosine < -1 ? -1 : cosine }

  /// Carries the gradients at the products to the embeddings and to the parameters.
  private func propagate(
    _ embeddings: UnsafePointer<Float>, weights: UnsafePointer<Float>, rows: Int,
    _ places: Places, into embeddingGradient: UnsafeMutablePointer<Float>,
    _ weightGradient: UnsafeMutablePointer<Float>
  ) {
    let normalized = configuration.isNormalized
    for first in stride(from: 0, to: rowCount, by: blockClasses) {
      let count = min(blockClasses, rowCount - first)
      let block = weights + first * dimension
      let blockGradient = weightGradient + first * dimension
      LinearKernel.backwardInput(
        places.gradients + first, outputStride: rowCount, weights: block, rows: rows,
        inputs: dimension, outputs: count, into: embeddingGradient, addingToInput: first > 0)
      LinearKernel.backwardWeights(
        places.gradients + first, outputStride: rowCount,
        input: normalized ? UnsafePointer(places.units) : embeddings, rows: rows,
        inputs: dimension, outputs: count, into: blockGradient, biasGradient: nil)
      if normalized {
        NormalizeKernel.removeProjections(
          places.projections + first, inverseNorms: places.inverseNorms + first, along: block,
          rows: count, width: dimension, from: blockGradient)
      }
    }
    if normalized {
      NormalizeKernel.backward(
        embeddingGradient, at: places.units, inverseNorms: places.unitInverseNorms, rows: rows,
        width: dimension)
      if configuration.pullsNorms {
        NormalizeKernel.addRows(
          places.units, times: places.normGradients, rows: rows, width: dimension,
          addingTo: embeddingGradient)
      }
    } else if hasBias {
      NormalizeKernel.sumColumns(
        of: places.gradients, rows: rows, width: rowCount,
        into: weightGradient + rowCount * dimension)
    }
  }
}
