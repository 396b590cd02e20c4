internal import Determinism
package import Interchange
private import Foundation
internal import Networks
package import State
internal import Threads

/// The class weights in a checkpoint, and the vectors beside them, by rows: whole in its file, or
/// in the parts that ranks have written beside it.
package final class HeadRows: Sendable {
  /// The tensor whose rows these are.
  static let weightName = "head.weight"

  private let path: String
  private let file: SafetensorsFile
  private let parts: [SafetensorsFile]
  /// The first part that is not beside the checkpoint; nil where all are.
  private let missingPart: String?

  /// Those of the checkpoint at `path`, whose tensors are verified as they are read. Throws as
  /// `init(of:)`.
  package convenience init(path: String) throws {
    try self.init(of: try SafetensorsFile(path: path))
  }

  /// Those of the checkpoint `file`. A part that is not there is missed where rows are read, as the
  /// network is whole without. Throws `InterchangeError`, and `CheckpointError.otherPart` for a
  /// part of another checkpoint.
  package init(of file: SafetensorsFile) throws {
    path = file.path
    self.file = file
    let resolved = URL(fileURLWithPath: file.path).resolvingSymlinksInPath()
    let folder = resolved.deletingLastPathComponent().path
    let entries = try HeadParts.entries(file.metadata, path: file.path)
    let absent = entries.filter { !FileManager.default.fileExists(atPath: "\(folder)/\($0.file)") }
    missingPart = absent.first.map { folder + "/" + $0.file }
    parts = try entries.filter { !absent.contains($0) }.map { entry in
      let part = try SafetensorsFile(path: folder + "/" + entry.file)
      guard part.integrity == entry.integrity else {
        throw CheckpointError.otherPart(path: file.path, part: part.path)
      }
      return part
    }
  }

  /// Whether the checkpoint has its class weights in parts.
  package var isDivided: Bool { !parts.isEmpty || missingPart != nil }

  /// Whether a part of them is not beside the checkpoint.
  package var lacksParts: Bool { missingPart != nil }

  /// Throws `CheckpointError.missingPart` where not all parts are beside the checkpoint.
  package func requireParts() throws {
    if let missingPart { throw CheckpointError.missingPart(path: path, part: missingPart) }
  }

  /// Bytes of the parts.
  var byteCount: Int { parts.reduce(0) { $0 + $1.byteCount } }

  /// Reads all parts that are there and compares their checksums; throws
  /// `InterchangeError.corrupt`.
  func verify(onBytes: (Int) -> Void) throws {
    for part in parts { try part.verify(requiresChecksums: true, onBytes: onBytes) }
  }

  /// The names of the tensors in parts, and their shapes with all rows; throws
  /// `CheckpointError.missingPart`.
  package func tensors() throws -> [(name: String, shape: [Int])] {
    try requireParts()
    var rows: [String: Int] = [:]
    var width: [String: Int] = [:]
    for entry in parts.flatMap(\.entries) {
      guard let (name, range) = HeadParts.rows(ofTensor: entry.name) else { continue }
      rows[name] = max(rows[name] ?? 0, range.upperBound)
      width[name] = entry.shape.last
    }
    return rows.keys.sorted().map { ($0, [rows[$0]!, width[$0] ?? 0]) }
  }

  /// Lends the rows of tensor `name` in `rows`, in order, a piece at a time, from the parts. Throws
  /// `CheckpointError.incomplete` where some of them are in none, and
  /// `CheckpointError.missingPart`.
  package func forEachPiece(
    of name: String, rows: Range<Int>, width: Int,
    _ body: (Range<Int>, UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    try requireParts()
    let pieces = parts.flatMap { part in
      part.entries.compactMap { entry -> (Range<Int>, SafetensorsFile, SafetensorsEntry)? in
        guard let (tensor, range) = HeadParts.rows(ofTensor: entry.name), tensor == name,
          range.overlaps(rows)
        else { return nil }
        return (range, part, entry)
      }
    }.sorted { $0.0.lowerBound < $1.0.lowerBound }
    var next = rows.lowerBound
    for (range, part, entry) in pieces {
      guard entry.shape == [range.count, width], range.lowerBound <= next else { break }
      let wanted = range.clamped(to: rows)
      try part.floats(entry.name).withUnsafeBufferPointer { floats in
        let start = (wanted.lowerBound - range.lowerBound) * width
        try body(
          wanted,
          UnsafeBufferPointer(rebasing: floats[start..<start + wanted.count * width]))
      }
      next = wanted.upperBound
    }
    guard next == rows.upperBound else {
      throw CheckpointError.incomplete(path: path, what: HeadParts.tensorName(name, rows))
    }
  }

  /// Overwrites `memory` [rows.count, width] with those rows of the tensor `name` [count, width].
  func read(
    _ name: String, rows: Range<Int>, of count: Int, width: Int,
    into memory: UnsafeMutablePointer<Float>
  ) throws {
    guard !rows.isEmpty else { return }
    if isDivided {
      return try forEachPiece(of: name, rows: rows, width: width) { part, floats in
        (memory + (part.lowerBound - rows.lowerBound) * width).update(
          from: floats.baseAddress!, count: floats.count)
      }
    }
    guard let entry = file.entry(named: name) else {
      throw CheckpointError.incomplete(path: path, what: name)
    }
    guard entry.shape == [count, width], entry.type == .float32 else {
      throw CheckpointError.otherShape(
        path: path, tensor: name, found: entry.summary, expected: "F32 [\(count), \(width)]")
    }
    try file.read(
      name, from: 4 * rows.lowerBound * width,
      into: UnsafeMutableRawBufferPointer(start: memory, count: 4 * rows.count * width))
  }

  /// Fills what a rank has of the divided head of `state`: the rows in `own`, ranges of the flat
  /// vector. Throws as `Checkpoint.load`.
  package func load(into state: ModelState, own: [Range<Int>]) throws {
    guard let weight = state.dividedDescription else { return }
    let width = weight.shape[1]
    for range in own.map({ $0.clamped(to: weight.range) }) where !range.isEmpty {
      let start = weight.range.lowerBound
      let rows = (range.lowerBound - start) / width..<(range.upperBound - start) / width
      func load(_ name: String, into vector: UnsafeMutablePointer<Float>) throws {
        try read(
          name, rows: rows, of: weight.shape[0], width: width, into: vector + range.lowerBound)
      }
      try load(weight.name, into: state.parameters)
      for (index, vector) in state.vectors.enumerated() {
        try load(
          "\(Checkpoint.optimizerPrefix)\(vector.name)/\(weight.name)", into: state.vector(index))
      }
    }
  }

  /// The hash of the bytes of all rows of the tensor `name`, which is in parts.
  func hash(of name: String, shape: [Int]) throws -> UInt64 {
    var stream = Hash64Stream()
    try forEachPiece(of: name, rows: 0..<shape[0], width: shape[1]) {
      stream.add(UnsafeRawBufferPointer($1))
    }
    return stream.hash
  }
}
