internal import Interchange

/// The nodes of an ONNX graph by the values that they read, as inference sees it: those that pass a
/// value on as it is are not there.
struct GraphView {
  /// A side of a shape that nodes compute.
  enum Side: Equatable {
    case batch
    case number(Int)
  }

  let nodes: [ONNXGraph.Node]
  private let file: ONNXFile
  /// Places of nodes by what they read.
  private var readers: [String: [Int]] = [:]
  /// The node that computes a value.
  private var makers: [String: Int] = [:]
  /// Values that are others, by those others.
  private var aliases: [String: String] = [:]
  private var constants: [String: ONNXTensor] = [:]
  private var isTaken: [Bool]

  /// The graph of `file`; throws `InterchangeError` where a value is computed twice.
  init(_ file: ONNXFile) throws {
    self.file = file
    nodes = file.graph.nodes
    isTaken = [Bool](repeating: false, count: nodes.count)
    for tensor in file.graph.tensors { constants[tensor.name] = tensor }
    var known = Set(file.graph.inputs.map(\.name)).union(constants.keys)
    for (place, node) in nodes.enumerated() {
      for output in node.outputs where !output.isEmpty {
        guard known.insert(output).inserted else {
          throw InterchangeError.malformed(
            path: file.path, reason: "\(node.title) computes '\(output)', which is there already")
        }
        makers[output] = place
      }
      if let output = node.outputs.first, !output.isEmpty, let same = passedOn(by: node) {
        aliases[output] = resolved(same)
        isTaken[place] = true
      } else if node.operation == "Constant", case .tensor(let tensor)? = node.attributes["value"] {
        if let output = node.outputs.first { constants[output] = tensor }
        isTaken[place] = true
      } else {
        for input in Set(node.inputs.map(resolved)) where !input.isEmpty {
          readers[input, default: []].append(place)
        }
      }
    }
  }

  /// The value that `node` passes on as it is in inference; nil of a node that computes.
  private func passedOn(by node: ONNXGraph.Node) -> String? {
    guard node.domain.isEmpty, let input = node.inputs.first else { return nil }
    switch node.operation {
    case "Identity", "Dropout": return input
    // To floats of 32, 16 and 64 bits, and to bfloat16.
    case "Cast":
      guard case .integer(let type)? = node.attributes["to"] else { return nil }
      return [1, 10, 11, 16].contains(type) ? input : nil
    default: return nil
    }
  }

  /// What computes the value called `name`, where it is another's under a name of its own.
  func resolved(_ name: String) -> String { aliases[name] ?? name }

  /// The nodes that read `value`, in the order of the file, without those that are taken.
  func readers(of value: String) -> [Int] { (readers[value] ?? []).filter { !isTaken[$0] } }

  /// The fixed tensor that a node reads as `name`; nil of a value that is computed.
  func constant(_ name: String) -> ONNXTensor? { constants[resolved(name)] }

  /// Notes that a node has its place in the network.
  mutating func take(_ node: Int) { isTaken[node] = true }

  /// The first node that has none.
  var left: ONNXGraph.Node? { isTaken.firstIndex(of: false).map { nodes[$0] } }

  /// What to call `value` in a message.
  func title(of value: String) -> String {
    makers[value].map { nodes[$0].title.brief } ?? "the image"
  }

  // MARK: What nodes say

  /// The first value that a node computes; no value is called as that of one that computes none.
  func output(of node: Int) -> String { nodes[node].outputs.first ?? "" }

  /// Whether `node` is of ONNX's own operator of that name.
  func isNode(_ node: Int, _ operation: String) -> Bool {
    nodes[node].operation == operation && nodes[node].domain.isEmpty
  }

  /// Whether the windows of `node` reach over `pads` and have no gaps.
  func isPlainWindow(_ node: Int, pads: [Int]) -> Bool {
    guard integers(node, "pads", else: [0, 0, 0, 0]) == pads,
      integers(node, "dilations", else: [1, 1]) == [1, 1]
    else { return false }
    guard let automatic = nodes[node].attributes["auto_pad"] else { return true }
    return automatic == .text("NOTSET")
  }

  /// A whole number that a node sets, or what it means where it sets none.
  func integer(_ node: Int, _ name: String, else usual: Int) -> Int? {
    guard let value = nodes[node].attributes[name] else { return usual }
    if case .integer(let value) = value { return value }
    return nil
  }

  /// Whole numbers that a node sets, or what it means where it sets none.
  func integers(_ node: Int, _ name: String, else usual: [Int]) -> [Int]? {
    guard let value = nodes[node].attributes[name] else { return usual }
    if case .integers(let values) = value { return values }
    return nil
  }

  /// A number that a node sets, or what it means where it sets none.
  func float(_ node: Int, _ name: String, else usual: Float) -> Float? {
    guard let value = nodes[node].attributes[name] else { return usual }
    if case .float(let value) = value { return value }
    return nil
  }

  /// Axes, which are an attribute or, from opset 13 or 18 on, the second input; nil where there are
  /// none.
  func axes(_ node: Int) -> [Int]? {
    if case .integers(let axes)? = nodes[node].attributes["axes"] { return axes }
    guard nodes[node].inputs.count > 1 else { return nil }
    return wholeNumbers(nodes[node].inputs[1])
  }

  /// The numbers of a fixed tensor of whole ones, few as those of shapes are; nil of others.
  func wholeNumbers(_ name: String) -> [Int]? {
    guard let tensor = constant(name), tensor.count <= 8 else { return nil }
    return file.integers(of: tensor)
  }

  /// The numbers of a fixed tensor of `count` floats at most; nil of others.
  func floats(_ name: String, atMost count: Int) -> [Float]? {
    guard let tensor = constant(name), tensor.isFloat, tensor.count <= count else { return nil }
    return file.floats(of: tensor)
  }

  // MARK: Shapes

  /// The sides that the value `name` is computed to be, and the nodes that do it, where `value` is
  /// the only one whose shape they look at; nil where they do something else.
  func sides(_ name: String, of value: String, depth: Int = 0) -> (sides: [Side], nodes: [Int])? {
    let name = resolved(name)
    if constants[name] != nil {
      return wholeNumbers(name).map { ($0.map { .number($0) }, []) }
    }
    guard depth < 5, let maker = makers[name] else { return nil }
    let node = nodes[maker]
    func inner(_ input: String) -> (sides: [Side], nodes: [Int])? {
      sides(input, of: value, depth: depth + 1)
    }
    switch node.operation {
    case "Concat":
      var all: (sides: [Side], nodes: [Int]) = ([], [maker])
      guard node.inputs.count <= 4 else { return nil }
      for input in node.inputs {
        guard let part = inner(input) else { return nil }
        all.sides += part.sides
        all.nodes += part.nodes
      }
      return all
    case "Unsqueeze", "Cast":
      guard let input = node.inputs.first, let part = inner(input) else { return nil }
      return (part.sides, part.nodes + [maker])
    case "Gather":
      guard node.inputs.count == 2, wholeNumbers(node.inputs[1]) == [0],
        let shape = makers[resolved(node.inputs[0])], isNode(shape, "Shape"),
        nodes[shape].inputs.count == 1, resolved(nodes[shape].inputs[0]) == value
      else { return nil }
      return ([.batch], [shape, maker])
    default: return nil
    }
  }
}

extension String {
  /// The first of it, for a message about a text that a file may have made long.
  var brief: String { count <= 120 ? self : prefix(120) + "..." }
}
