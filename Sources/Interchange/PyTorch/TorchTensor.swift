/// A tensor as a pickle of torch describes it: a view of a storage.
struct TorchTensor {
  let type: ElementType
  let storageKey: String
  /// Elements of the storage, as the pickle says.
  let storageCount: Int
  /// The first element, counted in the storage.
  let offset: Int
  let shape, strides: [Int]
  let count: Int

  private static let types: [String: ElementType] = [
    "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16,
    "BFloat16Storage": .bfloat16, "LongStorage": .int64, "IntStorage": .int32,
    "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8, "BoolStorage": .bool,
  ]

  /// The tensor that `value` is; nil where it is none. Throws `TorchRefusal` or `PickleProblem`.
  init?(_ value: PickleDocument.Value, in document: PickleDocument) throws {
    guard case .object(_, let argumentsValue, _) = document[value],
      let callee = document.callee(value), let arguments = document.elements(argumentsValue)
    else { return nil }
    switch callee {
    case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
      guard let inner = arguments.first, document.callee(inner)?.hasSuffix("_tensor_v2") == true
      else {
        throw TorchRefusal(message: "a parameter that is no plain tensor; save it as float")
      }
      try self.init(inner, in: document)
    case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor":
      try self.init(arguments: arguments, document)
    case "torch._tensor._rebuild_from_type_v2":
      guard arguments.count >= 3, case .global(let function) = document[arguments[0]],
        ["torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor"].contains(function),
        let inner = document.elements(arguments[2])
      else { throw TorchRefusal(message: "a tensor of a class of its own; save it as float") }
      try self.init(arguments: inner, document)
    default:
      if callee.hasPrefix("torch._utils._rebuild_") {
        throw TorchRefusal(message: "a tensor of \(callee); save plain float tensors")
      }
      return nil
    }
  }

  private init(arguments: [PickleDocument.Value], _ document: PickleDocument) throws {
    guard arguments.count >= 4, case .persistent(let persistent) = document[arguments[0]],
      let storage = document.elements(persistent), storage.count >= 5,
      document.text(storage[0]) == "storage", case .global(let global) = document[storage[1]],
      let key = document.text(storage[2]), let storageCount = document.integer(storage[4]),
      let offset = document.integer(arguments[1]), let shape = document.integers(arguments[2]),
      let strides = document.integers(arguments[3])
    else { throw PickleProblem(message: "a tensor that is not described as torch does") }
    let typeName = global.split(separator: ".").last.map(String.init) ?? ""
    guard let type = Self.types[typeName], global.hasPrefix("torch.") else {
      throw TorchRefusal(message: "a tensor of \(global); save it as float")
    }
    guard let count = type.count(shape), strides.count == shape.count, offset >= 0,
      storageCount >= 0, strides.allSatisfy({ $0 >= 0 }),
      let span = Self.span(shape, strides), offset <= storageCount - span
    else {
      throw PickleProblem(
        message: "a tensor of shape \(shape), strides \(strides), offset \(offset) in a storage of "
          + "\(storageCount)")
    }
    self.type = type
    storageKey = key
    self.storageCount = storageCount
    self.offset = offset
    self.shape = shape
    self.strides = strides
    self.count = count
  }

  /// Elements of the storage from the first to the last; nil where they overflow.
  var span: Int? { Self.span(shape, strides) }

  private static func span(_ shape: [Int], _ strides: [Int]) -> Int? {
    if shape.contains(0) { return 0 }
    var last = 0
    for (side, stride) in zip(shape, strides) {
      let (step, overflows) = (side - 1).multipliedReportingOverflow(by: stride)
      let (sum, overflowsToo) = last.addingReportingOverflow(step)
      if overflows || overflowsToo { return nil }
      last = sum
    }
    return last == .max ? nil : last + 1
  }

  /// The byte of the storage behind the last element; nil where it overflows.
  var byteEnd: Int? {
    guard let span else { return nil }
    let (elements, overflows) = offset.addingReportingOverflow(span)
    let (bytes, overflowsToo) = elements.multipliedReportingOverflow(by: type.byteCount)
    return overflows || overflowsToo ? nil : bytes
  }

  /// Whether the elements lie in C order without gaps.
  var isContiguous: Bool {
    var expected = 1
    for (side, stride) in zip(shape, strides).reversed() {
      if side != 1 && stride != expected { return false }
      expected *= side
    }
    return true
  }

  /// Calls `body` with each element's place, counted from the first one, in C order.
  func forEachPlace(_ body: (Int) -> Void) {
    StridedPlaces.forEach(shape: shape, strides: strides, body)
  }
}
