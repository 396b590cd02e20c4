internal import Checkpoints
internal import Interchange

/// A file of tensors as it is compared: with the class weights that ranks have written beside a
/// checkpoint, whose rows are joined.
struct ComparedFile {
  /// A tensor by its name, as either of two files has it.
  struct Tensor {
    let name: String
    let type: SafetensorsType
    let shape: [Int]
    /// Whether its rows are in parts beside the file.
    let isInParts: Bool

    /// "F32 [2, 3]".
    var summary: String { "\(type.rawValue) \(shape)" }
  }

  /// What stands in the file itself.
  let file: SafetensorsFile
  /// All tensors, those in parts last.
  let tensors: [Tensor]
  private let head: HeadRows
  private let indices: [String: Int]

  /// Opens the file at `path`; throws `InterchangeError`, and `CheckpointError` where parts of its
  /// head are missing or another's.
  init(path: String) throws {
    file = try SafetensorsFile(path: path)
    head = try HeadRows(of: file)
    tensors =
      file.entries.map { Tensor(name: $0.name, type: $0.type, shape: $0.shape, isInParts: false) }
      + (try head.tensors().map {
        Tensor(name: $0.name, type: .float32, shape: $0.shape, isInParts: true)
      })
    indices = Dictionary(tensors.enumerated().map { ($1.name, $0) }) { first, _ in first }
  }

  func tensor(named name: String) -> Tensor? { indices[name].map { tensors[$0] } }

  /// Lends the elements of an F32 tensor in order, each piece with where it begins: all at once, or
  /// those of some rows. Throws `InterchangeError` and `CheckpointError.incomplete`.
  func forEachPiece(
    of tensor: Tensor, _ body: (Int, UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    guard tensor.isInParts else {
      return try file.floats(tensor.name).withUnsafeBufferPointer { try body(0, $0) }
    }
    let width = tensor.shape[1]
    try head.forEachPiece(of: tensor.name, rows: 0..<tensor.shape[0], width: width) {
      try body($0.lowerBound * width, $1)
    }
  }

  /// The elements of a tensor in parts, whole rows in `range`. Throws as `forEachPiece`.
  func floats(of tensor: Tensor, in range: Range<Int>) throws -> [Float] {
    let width = max(1, tensor.shape[1])
    var values: [Float] = []
    values.reserveCapacity(range.count)
    try head.forEachPiece(
      of: tensor.name, rows: range.lowerBound / width..<range.upperBound / width,
      width: tensor.shape[1]
    ) { values += $1 }
    return values
  }
}
