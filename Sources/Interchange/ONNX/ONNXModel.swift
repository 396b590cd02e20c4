private import Preconditions

/// An ONNX model (onnx.proto of ONNX 1.x, IR version 7, opset 13) of floats: one input of images,
/// one output, nodes in between.
package struct ONNXModel {
  /// An attribute of a node.
  package enum Attribute: Sendable, Equatable {
    case integer(Int)
    case integers([Int])
    case float(Float)
  }

  /// A value of fixed numbers.
  package struct Tensor: Sendable {
    /// By which nodes name it.
    package let name: String
    /// Dimensions, the slowest first.
    package let shape: [Int]
    /// The numbers in C order.
    package let values: Values

    /// The numbers of a tensor.
    package enum Values: Sendable {
      case floats([Float])
      case integers([Int64])
    }
  }

  /// A named value at the edge of the graph: [N, sizes...].
  package struct Port: Sendable {
    /// By which nodes name it.
    package let name: String
    /// Dimensions behind the batch.
    package let sizes: [Int]

    package init(name: String, sizes: [Int]) {
      self.name = name
      self.sizes = sizes
    }
  }

  private struct Node {
    let operation, name: String
    var inputs, outputs: [String]
    let attributes: [(String, Attribute)]
  }

  /// The operator set whose operators are written.
  package static let opset = 13
  static let formatVersion = 7
  /// The largest message of Protocol Buffers.
  static let byteLimit = 0x7FFF_FFFF

  /// The name of the graph.
  package let name: String
  /// The version of the program that writes it.
  package let producerVersion: String
  /// What the graph reads.
  package let input: Port
  /// What the graph gives.
  package private(set) var output: Port
  /// Strings beside the graph.
  package var metadata: [String: String] = [:]
  private var nodes: [Node] = []
  private var tensors: [Tensor] = []
  private var tensorNames: Set<String> = []
  private var nodeNames: [String: Int] = [:]

  /// A graph without nodes, whose output is to be named.
  package init(name: String, producerVersion: String, input: Port, output: Port) {
    self.name = name
    self.producerVersion = producerVersion
    self.input = input
    self.output = output
  }

  /// Adds fixed floats [shape] and returns their name.
  package mutating func add(_ name: String, shape: [Int], floats: [Float]) -> String {
    require(
      shape.reduce(1, *) == floats.count,
      "ONNXModel: '\(name)' has the shape \(shape) and \(floats.count) elements")
    return add(Tensor(name: name, shape: shape, values: .floats(floats)))
  }

  /// Adds fixed integers [count] and returns their name.
  package mutating func add(_ name: String, integers: [Int64]) -> String {
    add(Tensor(name: name, shape: [integers.count], values: .integers(integers)))
  }

  private mutating func add(_ tensor: Tensor) -> String {
    require(
      tensorNames.insert(tensor.name).inserted, "ONNXModel: two tensors are named \(tensor.name)")
    tensors.append(tensor)
    return tensor.name
  }

  /// Adds a node and returns its outputs' names.
  @discardableResult
  package mutating func add(
    _ operation: String, _ inputs: [String], outputs: Int = 1,
    _ attributes: KeyValuePairs<String, Attribute> = [:]
  ) -> [String] {
    let number = nodeNames[operation, default: 0]
    nodeNames[operation] = number + 1
    let name = "\(operation)_\(number)"
    let names = (0..<outputs).map { "\(name)_\($0)" }
    nodes.append(
      Node(
        operation: operation, name: name, inputs: inputs, outputs: names,
        attributes: attributes.map { ($0.key, $0.value) }))
    return names
  }

  /// Makes `value` the graph's output, under the name of its port.
  package mutating func setOutput(_ value: String) {
    for i in nodes.indices {
      nodes[i].inputs = nodes[i].inputs.map { $0 == value ? output.name : $0 }
      nodes[i].outputs = nodes[i].outputs.map { $0 == value ? output.name : $0 }
    }
  }

  /// Writes the model to `path`, whole or not at all; throws `InterchangeError.unwritable`.
  package func write(to path: String) throws {
    // Tensors are the bulk: their messages are announced here and follow without a copy.
    var head = ProtobufWriter()
    head.integer(1, Self.formatVersion)
    head.text(2, "ddp-train")
    head.text(3, producerVersion)
    let opening = openingOfGraph()
    let closing = closingOfGraph()
    let headers = tensors.map(Self.header)
    let initializers = zip(headers, tensors).map { header, tensor in
      var field = ProtobufWriter()
      field.openBytes(5, byteCount: header.count + tensor.byteCount)
      return field.bytes + header
    }
    let graphCount =
      opening.count + closing.count
      + zip(initializers, tensors).reduce(0) { $0 + $1.0.count + $1.1.byteCount }
    guard graphCount < Self.byteLimit - 65_536 else {
      throw InterchangeError.unwritable(
        path: path, reason: "the model has \(graphCount) bytes, and ONNX files end at 2 GiB")
    }
    head.openBytes(7, byteCount: graphCount)
    let file = try AtomicFile(path: path)
    try file.append(head.bytes)
    try file.append(opening)
    for (field, tensor) in zip(initializers, tensors) {
      try file.append(field)
      switch tensor.values {
      case .floats(let values): try values.withUnsafeBytes { try file.append($0) }
      case .integers(let values): try values.withUnsafeBytes { try file.append($0) }
      }
    }
    try file.append(closing)
    try file.append(tail())
    try file.commit()
  }

  // MARK: Messages

  /// The nodes and the name of the graph.
  private func openingOfGraph() -> [UInt8] {
    var graph = ProtobufWriter()
    for node in nodes {
      graph.message(1) { message in
        for input in node.inputs { message.text(1, input) }
        for output in node.outputs { message.text(2, output) }
        message.text(3, node.name)
        message.text(4, node.operation)
        for (name, attribute) in node.attributes {
          message.message(5) { Self.write(attribute, name, to: &$0) }
        }
      }
    }
    graph.text(2, name)
    return graph.bytes
  }

  private func closingOfGraph() -> [UInt8] {
    var graph = ProtobufWriter()
    for (field, port) in [(11, input), (12, output)] {
      graph.message(field) { value in
        value.text(1, port.name)
        value.message(2) { type in
          type.message(1) { tensor in
            tensor.integer(1, 1)
            tensor.message(2) { shape in
              shape.message(1) { $0.text(2, "N") }
              for size in port.sizes { shape.message(1) { $0.integer(1, size) } }
            }
          }
        }
      }
    }
    return graph.bytes
  }

  private func tail() -> [UInt8] {
    var model = ProtobufWriter()
    model.message(8) {
      $0.text(1, "")
      $0.integer(2, Self.opset)
    }
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      model.message(14) {
        $0.text(1, key)
        $0.text(2, value)
      }
    }
    return model.bytes
  }

  /// All of a tensor's message but the numbers, which are its last field.
  private static func header(_ tensor: Tensor) -> [UInt8] {
    var message = ProtobufWriter()
    for side in tensor.shape { message.integer(1, side) }
    switch tensor.values {
    case .floats: message.integer(2, 1)
    case .integers: message.integer(2, 7)
    }
    message.text(8, tensor.name)
    message.openBytes(9, byteCount: tensor.byteCount)
    return message.bytes
  }

  private static func write(
    _ attribute: Attribute, _ name: String, to message: inout ProtobufWriter
  ) {
    message.text(1, name)
    switch attribute {
    case .float(let value):
      message.float(2, value)
      message.integer(20, 1)
    case .integer(let value):
      message.integer(3, value)
      message.integer(20, 2)
    case .integers(let values):
      for value in values { message.integer(8, value) }
      message.integer(20, 7)
    }
  }
}

extension ONNXModel.Tensor {
  /// Bytes of the numbers.
  var byteCount: Int {
    switch values {
    case .floats(let values): 4 * values.count
    case .integers(let values): 8 * values.count
    }
  }
}
