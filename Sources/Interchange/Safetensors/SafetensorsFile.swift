private import Determinism
private import Preconditions

/// A safetensors file that is read tensor by tensor, with its checksums where it has them.
///
/// Files of other tools are read too: they have no checksums, and then `verify` has only the
/// structure to check, which opening the file already did.
package final class SafetensorsFile: TensorArchive, Sendable {
  /// Where the file is.
  package let path: String
  /// The tensors in the order of their bytes.
  package let entries: [SafetensorsEntry]
  /// The strings of `__metadata__`, without checksums.
  package let metadata: [String: String]
  /// Whether the file carries a checksum for every tensor and for its header.
  package let hasChecksums: Bool
  /// The hash of its header, in which those of the tensors are: that of the whole file; nil without
  /// checksums.
  package let integrity: String?
  /// Length of the whole file in bytes.
  package var byteCount: Int { file.byteCount }

  private let file: PositionedFile
  private let dataStart: Int
  private let checksums: [String: String]
  private let indices: [String: Int]
  /// The bytes behind the header, verified, where they stay in memory; changed by `verify` and
  /// `releaseBytes` alone, beside which nobody reads.
  nonisolated(unsafe) private var held: HeldBytes?

  /// Opens the file and checks its structure: the header's limit, types, sizes, holes, overlaps,
  /// trailing and missing bytes, and the header's own checksum. Throws `InterchangeError`.
  package init(path: String) throws {
    self.path = path
    file = try PositionedFile(path: path)
    if file.byteCount < 8 {
      throw InterchangeError.corrupt(path: path, reason: "it has \(file.byteCount) bytes, not 8")
    }
    let length = try file.bytes(at: 0, count: 8).reversed()
      .reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    if length > UInt64(SafetensorsHeader.byteLimit) {
      let start = try file.bytes(at: 0, count: min(file.byteCount, 16))
      if let other = TensorFiles.noCheckpoint(start) {
        throw InterchangeError.foreign(path: path, reason: other)
      }
      throw InterchangeError.malformed(
        path: path,
        reason: "it does not begin as a safetensors file or checkpoint does: its header would have "
          + "\(length) bytes, over \(SafetensorsHeader.byteLimit)")
    }
    dataStart = 8 + Int(length)
    if dataStart > file.byteCount {
      throw InterchangeError.corrupt(
        path: path, reason: "it is cut short in its header, after \(file.byteCount) bytes")
    }
    do {
      let header = try SafetensorsHeader(
        bytes: try file.bytes(at: 0, count: dataStart), dataByteCount: file.byteCount - dataStart)
      entries = header.entries
      metadata = header.metadata
      checksums = header.checksums
      integrity = header.integrity
    } catch let problem as HeaderJSON.Problem {
      throw InterchangeError.malformed(path: path, reason: problem.message)
    } catch let damage as SafetensorsHeader.Damage {
      throw InterchangeError.corrupt(path: path, reason: damage.message)
    }
    hasChecksums = !checksums.isEmpty
    indices = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
  }

  /// The tensor of that name; nil where there is none.
  package func entry(named name: String) -> SafetensorsEntry? { indices[name].map { entries[$0] } }

  /// Overwrites `bytes` by the tensor of that name, which must have that type and shape, and checks
  /// its checksum where there is one. Throws `InterchangeError`.
  package func read(
    _ name: String, as type: SafetensorsType, shape: [Int],
    into bytes: UnsafeMutableRawBufferPointer
  ) throws {
    let entry = try self.entry(name, type: type)
    if entry.shape != shape {
      throw InterchangeError.unsupported(
        path: path, reason: "tensor '\(name)' has the shape \(entry.shape), not \(shape)")
    }
    require(
      bytes.count == entry.range.count,
      "SafetensorsFile.read: '\(name)' is \(entry.summary), its destination \(bytes.count) bytes"
    )
    try read(entry, into: bytes)
  }

  /// Overwrites `bytes` by those of the tensor of that name from its byte `start` on, which no
  /// checksum is compared with; throws `InterchangeError`.
  package func read(
    _ name: String, from start: Int, into bytes: UnsafeMutableRawBufferPointer
  ) throws {
    guard let entry = entry(named: name) else {
      throw InterchangeError.unsupported(path: path, reason: "it has no tensor '\(name)'")
    }
    require(
      start >= 0 && start + bytes.count <= entry.range.count,
      "SafetensorsFile.read: bytes \(start) to \(start + bytes.count) of \(entry.range.count)")
    if let memory = held {
      let first = entry.range.lowerBound + start
      bytes.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: memory.bytes[first..<first + bytes.count]))
      return
    }
    try file.read(at: dataStart + entry.range.lowerBound + start, into: bytes)
  }

  /// The elements of the F32 tensor of that name; throws `InterchangeError`.
  package func floats(_ name: String) throws -> [Float] {
    try elements(name, .float32, of: Float.self)
  }

  /// The elements of the F64 tensor of that name; throws `InterchangeError`.
  package func doubles(_ name: String) throws -> [Double] {
    try elements(name, .float64, of: Double.self)
  }

  /// The elements of the I64 tensor of that name; throws `InterchangeError`.
  package func integers(_ name: String) throws -> [Int64] {
    try elements(name, .int64, of: Int64.self)
  }

  /// The elements of the U8 tensor of that name; throws `InterchangeError`.
  package func bytes(_ name: String) throws -> [UInt8] {
    try elements(name, .uint8, of: UInt8.self)
  }

  /// Reads every tensor and compares its checksum, in memory of the largest tensor's size. Throws
  /// `InterchangeError.corrupt`, also where there are none and `requiresChecksums` is set.
  ///
  /// With `holdingBytes` all of them stay in memory and are what is read later, until
  /// `releaseBytes`, so that a file is read once. `onBytes` is told of every count of bytes read.
  package func verify(
    requiresChecksums: Bool = false, holdingBytes: Bool = false, onBytes: (Int) -> Void = { _ in }
  ) throws {
    if requiresChecksums, !hasChecksums {
      throw InterchangeError.corrupt(path: path, reason: "it carries no checksums")
    }
    if holdingBytes {
      let memory = HeldBytes(count: byteCount - dataStart)
      for entry in entries {
        try read(entry, into: UnsafeMutableRawBufferPointer(rebasing: memory.bytes[entry.range]))
        onBytes(entry.range.count)
      }
      held = memory
      return
    }
    let largest = entries.map(\.range.count).max() ?? 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: largest, alignment: 64)
    defer { buffer.deallocate() }
    for entry in entries {
      try read(entry, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<entry.range.count]))
      onBytes(entry.range.count)
    }
  }

  /// Gives up the bytes that `verify` has left in memory.
  package func releaseBytes() { held = nil }

  package var names: [String] { entries.map(\.name) }

  package func shape(of name: String) -> [Int]? { entry(named: name)?.shape }

  package func holdsFloats(_ name: String) -> Bool {
    entry(named: name)?.type.elements?.isFloat == true
  }

  /// The elements of the tensor of that name as floats; throws `InterchangeError`.
  package func elements(of name: String) throws -> [Float] {
    guard let entry = entry(named: name) else {
      throw InterchangeError.unsupported(path: path, reason: "it has no tensor '\(name)'")
    }
    guard let type = entry.type.elements else {
      throw InterchangeError.unsupported(path: path, reason: "tensor '\(name)' is \(entry.summary)")
    }
    if type == .float32 { return try floats(name) }
    return try type.floats(
      of: file, at: dataStart + entry.range.lowerBound, count: entry.range.count / type.byteCount)
  }

  private func entry(_ name: String, type: SafetensorsType) throws -> SafetensorsEntry {
    guard let entry = entry(named: name) else {
      throw InterchangeError.unsupported(path: path, reason: "it has no tensor '\(name)'")
    }
    if entry.type != type {
      throw InterchangeError.unsupported(
        path: path, reason: "tensor '\(name)' is \(entry.summary), not \(type.rawValue)")
    }
    return entry
  }

  private func elements<Element>(
    _ name: String, _ type: SafetensorsType, of elementType: Element.Type
  ) throws -> [Element] {
    let entry = try self.entry(name, type: type)
    let count = entry.range.count / type.byteCount
    return try [Element](unsafeUninitializedCapacity: count) { buffer, written in
      try read(
        entry,
        into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: entry.range.count))
      written = count
    }
  }

  private func read(_ entry: SafetensorsEntry, into bytes: UnsafeMutableRawBufferPointer) throws {
    if let memory = held {
      bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory.bytes[entry.range]))
      return
    }
    try file.read(at: dataStart + entry.range.lowerBound, into: bytes)
    guard let expected = checksums[entry.name] else { return }
    let found = Hash64.text(Hash64.of(UnsafeRawBufferPointer(bytes)))
    if found != expected {
      throw InterchangeError.corrupt(
        path: path, reason: "tensor '\(entry.name)' has the checksum \(found), not \(expected)")
    }
  }
}
