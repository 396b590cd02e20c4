private import Determinism
private import Kernels
private import Preconditions

/// How a parameter's elements lie in memory, against the logical (PyTorch) order of its shape.
package enum ParameterLayout: Sendable, Hashable {
  /// Logical order.
  case plain
  /// A convolution's weights: logical [K, C, R, S], in memory the panels of `ConvolutionWeights`.
  case convolution(outputChannels: Int, inputChannels: Int, height: Int, width: Int)
  /// A convolution in groups: logical [C, groupWidth, R, S], in memory as `GroupedWeights` has it.
  case grouped(channels: Int, groupWidth: Int, taps: Int)
  /// A dense layer on a flattened map: logical [O, C x H x W], in memory [O, H x W x C].
  case flattenedDense(outputs: Int, input: MapShape)
}

/// The distribution of a parameter's first values.
package enum Initializer: Sendable, Hashable {
  case constant(Float)
  case normal(deviation: Double)
  case uniform(bound: Double)
}

/// One named tensor of the flat parameter vector.
package struct ParameterDescription: Sendable {
  /// The name in the model's published definition, such as `layer1.0.conv1.weight`.
  package let name: String
  /// The logical shape, as PyTorch prints it.
  package let shape: [Int]
  /// The elements' range in the flat vector.
  package let range: Range<Int>
  /// How the tensor lies in memory.
  package let layout: ParameterLayout
  /// The distribution of its first values.
  package let initializer: Initializer
  /// False for batch-norm scales and offsets, biases and slopes, which recipes may leave undecayed.
  package let isWeight: Bool

  package init(
    name: String, shape: [Int], range: Range<Int>, layout: ParameterLayout = .plain,
    initializer: Initializer, isWeight: Bool
  ) {
    require(
      shape.reduce(1, *) == range.count, "\(name): shape \(shape), \(range.count) elements")
    self.name = name
    self.shape = shape
    self.range = range
    self.layout = layout
    self.initializer = initializer
    self.isWeight = isWeight
  }

  /// Copies the tensor from the flat vector's order (`memory`, its first element) to logical order.
  package func copyLogical(
    from memory: UnsafePointer<Float>, into logical: UnsafeMutablePointer<Float>
  ) {
    switch layout {
    case .plain: logical.update(from: memory, count: range.count)
    default: forEachElement { logicalIndex, place in logical[logicalIndex] = memory[place] }
    }
  }

  /// Copies the tensor from logical order to the flat vector's order (`memory`, its first element).
  package func copyMemory(
    from logical: UnsafePointer<Float>, into memory: UnsafeMutablePointer<Float>
  ) {
    switch layout {
    case .plain: memory.update(from: logical, count: range.count)
    default: forEachElement { logicalIndex, place in memory[place] = logical[logicalIndex] }
    }
  }

  /// Fills the tensor (`memory`, its first element) with its first values: a function of the seed,
  /// the tensor's name and the logical index.
  package func initialize(_ memory: UnsafeMutablePointer<Float>, seed: UInt64) {
    let stream = stream(seed: seed)
    switch initializer {
    case .constant(let value): memory.update(repeating: value, count: range.count)
    case .normal(let deviation):
      forEachElement { memory[$1] = Float(stream.normal($0) * deviation) }
    case .uniform(let bound):
      forEachElement { memory[$1] = Float((2 * stream.uniform($0) - 1) * bound) }
    }
  }

  /// Fills elements `part` of a tensor that lies as it is logically, `memory` its first element,
  /// with what `initialize` gives them.
  package func initialize(
    _ memory: UnsafeMutablePointer<Float>, part: Range<Int>, seed: UInt64
  ) {
    require(
      layout == .plain && part.lowerBound >= 0 && part.upperBound <= range.count,
      "\(name): elements \(part) of \(range.count), layout \(layout)")
    let stream = stream(seed: seed)
    switch initializer {
    case .constant(let value):
      (memory + part.lowerBound).update(repeating: value, count: part.count)
    case .normal(let deviation):
      for i in part { memory[i] = Float(stream.normal(i) * deviation) }
    case .uniform(let bound):
      for i in part { memory[i] = Float((2 * stream.uniform(i) - 1) * bound) }
    }
  }

  private func stream(seed: UInt64) -> CounterRandom {
    CounterRandom(
      seed: seed, purpose: .initialization, Int(truncatingIfNeeded: Hash64.of(name)))
  }

  /// Calls `body(logical index, place in memory)` for every element, in logical order.
  private func forEachElement(_ body: (Int, Int) -> Void) {
    switch layout {
    case .plain:
      for i in 0..<range.count { body(i, i) }
    case .convolution(let outputs, let inputs, let height, let width):
      var logical = 0
      let taps = height * width
      for k in 0..<outputs {
        let panel = k / 16
        let panelWidth = min(16, outputs - panel * 16)
        let base = panel * 16 * inputs * taps + k % 16
        for c in 0..<inputs {
          for tap in 0..<taps {
            body(logical, base + (c * taps + tap) * panelWidth)
            logical += 1
          }
        }
      }
    case .grouped(let channels, let groupWidth, let taps):
      var logical = 0
      for k in 0..<channels {
        for c in 0..<groupWidth {
          for tap in 0..<taps {
            body(
              logical,
              GroupedWeights.index(
                outputChannel: k, inputChannel: c, tap: tap, channels: channels,
                groupWidth: groupWidth, taps: taps))
            logical += 1
          }
        }
      }
    case .flattenedDense(let outputs, let input):
      var logical = 0
      for output in 0..<outputs {
        let base = output * input.count
        for c in 0..<input.channels {
          for pixel in 0..<input.pixels {
            body(logical, base + pixel * input.channels + c)
            logical += 1
          }
        }
      }
    }
  }
}

/// The running mean and variance of one batch-norm layer, in the flat statistics vector.
package struct StatisticsDescription: Sendable {
  /// The layer's name in the model's published definition, such as `layer1.0.bn1`.
  package let name: String
  /// Channels of the batch norm.
  package let channels: Int
  /// Where the means begin; the variances follow at once: [2][channels].
  package let offset: Int
  /// Positions of one image over which the layer takes its moments.
  package let pixels: Int

  /// The place of the running means.
  package var means: Range<Int> { offset..<offset + channels }
  /// The place of the running variances.
  package var variances: Range<Int> { offset + channels..<offset + 2 * channels }
}
