/// Reads Python's pickles, protocols 0 to 5 (Lib/pickletools.py), without executing anything: calls
/// become nodes that say what would have been called.
struct PickleReader {
  private let bytes: ArraySlice<UInt8>
  /// The next byte, as an index into `bytes`.
  private(set) var position: Int
  private var document = PickleDocument()
  private var stack: [PickleDocument.Value] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleDocument.Value] = [:]

  private typealias Value = PickleDocument.Value
  private typealias Node = PickleDocument.Node

  private init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// Reads the pickle at the start of `bytes`; returns it with the index behind its last byte.
  ///
  /// Ranges in the document are indices into `bytes`. An operation of one byte may leave a hundred
  /// in memory, so there may be no more of them than a file of `fileByteCount` bytes can answer
  /// for. Throws `PickleProblem`.
  static func read(
    _ bytes: ArraySlice<UInt8>, fileByteCount: Int
  ) throws -> (document: PickleDocument, end: Int) {
    var reader = PickleReader(bytes)
    var operations = 0
    let operationLimit = fileByteCount / 48 + 16384
    while true {
      let code = try reader.byte()
      if code == UInt8(ascii: ".") { break }
      operations += 1
      if operations > operationLimit {
        throw reader.problem("more operations than its size allows")
      }
      try reader.execute(code)
    }
    reader.document.root = try reader.pop()
    return (reader.document, reader.position)
  }

  // MARK: Bytes

  private func problem(_ message: String, isCutShort: Bool = false) -> PickleProblem {
    PickleProblem(
      message: "\(message) at byte \(position - bytes.startIndex) of its pickle",
      isCutShort: isCutShort)
  }

  private mutating func byte() throws -> UInt8 {
    guard position < bytes.endIndex else { throw problem("the end", isCutShort: true) }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func take(_ count: Int) throws -> Range<Int> {
    guard count >= 0, count <= bytes.endIndex - position else {
      throw problem("an end inside a value", isCutShort: true)
    }
    defer { position += count }
    return position..<position + count
  }

  /// An unsigned little-endian number of `count` bytes.
  private mutating func number(_ count: Int) throws -> Int {
    let word = bytes[try take(count)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let number = Int(exactly: word) else { throw problem("a length beyond all files") }
    return number
  }

  private mutating func line() throws -> String {
    let start = position
    while try byte() != 0x0A {}
    return String(decoding: bytes[start..<position - 1], as: UTF8.self)
  }

  private mutating func text(_ count: Int) throws -> Node {
    let range = try take(count)
    guard let text = String(validating: bytes[range], as: UTF8.self) else {
      throw problem("text that is not UTF-8")
    }
    return .text(text)
  }

  // MARK: Stack

  private mutating func push(_ node: Node) throws {
    guard document.nodes.count < Int(Int32.max) else { throw problem("too many values") }
    document.nodes.append(node)
    stack.append(Value(document.nodes.count - 1))
  }

  private mutating func pop() throws -> Value {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
      throw problem("an empty stack")
    }
    return value
  }

  private func top() throws -> Value {
    guard stack.count > (marks.last ?? 0), let value = stack.last else {
      throw problem("an empty stack")
    }
    return value
  }

  private mutating func popMark() throws -> [Value] {
    guard let mark = marks.popLast() else { throw problem("no mark") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private mutating func tuple(_ count: Int) throws {
    var elements: [Value] = []
    for _ in 0..<count { elements.append(try pop()) }
    try push(.tuple(elements.reversed()))
  }

  private func pairs(_ values: [Value]) throws -> [(key: Value, value: Value)] {
    guard values.count % 2 == 0 else { throw problem("a key without value") }
    return stride(from: 0, to: values.count, by: 2).map { (values[$0], values[$0 + 1]) }
  }

  private mutating func set(_ pairs: [(key: Value, value: Value)]) throws {
    let target = Int(try top())
    switch document.nodes[target] {
    case .dictionary(let place), .object(_, _, .some(let place)):
      document.dictionaries[place] += pairs
    case .object(let callable, let arguments, nil):
      document.dictionaries.append(pairs)
      document.nodes[target] = .object(
        callable: callable, arguments: arguments, items: document.dictionaries.count - 1)
    default: throw problem("items for what is no dictionary")
    }
  }

  private mutating func append(_ values: [Value]) throws {
    switch document[try top()] {
    case .list(let place): document.lists[place] += values
    // Elements of an unknown class's own list mean nothing to us.
    case .object: break
    default: throw problem("elements for what is no list")
    }
  }

  private mutating func pushList(_ elements: [Value] = []) throws {
    document.lists.append(elements)
    try push(.list(document.lists.count - 1))
  }

  private mutating func pushDictionary(_ pairs: [(key: Value, value: Value)] = []) throws {
    document.dictionaries.append(pairs)
    try push(.dictionary(document.dictionaries.count - 1))
  }

  private mutating func call() throws {
    let arguments = try pop()
    let callable = try pop()
    try push(.object(callable: callable, arguments: arguments, items: nil))
  }

  // MARK: Opcodes

  private mutating func execute(_ code: UInt8) throws {
    switch code {
    case 0x80: _ = try byte()
    case 0x95: _ = try take(8)
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "0"): _ = try pop()
    case UInt8(ascii: "1"): _ = try popMark()
    case UInt8(ascii: "2"): stack.append(try top())
    case UInt8(ascii: "N"): try push(.none)
    case 0x88: try push(.bool(true))
    case 0x89: try push(.bool(false))
    case UInt8(ascii: ")"): try push(.tuple([]))
    case UInt8(ascii: "t"): try push(.tuple(try popMark()))
    case 0x85...0x87: try tuple(Int(code) - 0x84)
    case UInt8(ascii: "]"): try pushList()
    case UInt8(ascii: "l"): try pushList(try popMark())
    case UInt8(ascii: "a"): try append([try pop()])
    case UInt8(ascii: "e"): try append(try popMark())
    case UInt8(ascii: "}"): try pushDictionary()
    case UInt8(ascii: "d"): try pushDictionary(try pairs(try popMark()))
    case UInt8(ascii: "s"):
      let value = try pop()
      try set([(try pop(), value)])
    case UInt8(ascii: "u"): try set(try pairs(try popMark()))
    case 0x8F: try pushList()
    case 0x90: try append(try popMark())
    case 0x91: try pushList(try popMark())
    case UInt8(ascii: "R"), 0x81: try call()
    case 0x92:
      _ = try pop()
      try call()
    case UInt8(ascii: "b"):
      let state = try pop()
      document.states[try top()] = state
    case UInt8(ascii: "Q"): try push(.persistent(try pop()))
    case UInt8(ascii: "c"):
      let module = try line()
      try push(.global("\(module).\(try line())"))
    case 0x93:
      let name = try pop()
      let module = try pop()
      guard let name = document.text(name), let module = document.text(module) else {
        throw problem("a name that is no text")
      }
      try push(.global("\(module).\(name)"))
    default:
      if try executeMemo(code) { return }
      if try executeNumber(code) { return }
      if try executeText(code) { return }
      throw problem("the unknown opcode \(String(code, radix: 16))")
    }
  }

  private mutating func executeMemo(_ code: UInt8) throws -> Bool {
    func get(_ key: Int) throws -> Value {
      guard let value = memo[key] else { throw problem("no memo \(key)") }
      return value
    }
    switch code {
    case UInt8(ascii: "q"): memo[try number(1)] = try top()
    case UInt8(ascii: "r"): memo[try number(4)] = try top()
    case 0x94: memo[memo.count] = try top()
    case UInt8(ascii: "h"): stack.append(try get(try number(1)))
    case UInt8(ascii: "j"): stack.append(try get(try number(4)))
    case UInt8(ascii: "p"), UInt8(ascii: "g"):
      guard let key = Int(try line()) else { throw problem("a memo without number") }
      if code == UInt8(ascii: "p") { memo[key] = try top() } else { stack.append(try get(key)) }
    default: return false
    }
    return true
  }

  private mutating func executeNumber(_ code: UInt8) throws -> Bool {
    switch code {
    case UInt8(ascii: "J"): try push(.integer(Int(Int32(truncatingIfNeeded: try number(4)))))
    case UInt8(ascii: "K"): try push(.integer(try number(1)))
    case UInt8(ascii: "M"): try push(.integer(try number(2)))
    case 0x8A: try long(try number(1))
    case 0x8B: try long(try number(4))
    case UInt8(ascii: "I"), UInt8(ascii: "L"):
      var word = try line()
      if word.hasSuffix("L") { word.removeLast() }
      if code == UInt8(ascii: "I"), word == "00" || word == "01" {
        try push(.bool(word == "01"))
      } else if let integer = Int(word) {
        try push(.integer(integer))
      } else {
        throw problem("'\(word.prefix(20))', which is no 64-bit integer")
      }
    case UInt8(ascii: "G"):
      let word = bytes[try take(8)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      try push(.float(Double(bitPattern: word)))
    case UInt8(ascii: "F"):
      guard let value = Double(try line()) else { throw problem("no number") }
      try push(.float(value))
    default: return false
    }
    return true
  }

  /// A two's complement integer of `count` bytes.
  private mutating func long(_ count: Int) throws {
    let range = try take(count)
    guard count <= 8 else { return try push(.largeInteger(range)) }
    guard count > 0 else { return try push(.integer(0)) }
    let word = bytes[range].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let shift = UInt64(64 - 8 * count)
    try push(.integer(Int(Int64(bitPattern: word << shift) >> Int64(shift))))
  }

  private mutating func executeText(_ code: UInt8) throws -> Bool {
    switch code {
    case UInt8(ascii: "X"): try push(try text(try number(4)))
    case 0x8C: try push(try text(try number(1)))
    case 0x8D: try push(try text(try number(8)))
    case UInt8(ascii: "V"): try push(.text(try line()))
    case UInt8(ascii: "B"), UInt8(ascii: "T"): try push(.bytes(try take(try number(4))))
    case UInt8(ascii: "C"), UInt8(ascii: "U"): try push(.bytes(try take(try number(1))))
    case 0x8E, 0x96: try push(.bytes(try take(try number(8))))
    default: return false
    }
    return true
  }
}
