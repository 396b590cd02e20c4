package import Interchange
package import Networks

/// The weights of an ONNX graph that computes what a network of this program does, under that
/// network's names.
///
/// What names the file has does not matter: the graph is compared with the network node by node,
/// and each of its fixed tensors is the one that stands in the network's place. Batch norms that an
/// exporter has put into the products before them (as torch.onnx does with those behind
/// convolutions) become ones that only add: mean 0, variance 1 - epsilon, scale 1.
package final class ONNXWeights: TensorArchive {
  package let path: String
  package let names: [String]
  package let metadata: [String: String]
  /// Batch norms that lie in the products before them.
  package let foldedCount: Int
  /// Whether the graph divides its embeddings by their length, which the network does not.
  package let endsInLength: Bool
  private let file: ONNXFile
  private let tensors: [String: MatchedTensor]

  /// Finds `network` in `file`. A graph that normalises its images itself must do what
  /// `normalization` does, scale and offset of a byte by channel; nil stands for each image's own
  /// mean and deviation. Throws `InterchangeError` with the node at which the graph is another
  /// network's.
  package init(
    _ file: ONNXFile, of network: Network, normalization: (scale: [Double], offset: [Double])?
  ) throws {
    var matcher = try GraphMatcher(file, network)
    try matcher.match(normalization: normalization)
    (path, metadata, self.file) = (file.path, file.metadata, file)
    (tensors, foldedCount) = (matcher.tensors, matcher.foldedCount)
    endsInLength = matcher.endsInLength
    names = matcher.tensors.keys.sorted()
  }

  /// Height and width of the images of `file`, where it fixes them.
  package static func imageSize(of file: ONNXFile) -> (height: Int, width: Int)? {
    guard file.graph.inputs.count == 1, case let shape = file.graph.inputs[0].shape,
      shape.count == 4, let height = shape[2], let width = shape[3]
    else { return nil }
    return (height, width)
  }

  /// The length of the embeddings of `file`, by its last matrix; nil where it has none.
  package static func embeddingCount(of file: ONNXFile) -> Int? {
    for node in file.graph.nodes.reversed() where node.inputs.count > 1 {
      guard let shape = file.tensor(named: node.inputs[1])?.shape, shape.count == 2 else {
        continue
      }
      switch node.operation {
      case "Gemm": return node.attributes["transB"] == .integer(1) ? shape[0] : shape[1]
      case "MatMul": return shape[1]
      default: continue
      }
    }
    return nil
  }

  package func shape(of name: String) -> [Int]? { tensors[name]?.shape }

  package func holdsFloats(_ name: String) -> Bool { tensors[name] != nil }

  package func elements(of name: String) throws -> [Float] {
    guard let tensor = tensors[name] else {
      throw InterchangeError.malformed(path: path, reason: "it has no '\(name)'")
    }
    return tensor.elements(in: file)
  }
}

/// A tensor of a network in terms of what an ONNX file holds.
struct MatchedTensor {
  enum Numbers {
    case stored(ONNXTensor)
    case filled(Float)
  }

  /// As the network has it.
  let shape: [Int]
  let numbers: Numbers
  /// Each number is multiplied by it, and then has `addend` added.
  var factor = 1.0
  var addend = 0.0
  /// Whether the file has the columns of the matrix as rows.
  var isTransposed = false

  /// The numbers in C order.
  func elements(in file: ONNXFile) -> [Float] {
    let count = shape.reduce(1, *)
    var values: [Float]
    switch numbers {
    case .filled(let value): values = [Float](repeating: value, count: count)
    case .stored(let tensor): values = file.floats(of: tensor)
    }
    if isTransposed {
      let (rows, columns) = (shape[0], shape[1])
      values = [Float](unsafeUninitializedCapacity: count) { place, initialized in
        for row in 0..<rows {
          for column in 0..<columns { place[row * columns + column] = values[column * rows + row] }
        }
        initialized = count
      }
    }
    guard factor != 1 || addend != 0 else { return values }
    return values.map { Float(Double($0) * factor + addend) }
  }
}
