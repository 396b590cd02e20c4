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
  static let configurationKeys = [
    "model", "image-size", "normalize", "width", "embedding", "batch-norm", "pooling",
  ]

  /// What a file of weights of that configuration says beside them.
  static func metadata(
    of configuration: RunConfiguration, embedding: Int, channels: ChannelOrder
  ) -> [String: String] {
    var metadata = [prefix + channelsKey: channels.rawValue]
    for key in configurationKeys { metadata[prefix + key] = configuration.text(of: key) }
    metadata[prefix + "embedding"] = String(embedding)
    return metadata
  }
}

/// Weights that cannot be taken, given or gone on from: which, and what to do.
package enum InteropError: Error, Equatable, CustomStringConvertible {
  case contradiction(path: String, key: String, given: String, stored: String)
  case unknownInput(path: String)
  case noModel(path: String)
  case missing(path: String, model: String, tensors: [String])
  case otherShape(path: String, tensor: String, found: [Int], expected: [Int])
  case notOne(path: String, tensor: String)
  case notFinite(path: String, tensor: String)
  case alreadyCheckpoint(path: String)
  case otherNetwork(path: String, differences: [String])

  package var description: String {
    switch self {
    case .contradiction(let path, let key, let given, let stored):
      "--\(key) \(given): \(path) says that its network has \(key) \(stored); leave the option out"
    case .unknownInput(let path):
      "\(path) does not say what its network was trained on: give --normalize ("
        + Normalization.allCases.map(\.rawValue).joined(separator: ", ")
        + ") and --channels (rgb, or bgr as OpenCV reads); insightface's networks take half and rgb, "
        + "facenet-pytorch's facenet and rgb, torchvision's imagenet and rgb"
    case .noModel(let path): "\(path) does not say which network it is of; give --model"
    case .missing(let path, let model, let tensors):
      "\(path) has no \(tensors.prefix(3).map { "'\($0)'" }.joined(separator: ", "))"
        + (tensors.count > 3 ? " and \(tensors.count - 3) more tensors" : "")
        + " of \(model); check --model"
    case .otherShape(let path, let tensor, let found, let expected):
      "\(path): '\(tensor)' is \(found), the network wants \(expected); check --model, "
        + "--image-size, --width and --embedding"
    case .notOne(let path, let tensor):
      "\(path): '\(tensor)' is not 1 everywhere, which this network's last batch norm has fixed"
    case .notFinite(let path, let tensor):
      "\(path): '\(tensor)' holds numbers that are none, or a negative variance"
    case .alreadyCheckpoint(let path):
      "\(path) is a checkpoint of ddp-train already; use it as it is"
    case .otherNetwork(let path, let differences):
      "--init \(path): its network is not the one to be trained: "
        + differences.joined(separator: ", ") + "; set them as they were"
    }
  }
}
