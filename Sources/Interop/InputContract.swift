internal import Configuration
internal import Datasets

/// The order in which a network reads the colours of its images.
package enum ChannelOrder: String, Sendable, CaseIterable {
  /// As this program's photos are.
  case rgb
  /// As OpenCV's are.
  case bgr
}

/// What travels with weights so that nobody has to guess what their network wants to be fed.
enum InputContract {
  /// Before the keys, where the strings of several programs stand side by side.
  static let prefix = "ddp-train."
  static let channelsKey = "channels"
  /// The options of a run that say what a network is and what it reads.
  static let options: [ConfigurationOption] = [
    .of(\.model), .of(\.imageSize), .of(\.normalize), .of(\.width), embedding, .of(\.batchNorm),
    .of(\.pooling),
  ]
  private static let embedding = ConfigurationOption.of(\.embedding)

  /// What a file of weights of that configuration says beside them.
  static func metadata(
    of configuration: RunConfiguration, embedding: Int, channels: ChannelOrder
  ) -> [String: String] {
    var metadata = [prefix + channelsKey: channels.rawValue]
    for option in options { metadata[prefix + option.name] = option.text(configuration) }
    metadata[prefix + self.embedding.name] = String(embedding)
    return metadata
  }
}
