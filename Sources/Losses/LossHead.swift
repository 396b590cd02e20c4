private import Preconditions

/// A loss of each sample by itself, with parameters of its own such as class weights.
///
/// One thread runs one microbatch; all memory is the caller's. Results depend on the microbatch,
/// the parameters and the state alone.
package protocol LossHead: Sendable {
  var classes: Int { get }
  /// Rows of the class weights: one a class, or several that lie beside one another.
  var rowCount: Int { get }
  /// The width of an embedding.
  var dimension: Int { get }
  /// The floats of all parameters together.
  var parameterCount: Int { get }
  /// The tensors of the flat vector, in order.
  var parameters: [HeadParameter] { get }

  /// The distribution of the first values of `parameter`.
  func distribution(of parameter: HeadParameter, _ initialization: HeadInitialization)
    -> HeadDistribution

  /// The floats of scratch that `run` needs for a microbatch of `rows` samples.
  func scratchCount(rows: Int) -> Int

  /// What the loss keeps from step to step, as it is before the first.
  var initialState: LossState { get }

  /// How many sums over the samples of a batch move the state.
  var stateSumCount: Int { get }

  /// Computes the loss of a microbatch of embeddings [rows, dimension] and both gradients.
  ///
  /// Overwrites `embeddingGradient` [rows, dimension] and `weightGradient` [parameterCount] with
  /// the derivatives of the SUM of the samples' losses, and `stateSums` [stateSumCount] with sums
  /// over the samples. Labels are in 0..<classes; `marginFactor` is the share of the margin in
  /// force (warm-up); `state` is read only; `place` is that of the first sample; `scratch` holds
  /// `scratchCount(rows:)` floats.
  func run(
    _ embeddings: UnsafePointer<Float>, labels: UnsafePointer<Int32>, rows: Int,
    weights: UnsafePointer<Float>, marginFactor: Float, state: LossState, place: SamplePlace,
    into embeddingGradient: UnsafeMutablePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>, stateSums: UnsafeMutablePointer<Double>,
    scratch: UnsafeMutablePointer<Float>
  ) -> LossValue

  /// Moves `state` once, after a step; `means` [stateSumCount] are `run`'s sums over the whole
  /// batch divided by its `samples`, summed exactly.
  func move(_ state: inout LossState, by means: UnsafePointer<Double>, samples: Int)
}

extension LossHead {
  /// One a class.
  package var rowCount: Int { classes }
  /// "3000 classes x 512", "3000 classes x 3 centres x 512".
  package var sizes: String {
    "\(classes) classes x "
      + (rowCount == classes ? "" : "\(rowCount / classes) centres x ") + "\(dimension)"
  }
  /// Nothing.
  package var initialState: LossState { LossState() }
  /// None.
  package var stateSumCount: Int { 0 }
  /// Leaves the state as it is.
  package func move(_ state: inout LossState, by means: UnsafePointer<Double>, samples: Int) {}
}

/// Numbers by name that a loss keeps from step to step: a running mean, a schedule of its own.
/// Every rank has the same, and checkpoints hold them.
package struct LossState: Sendable, Equatable {
  /// In the order in which the loss gave them.
  package let names: [String]
  /// In the order of `names`.
  package private(set) var values: [Double]

  /// No numbers.
  package init() { (names, values) = ([], []) }

  /// The numbers before the first step; names are of letters, digits and hyphens.
  package init(_ numbers: KeyValuePairs<String, Double>) {
    names = numbers.map(\.key)
    values = numbers.map(\.value)
  }

  /// The number `name` of the state, which must have one of that name.
  package subscript(name: String) -> Double {
    get { values[place(of: name)] }
    set { values[place(of: name)] = newValue }
  }

  /// Replaces all numbers, in the order of `names`.
  package mutating func set(_ values: [Double]) {
    require(
      values.count == names.count, "LossState: \(values.count) values for \(names.count) names")
    self.values = values
  }

  private func place(of name: String) -> Int {
    let place = names.firstIndex(of: name)
    require(place != nil, "LossState: no number \(name) among \(names)")
    return place!
  }
}
