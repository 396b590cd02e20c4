private import Kernels

/// One worker's memory: activations, gradients, workspace; not initialised to anything usable.
package struct Arena: ~Copyable {
  private let memory: AlignedMemory

  /// Memory for `network`, filled with NaN so that nothing is read before it is written.
  package init(for network: Network, phase: Phase) {
    let count =
      phase == .training
      ? max(network.trainingCount, network.inferenceCount) : network.inferenceCount
    memory = AlignedMemory(count: count, fill: .nan)
  }

  package var pointer: UnsafeMutablePointer<Float> { memory.pointer }
}
