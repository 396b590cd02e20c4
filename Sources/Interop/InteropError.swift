internal import Datasets

/// Weights that cannot be taken, given or gone on from: which, and what to do.
package enum InteropError: Error, Equatable, CustomStringConvertible {
  case contradiction(path: String, key: String, given: String, stored: String)
  case unknownInput(path: String)
  case noModel(path: String)
  case missing(path: String, model: String, tensors: [String])
  case deeper(path: String, model: String, tensors: [String])
  case severalNetworks(path: String, prefixes: [String])
  case noPrefix(path: String, prefix: String, found: [String])
  case noPrefixOfGraph(path: String)
  case otherShape(path: String, tensor: String, found: [Int], expected: [Int])
  case notOne(path: String, tensor: String)
  case notFinite(path: String, tensor: String)
  case noFloats(path: String, tensor: String)
  case alreadyCheckpoint(path: String)
  case otherEnding(path: String, ending: String)

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
    case .deeper(let path, let model, let tensors):
      "\(path) has \(tensors.count) tensors more of blocks as \(model) has them, such as "
        + "'\(tensors[0])': its network is a deeper one; check --model"
    case .severalNetworks(let path, let prefixes):
      "\(path) holds \(prefixes.count) networks with these names, under "
        + Self.list(prefixes) + "; say with --prefix which one to take"
    case .noPrefix(let path, let prefix, let found):
      "--prefix \(prefix): \(path) has no network there; "
        + (found.isEmpty
          ? "none of its tensors is called as the model's" : "try \(Self.list(found))")
    case .noPrefixOfGraph(let path):
      "--prefix: \(path) is an ONNX model, whose weights are found by its structure; leave it out"
    case .otherShape(let path, let tensor, let found, let expected):
      "\(path): '\(tensor)' is \(found), the network wants \(expected); check --model, "
        + "--image-size, --width and --embedding"
    case .notOne(let path, let tensor):
      "\(path): '\(tensor)' is not 1 everywhere, which this network's last batch norm has fixed"
    case .notFinite(let path, let tensor):
      "\(path): '\(tensor)' holds numbers that are none, or a negative variance"
    case .noFloats(let path, let tensor):
      "\(path): '\(tensor)' is of whole numbers; weights are floats, and those of a quantised network "
        + "have their scales elsewhere: save the network that it was made of"
    case .alreadyCheckpoint(let path):
      "\(path) is a checkpoint of ddp-train already; use it as it is"
    case .otherEnding(let path, let ending):
      "--out \(path): import writes a checkpoint, which is a safetensors file, and its name would "
        + "say '\(ending)'; give NAME.safetensors"
    }
  }

  private static func list(_ prefixes: [String]) -> String {
    prefixes.prefix(8).map { "'\($0)'" }.joined(separator: ", ")
  }
}
