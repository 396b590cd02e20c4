internal import Checkpoints
internal import Datasets
private import Foundation

/// What a command has printed of a network.
struct MeasuredText {
  /// Why a text is not taken.
  enum Refusal: Error, CustomStringConvertible {
    case noFigures(path: String)
    case otherNetwork(path: String, named: String, own: String)

    var description: String {
      switch self {
      case .noFigures(let path):
        "--evaluation '\(path)' has no line of figures, such as 'accuracy 0.991': give what "
          + "evaluate, ijb or tinyface printed"
      case .otherNetwork(let path, let named, let own):
        "--evaluation '\(path)' is of \(named), and the card is of \(own): give the table of this "
          + "network, or the card that one"
      }
    }
  }

  let path: String
  let lines: [String]
  /// Whether a line names the network that was measured.
  let namesNetwork: Bool

  /// The text `lines` of the file at `path`, as one of `checkpoint`; throws `Refusal` where it has
  /// no figures, or is of another network.
  init(path: String, lines: [String], of checkpoint: Checkpoint) throws {
    (self.path, self.lines) = (path, lines)
    guard lines.contains(where: Self.hasFigure) else { throw Refusal.noFigures(path: path) }
    let named = lines.compactMap(Self.checkpoint)
    namesNetwork = !named.isEmpty
    for other in named where !Self.isSame(other, checkpoint) {
      throw Refusal.otherNetwork(
        path: path, named: "\(other.path), step \(other.step)",
        own: "\(checkpoint.path), step \(checkpoint.progress.step)")
    }
  }

  /// What the lines say of people who were measured and trained on.
  var overlaps: [String] { lines.filter { $0.contains(PeopleOverlap.title) } }

  /// Whether a fraction stands behind one or two words, as in `lfw accuracy 0.99`.
  private static func hasFigure(_ line: String) -> Bool {
    let words = line.split(separator: " ")
    guard let place = words.prefix(3).firstIndex(where: { $0.contains(".") && Double($0) != nil })
    else { return false }
    return place > 0 && !words[..<place].contains { $0.hasSuffix(":") }
  }

  /// The path and the step of `checkpoint: PATH, step 12`.
  private static func checkpoint(in line: String) -> (path: String, step: Int)? {
    guard line.hasPrefix("checkpoint: "), let mark = line.range(of: ", step ", options: .backwards),
      let step = Int(line[mark.upperBound...].prefix { $0.isNumber })
    else { return nil }
    return (String(line[line.index(line.startIndex, offsetBy: 12)..<mark.lowerBound]), step)
  }

  /// Whether the checkpoint that a text names may be `own`: of the same step, and the same file, a
  /// copy of it, or one that is there no more and was called alike.
  private static func isSame(_ named: (path: String, step: Int), _ own: Checkpoint) -> Bool {
    guard named.step == own.progress.step else { return false }
    if CheckpointStore.isSameFile(named.path, own.path) { return true }
    guard let other = try? Checkpoint(path: named.path, needsHead: false),
      let hash = try? other.fileHash()
    else { return true }
    return hash == (try? own.fileHash())
  }
}
