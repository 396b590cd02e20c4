package import Kernels
package import Networks

/// Every kernel at every shape of the given networks.
package struct KernelCatalog: Sendable {
  /// The kernels, each shape once, in the order of the first network that has it.
  package let cases: [KernelCase]
  /// The shapes of the convolutions among them.
  package let convolutions: [ConvolutionShape]

  /// The catalog of `networks` at microbatches of `rows`, with a loss head of `classes` people and
  /// flat vectors of `vectorCount` elements.
  package init(networks: [Network], rows: Int, classes: Int, vectorCount: Int) {
    var shapes: [ConvolutionShape] = []
    var norms: [NormCases] = []
    var others: [KernelCase] = []
    for network in networks {
      for layer in network.layers {
        switch layer {
        case let layer as Convolution: shapes.append(layer.shape)
        case let layer as GroupedConvolution:
          others += GroupedCases(shape: layer.shape, rows: rows).cases
        case let layer as BatchNorm
        where layer.output.shape.pixels > 1:
          norms.append(NormCases(layer, rows: rows))
        default: others += Self.cases(of: layer, rows: rows)
        }
      }
    }
    convolutions = Self.distinct(shapes) { $0 }
    norms = Self.distinct(norms) { $0 }
    let dimension = networks.first?.embeddingCount ?? 512
    let all =
      convolutions.flatMap { ConvolutionCases(shape: $0, rows: rows).cases }
      + norms.flatMap(\.cases) + norms.map(\.statistics)
      + others + DenseCases.head(classes: classes, dimension: dimension, rows: rows)
      + DenseCases.distances(faces: min(classes, 1800), dimension: dimension)
      + VectorCases.all(count: vectorCount)
    cases = Self.distinct(all) { $0.name }
  }

  /// The kernels of a layer that is neither convolution nor batch norm.
  private static func cases(of layer: any Layer, rows: Int) -> [KernelCase] {
    let shape = layer.inputs[0].shape
    let elementwise = ElementwiseCases(shape: shape, rows: rows)
    switch layer.operations[0] {
    case .maxPool(let window, let stride, let padding):
      return PoolingCases.max(shape, window: window, stride: stride, padding: padding, rows: rows)
    case .l2Pool(let window, let stride, let padding):
      return PoolingCases.l2(shape, window: window, stride: stride, padding: padding, rows: rows)
    case .averagePool: return PoolingCases.average(shape, rows: rows)
    case .linear:
      return DenseCases.linear(
        inputs: shape.count, outputs: layer.output.shape.count, rows: rows)
    case .bias: return elementwise.bias(layer.operations)
    case .maxout(let pieces): return elementwise.maxout(pieces: pieces)
    case .responseNorm(let size, let alpha, let bias):
      return elementwise.responseNorm(size: size, alpha: alpha, bias: bias)
    case .dropout: return elementwise.dropout
    case .convolution, .batchNorm, .scale, .add, .relu, .prelu: return []
    }
  }

  /// The elements whose key has not come before.
  private static func distinct<Element, Key: Hashable>(
    _ elements: [Element], by key: (Element) -> Key
  ) -> [Element] {
    var seen: Set<Key> = []
    return elements.filter { seen.insert(key($0)).inserted }
  }
}
