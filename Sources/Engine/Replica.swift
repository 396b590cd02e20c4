package import Kernels
package import Losses
package import Networks
package import Optimizers
package import State

/// What is trained, one copy a rank: network, loss, optimizer and all that they change. It knows no
/// ranks: those are of the world that an engine works in.
package final class Replica {
  /// The network, whose parameters are the first of the flat vector.
  package let network: Network
  /// The loss, whose parameters are behind those of the network.
  package let objective: Objective
  /// What is minimised beside the loss, whose parameters are right behind those of the network; nil
  /// where nothing is.
  package let term: DistillationTerm?
  /// Which rate and which decay every tensor has.
  package let groups: ParameterGroups
  /// The rule that moves the parameters.
  package let optimizer: any Optimizer
  /// All that a step changes.
  package let state: ModelState
  /// How the average of the weights follows them; nil where the state has none.
  package let average: WeightAverage?
  /// The grid of the exact sums of gradients.
  package let gradientGrid: SummationGrid
  /// What first weights and random numbers are functions of.
  package let seed: UInt64

  /// A replica of parts that were made for each other: `groups` and `state` cover the parameters of
  /// network and objective.
  package init(
    network: Network, objective: Objective, groups: ParameterGroups, optimizer: any Optimizer,
    state: ModelState, gradientGrid: SummationGrid, seed: UInt64, average: WeightAverage? = nil,
    term: DistillationTerm? = nil
  ) {
    self.term = term
    self.network = network
    self.objective = objective
    self.groups = groups
    self.optimizer = optimizer
    self.state = state
    self.gradientGrid = gradientGrid
    self.seed = seed
    self.average = average
  }

  /// Where the parameters of the term beside the loss lie in the flat vector.
  var termRange: Range<Int> {
    network.parameterCount..<network.parameterCount + (term?.parameterCount ?? 0)
  }

  /// Where the parameters of the loss lie in the flat vector.
  package var headRange: Range<Int> {
    termRange.upperBound..<termRange.upperBound + objective.parameterCount
  }

  /// Those of `blocks` whose gradients are summed over the ranks: all but those of a head that is
  /// divided.
  func reducedBlocks(_ blocks: TensorBlocks) -> [Range<Int>] {
    guard objective.divided != nil else { return blocks.ranges }
    return blocks.ranges.filter { $0.upperBound <= headRange.lowerBound }
  }

  /// A pass in training over the slots of `range`, in a worker's or a microbatch's `memory`, with
  /// its batch-norm moments in `moments` [statisticsCount] and gradients in `layerGradients`.
  func makePass(
    _ range: Range<Int>, of batch: StepBatch, memory: UnsafeMutableRawPointer,
    moments: UnsafeMutablePointer<Float>, layerGradients: UnsafeMutablePointer<Float>
  ) -> Pass {
    Pass(
      network, rows: range.count, phase: .training, memory: memory,
      parameters: UnsafePointer(state.parameters),
      runningMoments: UnsafePointer(state.statistics), batchMoments: moments,
      layerGradients: layerGradients,
      randomness: PassRandomness(seed: seed, step: batch.step, firstSlot: range.lowerBound))
  }
}
