import CAllocations
import Kernels
import Networks
import Testing

/// Law 6 of docs/design.md, from the first byte on: layers and kernels allocate nothing.
@Suite struct AllocationTests {
  /// The layers of a network during whose second run the thread held memory that it had not held
  /// before, with the most bytes that it did.
  private static func allocatingLayers(of network: Network) -> [String] {
    let rows = network.maximumRows
    let run = NetworkRun(network, rows: rows)
    run.fillWithNumbers()
    let arena = Arena(for: network, phase: .training)
    let moments = AlignedMemory(count: network.statisticsCount, fill: 0)
    let gradients = AlignedMemory(count: network.largestLayerCount, fill: 0)
    let prepared = AlignedBytes(count: network.preparedBytes, fill: 0)
    network.prepare(run.parameters, into: prepared.pointer)
    var found: Set<String> = []
    func watch(_ layer: any Layer, _ direction: String, isFirst: Bool, _ body: () -> Void) {
      callocations_watch()
      body()
      let bytes = callocations_most_held()
      guard bytes > 0, !isFirst else { return }
      found.insert("\(layer.summary) \(layer.output.shape) \(direction): \(bytes) bytes")
    }
    for (time, phase) in [Phase.training, .training, .inference, .inference].enumerated() {
      let isFirst = time % 2 == 0
      let pass = Pass(
        network, rows: rows, phase: phase, memory: arena.pointer, parameters: run.parameters,
        prepared: phase == .inference ? UnsafeRawPointer(prepared.pointer) : nil,
        runningMoments: run.runningMoments, batchMoments: moments.pointer,
        layerGradients: gradients.pointer,
        randomness: PassRandomness(seed: 1, step: 2, firstSlot: 3))
      pass[network.image].update(from: run.images, count: run.images.count)
      for layer in network.layers {
        watch(layer, "forward in \(phase)", isFirst: isFirst) { layer.forward(in: pass) }
      }
      guard phase == .training else { continue }
      pass.gradient(of: network.output).update(
        repeating: 0.1, count: rows * network.embeddingCount)
      for layer in network.layers.reversed() {
        watch(layer, "backward", isFirst: isFirst) { layer.backward(in: pass) }
      }
    }
    return found.sorted()
  }

  @Test func theWatchSees() async {
    await #expect(processExitsWith: .success) {
      callocations_watch()
      let place = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
      #expect(callocations_most_held() >= 1)
      place.deallocate()
    }
  }

  @Test(arguments: Models.names)
  func layersAllocateNothing(model: String) async {
    await #expect(processExitsWith: .success) { [model] in
      let network = try #require(
        Models.network(
          named: model, imageSize: model == "inception-resnet-v1" ? 80 : 48, maximumRows: 2,
          options: ModelOptions(embedding: 32, dropout: 0.2, width: 0.25)))
      let layers = AllocationTests.allocatingLayers(of: network)
      // Only the comment comes out of the process.
      #expect(layers.isEmpty, "\(layers.joined(separator: "; "))")
    }
  }

  /// What stands by itself where it cannot be computed with its neighbours.
  @Test func layersOfOneOperationAllocateNothing() async {
    await #expect(processExitsWith: .success) {
      for small in SmallNetwork.all {
        let layers = AllocationTests.allocatingLayers(of: small.network(fuses: false))
        #expect(layers.isEmpty, "\(small): \(layers.joined(separator: "; "))")
      }
    }
  }
}
