import Kernels
import Networks
import Testing

/// First values: the distributions of the published code, whatever the layout.
@Suite struct InitializationTests {
  private static let models = [
    "iresnet10", "aix-resnet18", "aix-resnet50", "resnet18", "resnet50", "nn1", "nn2",
    "mobilefacenet",
  ]
  /// NN2's projections of L2-pooled maps.
  private static let rooted = ["3b", "4a", "4b", "4c", "4d", "5a"].map {
    "inception\($0).projection.weight"
  }

  private static func network(_ model: String) throws -> Network {
    try #require(
      Models.network(
        named: model, imageSize: 48, maximumRows: 1,
        options: ModelOptions(embedding: 24, width: 0.25)))
  }

  /// What the published code draws the tensor from.
  private func expected(_ model: String, _ entry: ParameterDescription) -> Initializer {
    let fanIn = Double(entry.shape.dropFirst().reduce(1, *))
    let fanOut = Double(entry.shape[0] * entry.shape.dropFirst(2).reduce(1, *))
    switch entry.shape.count {
    case 4 where model.hasPrefix("nn"):
      let gain: Double = Self.rooted.contains(entry.name) ? 3 : 1
      return .uniform(bound: (6 / fanIn).squareRoot() / gain)
    case 2 where model.hasPrefix("nn"): return .uniform(bound: (3 / fanIn).squareRoot())
    case 1 where model.hasPrefix("nn"): return .constant(0)
    case 4 where model.hasPrefix("iresnet"): return .normal(deviation: 0.1)
    case 4 where model.hasPrefix("aix"): return .uniform(bound: 1 / fanIn.squareRoot())
    case 4: return .normal(deviation: (2 / fanOut).squareRoot())
    case 2 where model == "mobilefacenet": return .normal(deviation: (2 / fanOut).squareRoot())
    case 2: return .uniform(bound: 1 / fanIn.squareRoot())
    default: break
    }
    if model == "mobilefacenet", entry.name.hasSuffix(".layers.2.weight") { return .constant(0.25) }
    if entry.name.contains("prelu") { return .constant(0.25) }
    switch entry.name {
    case "fc.bias" where model.hasPrefix("iresnet"):
      // 48 halved four times is 3; 512 channels at a quarter of the width.
      return .uniform(bound: 1 / Double(128 * 3 * 3).squareRoot())
    case "fc.bias":
      return .uniform(bound: 1 / Double(model == "resnet50" ? 512 : 128).squareRoot())
    case "last_fcn.2.bias":
      return .uniform(bound: 1 / Double(model == "aix-resnet50" ? 512 : 16).squareRoot())
    default: return .constant(entry.name.hasSuffix(".weight") ? 1 : 0)
    }
  }

  @Test(arguments: models)
  func firstValuesFollowTheirSource(model: String) throws {
    let run = NetworkRun(try Self.network(model), rows: 1)
    for entry in run.network.parameters {
      let values = run.logical(entry, of: run.parameters)
      check(values, of: expected(model, entry), entry.name)
    }
    for entry in run.network.statistics {
      #expect(run.runningMoments[entry.means].allSatisfy { $0 == 0 })
      #expect(run.runningMoments[entry.variances].allSatisfy { $0 == 1 })
    }
  }

  private func check(_ values: [Double], of source: Initializer, _ name: String) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let square = values.reduce(0) { $0 + $1 * $1 } / count
    let fourth = values.reduce(0) { $0 + $1 * $1 * $1 * $1 } / count
    // Five standard errors of each statistic.
    let doubt = 5 / count.squareRoot()
    switch source {
    case .constant(let value):
      #expect(values.allSatisfy { $0 == Double(value) }, "\(name)")
    case .normal(let deviation):
      #expect(abs(mean) < doubt * deviation, "\(name)")
      let variance = deviation * deviation
      #expect(abs(square / variance - 1) < doubt * 2.0.squareRoot(), "\(name)")
      #expect(abs(fourth / (variance * variance) - 3) < doubt * 96.0.squareRoot(), "\(name)")
    case .uniform(let bound):
      #expect(values.allSatisfy { abs($0) <= bound * (1 + 1e-6) }, "\(name)")
      let variance = bound * bound / 3
      #expect(abs(mean) < doubt * variance.squareRoot(), "\(name)")
      #expect(abs(square / variance - 1) < doubt * 0.8.squareRoot(), "\(name)")
    }
  }

  @Test func valuesAreAFunctionOfTheSeed() throws {
    let network = try Self.network("iresnet10")
    func values(seed: UInt64) -> [Float] {
      NetworkRun.firstParameters(of: network, seed: seed)
    }
    let first = values(seed: 4)
    #expect(first == values(seed: 4))
    let other = values(seed: 5)
    for entry in network.parameters where entry.shape.count > 1 {
      #expect(zip(first[entry.range], other[entry.range]).allSatisfy { $0 != $1 }, "\(entry.name)")
    }
  }

  /// A tensor's first values are those of its name and shape alone: not of its place in the vector,
  /// nor of its layout, nor of the network around it.
  @Test func valuesDoNotDependOnLayout() throws {
    let small = NetworkRun(try Self.network("iresnet10"), rows: 1)
    let large = NetworkRun(
      try #require(
        Models.network(
          named: "iresnet18", imageSize: 48, maximumRows: 2,
          options: ModelOptions(embedding: 24, width: 0.25))), rows: 1)
    for entry in small.network.parameters {
      let values = small.logical(entry, of: small.parameters)
      let plain = ParameterDescription(
        name: entry.name, shape: entry.shape, range: entry.range, initializer: entry.initializer,
        isWeight: entry.isWeight)
      var inOrder = Array(repeating: Float.nan, count: entry.range.count)
      plain.initialize(&inOrder, seed: 1)
      #expect(inOrder.map { Double($0) } == values, "\(entry.name)")
      let other = try #require(large.network.parameters.first { $0.name == entry.name })
      #expect(large.logical(other, of: large.parameters) == values, "\(entry.name)")
    }
  }

  /// No two tensors draw the same numbers.
  @Test func tensorsDrawApart() throws {
    let run = NetworkRun(try Self.network("aix-resnet50"), rows: 1)
    let starts = run.network.parameters.filter { $0.shape.count > 1 }.map { entry in
      run.logical(entry, of: run.parameters)[0] / run.logical(entry, of: run.parameters)[1]
    }
    #expect(Set(starts).count == starts.count)
  }
}

/// Logical (PyTorch) order against the order in memory.
@Suite struct ParameterLayoutTests {
  private struct Kernel { let outputs, inputs, height, width: Int }

  private static let kernels = [1, 5, 8, 15, 16, 17, 32, 33, 40].flatMap { outputs in
    [1, 3, 16, 19].flatMap { inputs in
      [(1, 1), (3, 3), (7, 7), (2, 3)].map {
        Kernel(outputs: outputs, inputs: inputs, height: $0.0, width: $0.1)
      }
    }
  }

  private func description(_ shape: [Int], _ layout: ParameterLayout) -> ParameterDescription {
    ParameterDescription(
      name: "w", shape: shape, range: 7..<7 + shape.reduce(1, *), layout: layout,
      initializer: .constant(0), isWeight: true)
  }

  private func inMemory(_ entry: ParameterDescription) -> [Float] {
    var memory = Array(repeating: Float.nan, count: entry.range.count)
    entry.copyMemory(from: (0..<entry.range.count).map { Float($0) }, into: &memory)
    var back = Array(repeating: Float.nan, count: entry.range.count)
    entry.copyLogical(from: memory, into: &back)
    #expect(back == (0..<entry.range.count).map { Float($0) })
    return memory
  }

  @Test func convolutionsLieAsTheKernelsReadThem() {
    for kernel in Self.kernels {
      let (k, c, r, s) = (kernel.outputs, kernel.inputs, kernel.height, kernel.width)
      let memory = inMemory(
        description(
          [k, c, r, s],
          .convolution(outputChannels: k, inputChannels: c, height: r, width: s)))
      let shape = ConvolutionShape(
        height: 9, width: 9, inputChannels: c, outputChannels: k, kernelHeight: r, kernelWidth: s,
        stride: 1, paddingHeight: 0, paddingWidth: 0)
      var logical: Float = 0
      for outputChannel in 0..<k {
        for inputChannel in 0..<c {
          for row in 0..<r {
            for column in 0..<s {
              let place = ConvolutionWeights.index(
                outputChannel: outputChannel, inputChannel: inputChannel, row: row,
                column: column, shape: shape)
              #expect(memory[place] == logical)
              logical += 1
            }
          }
        }
      }
    }
  }

  @Test(arguments: [(1, 1, 1), (2, 3, 5), (7, 7, 16), (4, 4, 17), (1, 5, 3)])
  func denseLayersReadFlattenedMaps(height: Int, width: Int, channels: Int) {
    let map = MapShape(height: height, width: width, channels: channels)
    for outputs in [1, 3, 10] {
      let memory = inMemory(
        description([outputs, map.count], .flattenedDense(outputs: outputs, input: map)))
      for output in 0..<outputs {
        for channel in 0..<channels {
          for pixel in 0..<map.pixels {
            let logical = output * map.count + channel * map.pixels + pixel
            #expect(memory[output * map.count + pixel * channels + channel] == Float(logical))
          }
        }
      }
    }
  }

  @Test func vectorsLieAsTheyAre() {
    #expect(inMemory(description([3, 7], .plain)) == (0..<21).map { Float($0) })
  }
}
