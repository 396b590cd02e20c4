private import Preconditions

/// The rows of a matrix in a NumPy file, read where they lie: the file is mapped into memory, so
/// that none of it is held.
package final class MappedRows: Sendable {
  /// Rows of the matrix.
  package let count: Int
  /// Numbers of a row.
  package let width: Int
  private let file: MappedFile
  private let start: Int
  private let type: ElementType

  /// Rows of `width` elements of `type` from byte `start` of `file` on.
  init(_ file: MappedFile, start: Int, count: Int, width: Int, type: ElementType) {
    (self.file, self.start, self.count) = (file, start, count)
    (self.width, self.type) = (width, type)
  }

  /// Overwrites `values` [width] with row `row`, whatever it is stored as.
  package func read(_ row: Int, into values: UnsafeMutablePointer<Float>) {
    require(
      (0..<count).contains(row), "MappedRows: row \(row) of [\(count), \(width)]")
    let first = start + row * width * type.byteCount
    let bytes = UnsafeRawBufferPointer(
      rebasing: file.bytes[first..<first + width * type.byteCount])
    for i in 0..<width { values[i] = type.float(bytes, i) }
  }
}

extension NumPyFile {
  /// The matrix of the `.npy` file at `path`; nil for what is no matrix of numbers that lies row by
  /// row, little end first. Throws `InterchangeError`.
  package static func rows(of path: String) throws -> MappedRows? {
    let file = try PositionedFile(path: path)
    return try NumPyArray(.stored(file, 0..<file.byteCount)).mappedRows()
  }
}

extension NumPyArchive {
  /// The matrix of that name; nil where it is packed, or as `NumPyFile.rows` says. Throws
  /// `InterchangeError`.
  package func rows(of name: String) throws -> MappedRows? { try array(name).mappedRows() }
}

extension NumPyArray {
  fileprivate func mappedRows() throws -> MappedRows? {
    guard case .stored(let file, let range) = source, case .numbers(let type) = header.type.kind,
      !header.isFortran, !header.type.isBigEndian || type.byteCount == 1, header.shape.count == 2
    else { return nil }
    return MappedRows(
      try MappedFile(file), start: range.lowerBound + dataStart, count: header.shape[0],
      width: header.shape[1], type: type)
  }
}
