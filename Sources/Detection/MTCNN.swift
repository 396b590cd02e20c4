internal import Determinism
internal import Inference
internal import Interchange

/// MTCNN (Zhang, Zhang, Li and Qiao, 2016), three networks that propose boxes of faces, sort them
/// out and place five points, from the state dicts that facenet-pytorch ships.
final class MTCNN: Sendable {
  /// The state dicts of P-Net, R-Net and O-Net in its folder.
  static let fileNames = ["pnet.pt", "rnet.pt", "onet.pt"]

  /// A hash of all weights.
  let hash: UInt64
  /// P-Net on an image of any size: `score` [2, H, W] and `box` [4, H, W] of windows of 12 pixels.
  let proposal: InferenceGraph
  /// R-Net on an image of 24 pixels, O-Net on one of 48: `score` [2], `box` [4], the latter
  /// `points` [10] too.
  let refinement, output: InferenceGraph

  /// Reads the three files of `folder`; throws `InterchangeError`, also where one of them is not
  /// there or holds other tensors.
  init(folder: String) throws {
    for name in Self.fileNames where !FilePlace.exists(folder + "/" + name) {
      throw InterchangeError.foreign(
        path: folder,
        reason:
          "is a folder without \(name): MTCNN's holds \(Self.fileNames.joined(separator: ", "))"
          + "; docs/data.md says where they are published")
    }
    var file = try MTCNNFile(path: folder + "/" + Self.fileNames[0])
    try file.convolve(GraphLayers.image, "conv1", [10, 3, 3, 3], slopes: "prelu1")
    file.maxPool("conv1", window: 2, as: "pool1")
    try file.convolve("pool1", "conv2", [16, 10, 3, 3], slopes: "prelu2")
    try file.convolve("conv2", "conv3", [32, 16, 3, 3], slopes: "prelu3")
    try file.convolve("conv3", "conv4_1", [2, 32, 1, 1], as: "score")
    try file.convolve("conv3", "conv4_2", [4, 32, 1, 1], as: "box")
    proposal = try file.graph(["score", "box"])
    var hash = file.hash

    file = try MTCNNFile(path: folder + "/" + Self.fileNames[1], seed: hash)
    try file.convolve(GraphLayers.image, "conv1", [28, 3, 3, 3], slopes: "prelu1")
    file.maxPool("conv1", window: 3, as: "pool1")
    try file.convolve("pool1", "conv2", [48, 28, 3, 3], slopes: "prelu2")
    file.maxPool("conv2", window: 3, as: "pool2")
    try file.convolve("pool2", "conv3", [64, 48, 2, 2], slopes: "prelu3")
    try file.connect("conv3", "dense4", [128, 64, 3, 3], slopes: "prelu4")
    try file.connect("dense4", "dense5_1", [2, 128, 1, 1], as: "score")
    try file.connect("dense4", "dense5_2", [4, 128, 1, 1], as: "box")
    refinement = try file.graph(["score", "box"])
    hash = file.hash

    file = try MTCNNFile(path: folder + "/" + Self.fileNames[2], seed: hash)
    try file.convolve(GraphLayers.image, "conv1", [32, 3, 3, 3], slopes: "prelu1")
    file.maxPool("conv1", window: 3, as: "pool1")
    try file.convolve("pool1", "conv2", [64, 32, 3, 3], slopes: "prelu2")
    file.maxPool("conv2", window: 3, as: "pool2")
    try file.convolve("pool2", "conv3", [64, 64, 3, 3], slopes: "prelu3")
    file.maxPool("conv3", window: 2, as: "pool3")
    try file.convolve("pool3", "conv4", [128, 64, 2, 2], slopes: "prelu4")
    try file.connect("conv4", "dense5", [256, 128, 3, 3], slopes: "prelu5")
    try file.connect("dense5", "dense6_1", [2, 256, 1, 1], as: "score")
    try file.connect("dense5", "dense6_2", [4, 256, 1, 1], as: "box")
    try file.connect("dense5", "dense6_3", [10, 256, 1, 1], as: "points")
    output = try file.graph(["score", "box", "points"])
    self.hash = file.hash
  }
}

/// A state dict of one of MTCNN's networks as the layers that read it.
private struct MTCNNFile {
  private let file: PyTorchFile
  private var layers: GraphLayers
  /// Tensors that are read.
  private var taken: Set<String> = []
  /// Of the weights that are read so far.
  private(set) var hash: UInt64

  /// Opens the file at `path`; its hash goes on from `seed`. Throws `InterchangeError`.
  init(path: String, seed: UInt64 = 0) throws {
    file = try PyTorchFile(path: path)
    layers = GraphLayers(path: path)
    hash = seed
  }

  /// The convolution `name` of weights [K, C, R, S], with the PReLU `slopes` behind it.
  mutating func convolve(
    _ input: String, _ name: String, _ shape: [Int], slopes: String? = nil, as output: String? = nil
  ) throws {
    let weights = try tensor(name + ".weight", shape)
    try add(input, name, weights, shape, slopes, output)
  }

  /// The dense layer `name` of weights [K, S R C], as the convolution [K, C, R, S] of a map of
  /// that size: columns come before rows and rows before channels.
  mutating func connect(
    _ input: String, _ name: String, _ shape: [Int], slopes: String? = nil, as output: String? = nil
  ) throws {
    let (channels, rows, columns) = (shape[1], shape[2], shape[3])
    let count = channels * rows * columns
    let dense = try tensor(name + ".weight", [shape[0], count])
    var weights = dense
    for k in 0..<shape[0] {
      for c in 0..<channels {
        for r in 0..<rows {
          for s in 0..<columns {
            weights[k * count + (c * rows + r) * columns + s] =
              dense[k * count + (s * rows + r) * channels + c]
          }
        }
      }
    }
    try add(input, name, weights, shape, slopes, output)
  }

  mutating func maxPool(_ input: String, window: Int, as output: String) {
    layers.maxPool(input, window: window, stride: 2, as: output)
  }

  private mutating func add(
    _ input: String, _ name: String, _ weights: [Float], _ shape: [Int], _ slopes: String?,
    _ output: String?
  ) throws {
    let bias = try tensor(name + ".bias", [shape[0]])
    let slopes = try slopes.map { try tensor($0 + ".weight", [shape[0]]) }
    layers.convolve(
      input, weights: weights, shape: shape, bias: bias, slopes: slopes, as: output ?? name)
  }

  /// The network of the layers; throws `InterchangeError` where the file holds more than they read.
  func graph(_ outputs: [String]) throws -> InferenceGraph {
    if let other = file.names.first(where: { !taken.contains($0) }) {
      throw refusal("a tensor '\(other.prefix(200))', which MTCNN's does not have")
    }
    return InferenceGraph(layers, channels: 3, outputs: outputs)
  }

  private mutating func tensor(_ name: String, _ shape: [Int]) throws -> [Float] {
    guard let found = file.shape(of: name) else { throw refusal("no tensor '\(name)' \(shape)") }
    guard found == shape else {
      throw refusal("a tensor '\(name)' \(found.prefix(8)), where MTCNN's is \(shape)")
    }
    guard file.holdsFloats(name) else { throw refusal("a tensor '\(name)' that is no floats") }
    taken.insert(name)
    let values = try file.elements(of: name)
    hash = values.withUnsafeBytes { Hash64.of($0, seed: hash) }
    return values
  }

  private func refusal(_ what: String) -> InterchangeError {
    .unsupported(
      path: file.path, reason: "\(what); docs/data.md says where its files are published")
  }
}
