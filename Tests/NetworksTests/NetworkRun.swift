import Kernels
import Networks

extension Models {
  /// The network `name` for square images; nil if there is no such model.
  static func network(
    named name: String, imageSize: Int, maximumRows: Int, options: ModelOptions,
    fuses: Bool = true
  ) -> Network? {
    model(named: name)?.network(
      image: MapShape(height: imageSize, width: imageSize, channels: 3),
      maximumRows: maximumRows, options: options, fuses: fuses)
  }
}

/// One network with one worker's memory, for tests: fill it, run it, look at everything.
final class NetworkRun {
  let network: Network
  let rows: Int
  var parameters: [Float]
  var runningMoments: [Float]
  /// Images [rows, H, W, 3].
  var images: [Float]
  var randomness = PassRandomness(seed: 3, step: 5, firstSlot: 7)
  /// What the memory and every result holds before a pass.
  var garbage = Float.nan
  /// Overwrites, between two layers, the memory of which the plan says that nothing lies there.
  var poisons = false

  /// The result of the last forward pass [rows, embedding].
  private(set) var output: [Float] = []
  /// Batch moments of the last training pass.
  private(set) var batchMoments: [Float] = []
  /// The gradient of the last backward pass, in the order of the flat vector.
  private(set) var gradient: [Float] = []

  init(_ network: Network, rows: Int) {
    self.network = network
    self.rows = rows
    parameters = Self.firstParameters(of: network, seed: 1)
    runningMoments = Array(repeating: 0, count: network.statisticsCount)
    for entry in network.statistics {
      runningMoments.replaceSubrange(
        entry.variances, with: repeatElement(1, count: entry.channels))
    }
    images = Array(repeating: 0, count: rows * network.image.shape.count)
  }

  /// The first values of all parameters.
  static func firstParameters(of network: Network, seed: UInt64) -> [Float] {
    var values = Array(repeating: Float.nan, count: network.parameterCount)
    values.withUnsafeMutableBufferPointer { memory in
      for entry in network.parameters {
        entry.initialize(memory.baseAddress! + entry.range.lowerBound, seed: seed)
      }
    }
    return values
  }

  /// Fills images and parameters so that all gradients are of a size.
  func fillWithNumbers() {
    images = Formula.numbers("images", images.count).map { Float($0) }
    for entry in network.parameters {
      fill(entry, Formula.parameter(entry.name, shape: entry.shape))
    }
    for entry in network.statistics {
      runningMoments.replaceSubrange(
        entry.means,
        with: Formula.numbers(entry.name + ".running_mean", entry.channels).map {
          Float(0.2 * $0)
        })
      runningMoments.replaceSubrange(
        entry.variances,
        with: Formula.numbers(entry.name + ".running_var", entry.channels).map {
          Float(1 + 0.5 * $0)
        })
    }
  }

  /// Sets one tensor from its logical elements.
  func fill(_ entry: ParameterDescription, _ logical: [Double]) {
    let values = logical.map { Float($0) }
    parameters.withUnsafeMutableBufferPointer { memory in
      entry.copyMemory(from: values, into: memory.baseAddress! + entry.range.lowerBound)
    }
  }

  /// One tensor's part of `flat`, in logical order.
  func logical(_ entry: ParameterDescription, of flat: [Float]) -> [Double] {
    var values = Array(repeating: Float.nan, count: entry.range.count)
    flat.withUnsafeBufferPointer { memory in
      entry.copyLogical(from: memory.baseAddress! + entry.range.lowerBound, into: &values)
    }
    return values.map { Double($0) }
  }

  /// A forward pass and, if there is a gradient of the output [rows, embedding], a backward one.
  func run(_ phase: Phase, outputGradient: [Float]? = nil) {
    let placement = phase == .training ? network.training : network.inference
    let memory = AlignedMemory(count: placement.bytes / 4, fill: garbage)
    let layerGradients = AlignedMemory(count: network.largestLayerCount, fill: garbage)
    batchMoments = Array(repeating: garbage, count: network.statisticsCount)
    gradient = Array(repeating: garbage, count: network.parameterCount)
    batchMoments.withUnsafeMutableBufferPointer { moments in
      let pass = Pass(
        network, rows: rows, phase: phase, memory: memory.pointer, parameters: parameters,
        runningMoments: runningMoments, batchMoments: moments.baseAddress!,
        layerGradients: layerGradients.pointer, randomness: randomness)
      pass[network.image].update(from: images, count: images.count)
      for (time, layer) in network.layers.enumerated() {
        poison(memory.pointer, between: time - 1, of: placement)
        layer.forward(in: pass)
      }
      let count = rows * network.embeddingCount
      output = Array(UnsafeBufferPointer(start: pass[network.output], count: count))
      guard let outputGradient else { return }
      let loss = network.layers.count
      poison(memory.pointer, between: loss - 1, of: placement)
      pass.gradient(of: network.output).update(from: outputGradient, count: count)
      let trained = network.layers.enumerated().dropFirst(network.frozenLayers)
      for (index, layer) in trained.reversed() {
        poison(memory.pointer, between: 2 * loss - index - 1, of: placement)
        layer.backward(in: pass)
        for i in layer.parameters {
          gradient[i] = layerGradients.pointer[i - layer.parameters.lowerBound]
        }
        layerGradients.pointer.update(repeating: garbage, count: network.largestLayerCount)
      }
    }
  }

  /// Fills with garbage all that no piece keeps from `time` to the time after it.
  private func poison(
    _ memory: UnsafeMutablePointer<Float>, between time: Int, of placement: Placement
  ) {
    guard poisons else { return }
    let kept = placement.pieces
      .filter { $0.lifetime.contains(time) && $0.lifetime.contains(time + 1) }
      .map(\.bytes).sorted { $0.lowerBound < $1.lowerBound }
    var free = 0
    for piece in kept {
      if free < piece.lowerBound {
        (memory + free / 4).update(repeating: garbage, count: (piece.lowerBound - free) / 4)
      }
      free = max(free, piece.upperBound)
    }
    (memory + free / 4).update(repeating: garbage, count: (placement.bytes - free) / 4)
  }
}

/// The numbers of scripts/golden/networks.py.
enum Formula {
  /// `count` numbers in [-1, 1): SplitMix64 at counter 1, 2, ... with the FNV-1a hash of the name.
  static func numbers(_ name: String, _ count: Int) -> [Double] {
    var key: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { key = (key ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return (0..<count).map { index in
      var z = key &+ UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      z ^= z >> 31
      return Double(z >> 11) * 0x1p-52 - 1
    }
  }

  /// The values of a parameter, in logical order: weights U(+-sqrt(3 / fan in)), everything else
  /// near its usual first value.
  static func parameter(_ name: String, shape: [Int]) -> [Double] {
    let numbers = numbers(name, shape.reduce(1, *))
    let path = name.split(separator: ".").map(String.init)
    let owner = path.dropLast().joined(separator: ".")
    if path.last == "bias" { return numbers.map { 0.3 * $0 } }
    // MobileFaceNet's slopes are the third of a block's layers.
    let isSlope = path.dropLast().last == "prelu" || path.suffix(3) == ["layers", "2", "weight"]
    if isSlope && shape.count == 1 { return numbers.map { 0.25 + 0.2 * $0 } }
    if shape.count > 1 {
      let bound = (3 * Double(shape[0]) / Double(numbers.count)).squareRoot()
      return numbers.map { bound * $0 }
    }
    let isQuiet = owner.hasSuffix(".bn3") || owner.hasSuffix(".model_main.4.model.1")
    return numbers.map { (isQuiet ? 0.4 : 1) * (1 + 0.3 * $0) }
  }
}
