package import Losses

/// A loss head that tells of each microbatch before another head computes it, and may give that one
/// another margin and the loss a state.
package struct WrappedHead: LossHead {
  /// What a call of `run` is given.
  package struct Microbatch {
    /// [rows, width]
    package let embeddings: UnsafePointer<Float>
    /// [rows]
    package let labels: UnsafePointer<Int32>
    package let rows, width: Int
    /// The share of the margin in force.
    package let marginFactor: Float
    /// The state of the loss before the step.
    package let state: LossState
  }

  private let inner: any LossHead
  package let initialState: LossState
  package let stateSumCount: Int
  private let prepare: @Sendable (Microbatch, UnsafeMutablePointer<Double>) -> Float
  private let moved: @Sendable (LossState, UnsafePointer<Double>) -> LossState

  /// Wraps `inner`, which has no state: `prepare` overwrites the sums of its microbatch
  /// [stateSumCount] and returns the share of the margin that `inner` is given; `moved` makes the
  /// state after a step of the one before and the means over the batch.
  package init(
    _ inner: any LossHead, state: LossState = LossState(), stateSumCount: Int = 0,
    moved: @escaping @Sendable (LossState, UnsafePointer<Double>) -> LossState = { state, _ in
      state
    },
    prepare: @escaping @Sendable (Microbatch, UnsafeMutablePointer<Double>) -> Float
  ) {
    self.inner = inner
    initialState = state
    self.stateSumCount = stateSumCount
    self.moved = moved
    self.prepare = prepare
  }

  package var classes: Int { inner.classes }
  package var dimension: Int { inner.dimension }
  package var parameterCount: Int { inner.parameterCount }
  package var parameters: [HeadParameter] { inner.parameters }

  package func distribution(
    of parameter: HeadParameter, _ initialization: HeadInitialization
  ) -> HeadDistribution { inner.distribution(of: parameter, initialization) }

  package func scratchCount(rows: Int) -> Int { inner.scratchCount(rows: rows) }

  package func run(
    _ embeddings: UnsafePointer<Float>, labels: UnsafePointer<Int32>, rows: Int,
    weights: UnsafePointer<Float>, marginFactor: Float, state: LossState, place: SamplePlace,
    into embeddingGradient: UnsafeMutablePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>, stateSums: UnsafeMutablePointer<Double>,
    scratch: UnsafeMutablePointer<Float>
  ) -> LossValue {
    let factor = prepare(
      Microbatch(
        embeddings: embeddings, labels: labels, rows: rows, width: dimension,
        marginFactor: marginFactor, state: state), stateSums)
    return inner.run(
      embeddings, labels: labels, rows: rows, weights: weights, marginFactor: factor,
      state: state, place: place, into: embeddingGradient, weightGradient: weightGradient,
      stateSums: stateSums, scratch: scratch)
  }

  package func move(_ state: inout LossState, by means: UnsafePointer<Double>, samples: Int) {
    state = moved(state, means)
  }
}
