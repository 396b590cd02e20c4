package import Collectives
private import Foundation
internal import Interchange
internal import Networks
package import State

/// The class weights of a head that is divided over the ranks, in files beside the checkpoint: each
/// rank writes its rows, of the weights and of every vector.
///
/// The checkpoint names the files with their own hash, and is renamed last: without it they are
/// nothing, and with it all of them are there. Any number of ranks reads them again.
package enum HeadParts {
  /// The key of the checkpoint's metadata: a line for each file.
  static let metadataKey = "head-parts"
  /// Bytes of the rows of a tensor, which is read and verified at once.
  private static let tensorBytes = 16 << 20

  /// A file, as the checkpoint names it.
  struct Entry: Equatable {
    let file: String
    let rows: Range<Int>
    /// The hash of its header, in which the hashes of its tensors are.
    let integrity: String
  }

  /// Whether `name` is that of a part of the checkpoint of `step`, or of any where that is nil.
  package static func isPart(_ name: String, ofStep step: Int? = nil) -> Bool {
    guard name.hasPrefix("step-"), name.hasSuffix(".safetensors") else { return false }
    guard let middle = name.range(of: ".head-") else { return false }
    guard let step else { return true }
    return name[..<middle.lowerBound] == CheckpointNames.stem(step: step)
  }

  /// Writes what this rank has of the divided head of `state`, rows in `own`, into `folder`, beside
  /// the checkpoint of `step`; a collective. Returns what the checkpoint's metadata says of the
  /// parts of all ranks; nothing where no head is divided. Throws on every rank what was wrong on
  /// one.
  package static func write(
    _ state: ModelState, own: [Range<Int>], step: Int, folder: String,
    over communicator: any Communicator
  ) throws -> [String: String] {
    guard let weight = state.dividedDescription else { return [:] }
    let width = weight.shape[1]
    let rows = own.map { $0.clamped(to: weight.range) }.filter { !$0.isEmpty }.map {
      ($0.lowerBound - weight.range.lowerBound) / width..<($0.upperBound - weight.range.lowerBound)
        / width
    }
    var line = ""
    var failure: (any Error)?
    if let rows = rows.first {
      do {
        let entry = try write(
          rows, of: state, step: step, folder: folder, rank: communicator.rank,
          ranks: communicator.size)
        line = [entry.file, "\(rows.lowerBound)", "\(rows.upperBound)", entry.integrity].joined(
          separator: " ")
      } catch {
        failure = error
      }
    }
    let worst = try communicator.agreeOnMaximum(
      failure == nil ? 0 : InterchangeError.isNoSpace(failure!) ? 1 : 2)
    if let failure { throw failure }
    if worst == 1 { throw InterchangeError.noSpace(path: folder) }
    if worst == 2 { throw CheckpointError.partFailed(folder: folder, step: step) }
    let lines = try communicator.allGather(value: line)
    return [metadataKey: lines.filter { !$0.isEmpty }.joined(separator: "\n")]
  }

  private static func write(
    _ rows: Range<Int>, of state: ModelState, step: Int, folder: String, rank: Int, ranks: Int
  ) throws -> Entry {
    let weight = state.dividedDescription!
    let width = weight.shape[1]
    // A whole number of lines of 32 bytes, so that a hash over the rows can go on from one to the
    // next.
    let piece = max(8, tensorBytes / (4 * width) / 8 * 8)
    var tensors: [SafetensorsTensor] = []
    func add(_ name: String, _ vector: UnsafePointer<Float>) {
      for first in stride(from: rows.lowerBound, to: rows.upperBound, by: piece) {
        let part = first..<min(first + piece, rows.upperBound)
        let start = vector + weight.range.lowerBound + first * width
        tensors.append(
          SafetensorsTensor(
            name: tensorName(name, part), type: .float32, shape: [part.count, width],
            bytes: UnsafeRawBufferPointer(start: start, count: 4 * part.count * width)))
      }
    }
    add(weight.name, state.parameters)
    for (index, vector) in state.vectors.enumerated() {
      add("\(CheckpointNames.optimizerPrefix)\(vector.name)/\(weight.name)", state.vector(index))
    }
    let name =
      CheckpointNames.stem(step: step) + ".head-\(rank + 1)-of-\(ranks).safetensors"
    let path = folder + "/" + name
    try SafetensorsFile.write(
      tensors: tensors, metadata: [CheckpointNames.formatKey: "head part of step \(step)"], to: path
    )
    return Entry(
      file: name, rows: rows, integrity: try SafetensorsFile(path: path).integrity ?? "")
  }

  /// A tensor of some rows of `name`.
  static func tensorName(_ name: String, _ rows: Range<Int>) -> String {
    "\(name)[\(rows.lowerBound):\(rows.upperBound)]"
  }

  /// The rows and the whole tensor's name in the name of a tensor of a part; nil for others.
  static func rows(ofTensor name: String) -> (name: String, rows: Range<Int>)? {
    guard name.hasSuffix("]"), let bracket = name.lastIndex(of: "[") else { return nil }
    let numbers = name[name.index(after: bracket)...].dropLast().split(separator: ":").compactMap {
      Int($0)
    }
    guard numbers.count == 2, numbers[0] <= numbers[1] else { return nil }
    return (String(name[..<bracket]), numbers[0]..<numbers[1])
  }

  /// The files that a checkpoint's metadata names; throws `CheckpointError.incomplete` for a line
  /// that says nothing.
  static func entries(_ metadata: [String: String], path: String) throws -> [Entry] {
    try (metadata[metadataKey] ?? "").split(separator: "\n").map { line in
      let words = line.split(separator: " ").map(String.init)
      guard words.count == 4, let first = Int(words[1]), let last = Int(words[2]), first <= last,
        !words[0].contains("/")
      else { throw CheckpointError.incomplete(path: path, what: metadataKey) }
      return Entry(file: words[0], rows: first..<last, integrity: words[3])
    }
  }
}
