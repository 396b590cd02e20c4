/// Reads the messages of onnx.proto, as far as networks for images need them.
struct ONNXReader {
  /// A sound file that holds what is not read, in words.
  struct Refusal: Error {
    let message: String
  }

  struct Model {
    var graph: ONNXGraph
    var opset = 0
    var metadata: [String: String] = [:]
  }

  private let bytes: [UInt8]
  /// How many more names, numbers and messages may be kept: what memory they take is bounded by the
  /// size of the file.
  private var room: Int

  /// Texts longer than this are no names.
  private static let longestName = 4096
  private static let mostDimensions = 8

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    room = 4096 + bytes.count / 48
  }

  private func problem(_ message: String) -> ProtobufReader.Problem {
    ProtobufReader.Problem(message: message)
  }

  /// Counts what is kept against the room for it.
  private mutating func keep(_ count: Int = 1) throws {
    room -= count
    guard room >= 0 else {
      throw problem("its graph has more parts than a file of \(bytes.count) bytes should have")
    }
  }

  // MARK: The model and its graph

  /// All of the file; throws `ProtobufReader.Problem` and `Refusal`.
  mutating func model() throws -> Model {
    var reader = ProtobufReader(bytes, bytes.indices)
    var model = Model(graph: ONNXGraph())
    var hasGraph = false
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (7, .bytes(let range)):
        guard !hasGraph else { throw problem("it has two graphs") }
        model.graph = try graph(range)
        hasGraph = true
      case (8, .bytes(let range)): if let opset = try opset(range) { model.opset = opset }
      case (14, .bytes(let range)):
        let (key, value) = try pair(range)
        model.metadata[key] = value
      case (7, _), (8, _), (14, _): throw problem("the field at byte \(field.place) has no message")
      default: break
      }
    }
    guard hasGraph else { throw problem("it has no graph") }
    guard model.opset > 0 else { throw problem("it does not say which operators it uses") }
    return model
  }

  /// The version of ONNX's own operators; nil for another set.
  private mutating func opset(_ range: Range<Int>) throws -> Int? {
    var reader = ProtobufReader(bytes, range)
    var (domain, version) = ("", 0)
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let range)): domain = try text(range)
      case (2, .variable(let value)): version = Int(truncatingIfNeeded: value)
      default: break
      }
    }
    return domain.isEmpty || domain == "ai.onnx" ? version : nil
  }

  private mutating func pair(_ range: Range<Int>) throws -> (String, String) {
    var reader = ProtobufReader(bytes, range)
    var (key, value) = ("", "")
    try keep(4)
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let range)): key = try text(range)
      case (2, .bytes(let range)): value = try text(range, limit: 1 << 16)
      default: break
      }
    }
    return (key, value)
  }

  private mutating func graph(_ range: Range<Int>) throws -> ONNXGraph {
    var reader = ProtobufReader(bytes, range)
    var graph = ONNXGraph()
    while let field = try reader.next() {
      guard case .bytes(let range) = field.value else {
        if [1, 2, 5, 11, 12, 15].contains(field.number) {
          throw problem("the field at byte \(field.place) has no message")
        }
        continue
      }
      switch field.number {
      case 1: graph.nodes.append(try node(range))
      case 2: graph.name = try text(range)
      case 5: graph.tensors.append(try tensor(range))
      case 11: graph.inputs.append(try port(range))
      case 12: graph.outputs.append(try port(range))
      case 15: throw Refusal(message: "sparse tensors; save its weights as they are")
      default: break
      }
    }
    // Files of IR version 3 name fixed tensors among the inputs too.
    let fixed = Set(graph.tensors.map(\.name))
    graph.inputs.removeAll { fixed.contains($0.name) }
    return graph
  }

  private mutating func node(_ range: Range<Int>) throws -> ONNXGraph.Node {
    var reader = ProtobufReader(bytes, range)
    var (name, operation, domain) = ("", "", "")
    var (inputs, outputs): ([String], [String]) = ([], [])
    var attributes: [String: ONNXGraph.Attribute] = [:]
    try keep(2)
    while let field = try reader.next() {
      guard case .bytes(let range) = field.value else { continue }
      switch field.number {
      case 1: inputs.append(try text(range))
      case 2: outputs.append(try text(range))
      case 3: name = try text(range)
      case 4: operation = try text(range)
      case 5:
        let (key, value) = try attribute(range)
        attributes[key] = value
      case 7: domain = try text(range)
      default: break
      }
    }
    guard !operation.isEmpty else {
      throw problem("the node at byte \(range.lowerBound) is of no operator")
    }
    return ONNXGraph.Node(
      name: name, operation: operation, domain: domain == "ai.onnx" ? "" : domain, inputs: inputs,
      outputs: outputs, attributes: attributes)
  }

  private mutating func attribute(
    _ range: Range<Int>
  ) throws -> (String, ONNXGraph.Attribute) {
    var reader = ProtobufReader(bytes, range)
    var (name, kind) = ("", 0)
    var (integer, float) = (0, Float(0))
    var text = ""
    var (integers, floats): ([Int], [Float]) = ([], [])
    var tensor: ONNXTensor?
    try keep(3)
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let range)): name = try self.text(range)
      case (2, .fixed32(let bits)): float = Float(bitPattern: bits)
      case (3, .variable(let value)): integer = Int(truncatingIfNeeded: value)
      case (4, .bytes(let range)): text = try self.text(range, limit: 1 << 16)
      case (5, .bytes(let range)): tensor = try self.tensor(range)
      case (7, let value):
        try each(value, fixed: true) {
          floats.append(Float(bitPattern: UInt32(truncatingIfNeeded: $0)))
        }
      case (8, let value): try each(value) { integers.append(Int(truncatingIfNeeded: $0)) }
      case (20, .variable(let value)): kind = Int(truncatingIfNeeded: value)
      default: break
      }
    }
    let value: ONNXGraph.Attribute =
      switch kind {
      case 1: .float(float)
      case 2: .integer(integer)
      case 3: .text(text)
      case 4: tensor.map { .tensor($0) } ?? .other
      case 6: .floats(floats)
      case 7: .integers(integers)
      default: .other
      }
    return (name, value)
  }

  /// Calls `body` with the one number of a field, or with each that it packs; all are kept.
  private mutating func each(
    _ value: ProtobufReader.Value, fixed: Bool = false, _ body: (UInt64) -> Void
  ) throws {
    switch value {
    case .variable(let number) where !fixed:
      try keep()
      body(number)
    case .fixed32(let bits) where fixed:
      try keep()
      body(UInt64(bits))
    case .bytes(let range):
      var reader = ProtobufReader(bytes, range)
      while !reader.isAtEnd {
        try keep()
        body(fixed ? UInt64(try reader.fixed(UInt32.self)) : try reader.variable())
      }
    default: throw problem("a list of numbers holds something else")
    }
  }

  private mutating func port(_ range: Range<Int>) throws -> ONNXGraph.Port {
    var reader = ProtobufReader(bytes, range)
    var name = ""
    var shape: [Int?] = []
    try keep()
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let range)): name = try text(range)
      // TypeProto: tensor_type, TypeProto.Tensor: shape, TensorShapeProto: dim.
      case (2, .bytes(let range)):
        for tensor in try messages(1, in: range) {
          for sides in try messages(2, in: tensor) {
            for side in try messages(1, in: sides) { shape.append(try dimension(side)) }
          }
        }
      default: break
      }
    }
    return ONNXGraph.Port(name: name, shape: shape)
  }

  private mutating func dimension(_ range: Range<Int>) throws -> Int? {
    var reader = ProtobufReader(bytes, range)
    var side: Int?
    while let field = try reader.next() {
      if field.number == 1, case .variable(let value) = field.value {
        side = Int(exactly: Int64(bitPattern: value)).flatMap { $0 > 0 ? $0 : nil }
      }
    }
    return side
  }

  /// Where the messages of field `number` of the message in `range` are.
  private mutating func messages(_ number: Int, in range: Range<Int>) throws -> [Range<Int>] {
    var reader = ProtobufReader(bytes, range)
    var found: [Range<Int>] = []
    while let field = try reader.next() {
      if field.number == number, case .bytes(let range) = field.value {
        try keep()
        found.append(range)
      }
    }
    return found
  }

  private mutating func text(_ range: Range<Int>, limit: Int = longestName) throws -> String {
    try keep()
    guard range.count <= limit else {
      throw problem("the text at byte \(range.lowerBound) has \(range.count) bytes")
    }
    guard let text = String(validating: bytes[range], as: UTF8.self) else {
      throw problem("the text at byte \(range.lowerBound) is not UTF-8")
    }
    return text
  }

  // MARK: Tensors

  /// The types of elements by their numbers in onnx.proto.
  private static let types: [Int: ElementType] = [
    1: .float32, 2: .uint8, 3: .int8, 4: .uint16, 5: .int16, 6: .int32, 7: .int64, 9: .bool,
    10: .float16, 11: .float64, 12: .uint32, 13: .uint64, 16: .bfloat16,
  ]

  /// A tensor whose numbers are all there; they stay where they are.
  private mutating func tensor(_ range: Range<Int>) throws -> ONNXTensor {
    var reader = ProtobufReader(bytes, range)
    var (name, number) = ("", 0)
    var shape: [Int] = []
    try keep()
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1, let value): try each(value) { shape.append(Int(truncatingIfNeeded: $0)) }
      case (2, .variable(let value)): number = Int(truncatingIfNeeded: value)
      case (3, _): throw Refusal(message: "tensors in segments; save it in one piece")
      case (8, .bytes(let range)): name = try text(range)
      case (13, _), (14, .variable(1)):
        throw Refusal(
          message: "weights that lie in other files beside it (external data); save it as one "
            + "file, onnx.save(model, path, save_as_external_data=False)")
      default: break
      }
    }
    guard let type = Self.types[number] else {
      throw Refusal(message: "tensor '\(name)' of the element type \(number) of onnx.proto")
    }
    guard shape.count <= Self.mostDimensions, let count = type.count(shape) else {
      throw problem("tensor '\(name)' has the shape \(shape.prefix(Self.mostDimensions + 1))")
    }
    let stored = try ONNXNumbers.count(in: range, of: bytes, as: type)
    guard stored == count else {
      throw problem("tensor '\(name)' has the shape \(shape) and \(stored) numbers")
    }
    return ONNXTensor(name: name, shape: shape, count: count, type: type, message: range)
  }
}
