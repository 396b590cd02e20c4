private import Determinism
private import Preconditions

/// A tensor to be written: its description, and the way to its bytes.
package struct SafetensorsTensor {
  /// The name in the file.
  package let name: String
  /// The type of an element.
  package let type: SafetensorsType
  /// Dimensions, the slowest first; empty for a scalar.
  package let shape: [Int]
  /// Lends the bytes in C order, little endian, exactly once for each call.
  package let withBytes: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

  package init(
    name: String, type: SafetensorsType, shape: [Int],
    withBytes: @escaping ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) {
    self.name = name
    self.type = type
    self.shape = shape
    self.withBytes = withBytes
  }

  /// A tensor of `bytes`, which must stay until the file is written.
  package init(name: String, type: SafetensorsType, shape: [Int], bytes: UnsafeRawBufferPointer) {
    self.init(name: name, type: type, shape: shape) { try $0(bytes) }
  }

  /// An F32 tensor of `floats`.
  package init(name: String, shape: [Int], floats: [Float]) {
    self.init(name: name, type: .float32, shape: shape) { try floats.withUnsafeBytes($0) }
  }

  /// An F64 tensor of `doubles`.
  package init(name: String, shape: [Int], doubles: [Double]) {
    self.init(name: name, type: .float64, shape: shape) { try doubles.withUnsafeBytes($0) }
  }

  /// An I64 tensor of `integers`.
  package init(name: String, shape: [Int], integers: [Int64]) {
    self.init(name: name, type: .int64, shape: shape) { try integers.withUnsafeBytes($0) }
  }

  /// A U8 tensor of `bytes`.
  package init(name: String, shape: [Int], bytes: [UInt8]) {
    self.init(name: name, type: .uint8, shape: shape) { try bytes.withUnsafeBytes($0) }
  }
}

extension SafetensorsFile {
  /// Writes `tensors` and `metadata` to `path`, whole or not at all (`AtomicFile`).
  ///
  /// With `checksums`, the metadata gets `xxh64:NAME`, the XXH64 of each tensor's bytes, and
  /// `integrity`, the XXH64 of the file's length field, header and padding with zeros for its own
  /// 16 digits. Bytes are lent once and never copied: the hashes, whose length is known, go into
  /// the header at the end; twice where the file is a pipe or a device. Tensors are laid out as the
  /// format's own writer does: widest elements first, then by name. `beforeCommit` is called when
  /// all is written but the name; what it throws leaves the name as it was. Throws
  /// `InterchangeError.unwritable` or `.noSpace`.
  package static func write(
    tensors: [SafetensorsTensor], metadata: [String: String] = [:], checksums: Bool = true,
    to path: String, beforeCommit: () throws -> Void = {}
  ) throws {
    let ordered = tensors.sorted {
      ($1.type.byteCount, $0.name) < ($0.type.byteCount, $1.name)
    }
    let entries = layout(of: ordered)
    require(
      metadata.keys.allSatisfy {
        $0 != SafetensorsHeader.integrityKey && !$0.hasPrefix(SafetensorsHeader.checksumPrefix)
      }, "SafetensorsFile.write: metadata must not use the names of checksums")
    var header = SafetensorsHeader(entries: entries, metadata: metadata, checksums: [:])
    let file = try AtomicFile(path: path)
    let hashesOnTheWay = checksums && file.isReplacing
    if checksums {
      for tensor in ordered {
        header.checksums[tensor.name] = Hash64.text(0)
        if hashesOnTheWay { continue }
        try tensor.lend(to: path) { header.checksums[tensor.name] = Hash64.text(Hash64.of($0)) }
      }
    }
    let first = try bytes(of: header, for: path)
    try file.append(first)
    for tensor in ordered {
      try tensor.lend(to: path) {
        if hashesOnTheWay { header.checksums[tensor.name] = Hash64.text(Hash64.of($0)) }
        try file.append($0)
      }
    }
    if hashesOnTheWay {
      let last = try bytes(of: header, for: path)
      require(
        last.count == first.count,
        "SafetensorsFile.write: a header of \(first.count) bytes became one of \(last.count)")
      try file.overwriteStart(by: last)
    }
    try beforeCommit()
    try file.commit()
  }

  private static func bytes(of header: SafetensorsHeader, for path: String) throws -> [UInt8] {
    do {
      return try header.bytes()
    } catch let problem as HeaderJSON.Problem {
      throw InterchangeError.unwritable(path: path, reason: problem.message)
    }
  }

  private static func layout(of tensors: [SafetensorsTensor]) -> [SafetensorsEntry] {
    var end = 0
    var names: Set<String> = [SafetensorsHeader.metadataKey]
    return tensors.map { tensor in
      require(
        names.insert(tensor.name).inserted,
        "SafetensorsFile.write: the tensor name '\(tensor.name)' is taken")
      let byteCount = SafetensorsEntry.byteCount(tensor.type, tensor.shape)
      require(
        byteCount != nil,
        "SafetensorsFile.write: '\(tensor.name)' has the impossible shape \(tensor.shape)")
      defer { end += byteCount! }
      return SafetensorsEntry(
        name: tensor.name, type: tensor.type, shape: tensor.shape, range: end..<end + byteCount!)
    }
  }
}

extension SafetensorsTensor {
  /// Lends the bytes to `body` after checking their number against the shape.
  fileprivate func lend(to path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try withoutActuallyEscaping(body) { body in
      try withBytes { bytes in
        require(
          bytes.count == SafetensorsEntry.byteCount(type, shape),
          "SafetensorsFile.write: '\(name)' is \(type.rawValue) \(shape), not \(bytes.count) bytes"
        )
        try body(bytes)
      }
    }
  }
}
