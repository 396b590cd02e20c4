/// What a pickle builds, as data: nothing is imported, called or constructed.
///
/// Values are numbers of nodes in a `PickleDocument`, so that documents with cycles or a million
/// levels are as harmless as others.
struct PickleDocument {
  /// The number of a node.
  typealias Value = Int32

  enum Node {
    case none
    case bool(Bool)
    case integer(Int)
    /// An integer beyond 64 bits, as its little-endian bytes in the pickle.
    case largeInteger(Range<Int>)
    case float(Double)
    case text(String)
    /// Bytes of the pickle itself.
    case bytes(Range<Int>)
    case tuple([Value])
    /// The place in `lists`.
    case list(Int)
    /// The place in `dictionaries`.
    case dictionary(Int)
    /// The name of a class or function.
    case global(String)
    /// What a call of `callable` would give, with the place in `dictionaries` of what was set in
    /// it.
    case object(callable: Value, arguments: Value, items: Int?)
    /// Something that the file keeps outside the pickle.
    case persistent(Value)
  }

  var nodes: [Node] = []
  /// What grows stands apart from its node, so that it grows in place.
  var lists: [[Value]] = []
  /// Keys and values, in the order in which they were set.
  var dictionaries: [[(key: Value, value: Value)]] = []
  /// The state that objects were given, by the object.
  var states: [Value: Value] = [:]
  /// The value that the pickle is of.
  var root: Value = 0

  subscript(value: Value) -> Node { nodes[Int(value)] }

  func text(_ value: Value) -> String? {
    if case .text(let text) = self[value] { return text }
    return nil
  }

  func integer(_ value: Value) -> Int? {
    if case .integer(let integer) = self[value] { return integer }
    return nil
  }

  func elements(_ value: Value) -> [Value]? {
    switch self[value] {
    case .tuple(let elements): elements
    case .list(let place): lists[place]
    default: nil
    }
  }

  /// The integers of a tuple or list of integers.
  func integers(_ value: Value) -> [Int]? {
    guard let elements = elements(value) else { return nil }
    var integers: [Int] = []
    for element in elements {
      guard let integer = integer(element) else { return nil }
      integers.append(integer)
    }
    return integers
  }

  /// The texts of a tuple or list of one and more texts, and of nothing else.
  func texts(_ value: Value) -> [String]? {
    guard let elements = elements(value), !elements.isEmpty else { return nil }
    var texts: [String] = []
    texts.reserveCapacity(elements.count)
    for element in elements {
      guard let text = text(element) else { return nil }
      texts.append(text)
    }
    return texts
  }

  /// The name of the class or function whose call `value` is.
  func callee(_ value: Value) -> String? {
    guard case .object(let callable, _, _) = self[value], case .global(let name) = self[callable]
    else { return nil }
    return name
  }

  /// The pairs of a dictionary, or of an object that is an `OrderedDict`.
  func pairs(_ value: Value) -> [(key: Value, value: Value)]? {
    switch self[value] {
    case .dictionary(let place): dictionaries[place]
    case .object(_, _, let items):
      callee(value) == "collections.OrderedDict" ? items.map { dictionaries[$0] } ?? [] : nil
    default: nil
    }
  }
}

/// Bytes that are no pickle, or one with something that this reader has no word for.
struct PickleProblem: Error {
  let message: String
  /// Whether bytes are missing, so that another copy may have them.
  var isCutShort = false

  /// The problem as that of the file at `path`.
  func error(path: String) -> InterchangeError {
    isCutShort
      ? .corrupt(path: path, reason: "it is cut short: \(message)")
      : .malformed(path: path, reason: message)
  }
}
