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
        let before = layer.source.shape
        switch layer {
        case let layer as Convolution: shapes.append(layer.shape)
        case let layer as GroupedConvolution:
          others += GroupedCases(shape: layer.shape, rows: rows).cases
        case let layer as BatchNorm where before.pixels > 1 || layer.output.shape.pixels > 1:
          norms.append(NormCases(layer, rows: rows))
        case is MaxPool:
          if case .maxPool(let window, let stride, let padding) = layer.operation {
            others += PoolingCases.max(
              before, window: window, stride: stride, padding: padding, rows: rows)
          }
        case is GlobalAveragePool: others += PoolingCases.average(before, rows: rows)
        case is Linear:
          others += DenseCases.linear(
            inputs: before.count, outputs: layer.output.shape.count, rows: rows)
        default: break
        }
      }
    }
    convolutions = Self.distinct(shapes) { $0 }
    norms = Self.distinct(norms) { $0 }
    let dimension = networks.first?.embeddingCount ?? 512
    let all =
      convolutions.flatMap { ConvolutionCases(shape: $0, rows: rows).cases }
      + norms.flatMap(\.cases) + norms.map(\.statistics)
      + (norms.first { $0.activation == .prelu }?.apart ?? [])
      + others + DenseCases.head(classes: classes, dimension: dimension, rows: rows)
      + VectorCases.all(count: vectorCount)
    cases = Self.distinct(all) { $0.name }
  }

  /// The elements whose key has not come before.
  private static func distinct<Element, Key: Hashable>(
    _ elements: [Element], by key: (Element) -> Key
  ) -> [Element] {
    var seen: Set<Key> = []
    return elements.filter { seen.insert(key($0)).inserted }
  }
}
