package import Losses

/// What a run minimises.
package enum Objective: Sendable {
  /// A loss of each sample by itself, from a head with class weights.
  case classification(MarginSoftmaxHead)
  /// A loss of the whole batch, without parameters.
  case triplets(TripletObjective)

  /// The head with class weights, nil for triplets.
  package var head: MarginSoftmaxHead? {
    if case .classification(let head) = self { return head }
    return nil
  }

  /// Parameters behind those of the network.
  package var parameterCount: Int { head?.parameterCount ?? 0 }
}
