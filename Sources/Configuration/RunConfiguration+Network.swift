internal import Datasets
package import Kernels
package import Networks

/// In what numbers products are computed, by its name in the options.
package typealias Precision = Kernels.Precision

extension RunConfiguration {
  /// The network that the options of the model mean, for microbatches of at most `microbatch`.
  package func makeNetwork() -> Network {
    model.network(
      image: MapShape(height: imageSize.height, width: imageSize.width, channels: 3),
      maximumRows: min(microbatch, batch),
      options: ModelOptions(
        embedding: embedding ?? model.embedding, dropout: dropout ?? model.dropout, width: width,
        batchNorm: batchNorm, pooling: pooling, precision: precision))
  }
}
