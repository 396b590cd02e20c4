internal import Datasets
package import Networks

extension RunConfiguration {
  /// The network that the options of the model mean, for microbatches of at most `microbatch`.
  package func makeNetwork() -> Network {
    model.network(
      image: MapShape(height: imageSize.height, width: imageSize.width, channels: 3),
      maximumRows: min(microbatch, batch),
      options: ModelOptions(
        embedding: embedding ?? model.embedding, dropout: dropout ?? model.dropout, width: width,
        batchNorm: batchNorm, pooling: pooling))
  }
}
