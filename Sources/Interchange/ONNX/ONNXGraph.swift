/// A graph as an ONNX file has it (onnx.proto of ONNX 1.x): nodes in their order, fixed tensors,
/// and the values at its edges.
package struct ONNXGraph: Sendable {
  /// An operator at work.
  package struct Node: Sendable, Equatable {
    /// What it is called, for messages; may be empty.
    package let name: String
    /// The operator, such as `Conv`.
    package let operation: String
    /// The set that the operator is of; empty for ONNX's own.
    package let domain: String
    /// Names of what it reads; an empty one is left out.
    package let inputs: [String]
    /// Names of what it computes.
    package let outputs: [String]
    /// By name.
    package let attributes: [String: Attribute]

    /// What to call it in a message: "node 'Conv_3' (Conv)".
    package var title: String {
      "node '\(name.isEmpty ? outputs.first ?? "" : name)' (\(operation))"
    }
  }

  /// A setting of a node.
  package enum Attribute: Sendable, Equatable {
    case integer(Int)
    case integers([Int])
    case float(Float)
    case floats([Float])
    case text(String)
    case tensor(ONNXTensor)
    /// What is not read: graphs, sparse tensors, lists of texts.
    case other
  }

  /// A value at the edge of the graph.
  package struct Port: Sendable, Equatable {
    /// By which nodes name it.
    package let name: String
    /// Its dimensions where the file says them, nil for one that may be any.
    package let shape: [Int?]
  }

  /// What the file calls the graph.
  package internal(set) var name = ""
  /// What the graph is given, without fixed tensors.
  package internal(set) var inputs: [Port] = []
  /// What it gives.
  package internal(set) var outputs: [Port] = []
  /// In an order in which each reads what others before it have computed.
  package internal(set) var nodes: [Node] = []
  /// Fixed numbers, in the order of the file.
  package internal(set) var tensors: [ONNXTensor] = []
}

/// Fixed numbers of an ONNX file, which stay in it until `ONNXFile` is asked for them.
package struct ONNXTensor: Sendable, Hashable {
  /// By which nodes name it.
  package let name: String
  /// Dimensions, the slowest first; none of a single number.
  package let shape: [Int]
  /// Whether it is of floats of some size, not of whole numbers.
  package var isFloat: Bool { type.isFloat }
  /// The product of `shape`.
  package let count: Int
  let type: ElementType
  /// Where its message is in the file.
  let message: Range<Int>
}
