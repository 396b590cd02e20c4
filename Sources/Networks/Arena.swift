private import Kernels

/// One worker's memory: activations, gradients, workspace; not initialised to anything usable.
package struct Arena: ~Copyable {
  private let memory: AlignedBytes

  /// Memory for `network`; every element of any kind is NaN, or its largest number, so that nothing
  /// is read before it is written.
  package init(for network: Network, phase: Phase) {
    memory = AlignedBytes(count: Self.bytes(for: network, phase: phase), fill: 0xFF)
  }

  package var pointer: UnsafeMutableRawPointer { memory.pointer }

  /// Bytes of an arena for `network`; one for training serves for inference too.
  package static func bytes(for network: Network, phase: Phase) -> Int {
    phase == .training
      ? max(network.trainingBytes, network.inferenceBytes) : network.inferenceBytes
  }
}
