internal import Configuration
private import Foundation

/// Why a run cannot go on from where it is asked to.
package enum ResumeError: Error, Equatable, CustomStringConvertible {
  case otherMathematics(path: String, keys: [String])
  case otherData(path: String, data: String)
  case otherBytes(path: String, data: String)
  case nothingToResume(folder: String)
  case otherOldNetwork(path: String, old: String)
  case otherTeacher(path: String, teacher: String)
  case missing(path: String)
  case furtherOn(path: String, step: Int, wanted: Int)
  case runExists(folder: String)
  /// The run folder shows that there was a checkpoint, by `sign`, and has none.
  case checkpointsGone(folder: String, sign: String)
  /// The configuration of a run says nothing.
  case emptyConfiguration(path: String)
  /// The run has made its last step, and `changes` would come after it.
  case finished(path: String, step: Int, changes: [String])
  /// The run has ended after so many `evaluations` without a better figure, and `changes` would
  /// come after that.
  case outOfPatience(path: String, step: Int, evaluations: Int, changes: [String])

  package var description: String {
    switch self {
    case .otherMathematics(let path, let keys):
      "cannot resume \(path): other than in the run that wrote it: \(keys.joined(separator: ", ")); "
        + "set \(keys.count == 1 ? "it" : "them") back, \(Self.changing(keys))"
        + "or start a new run with another --out"
    case .otherBytes(let path, let data):
      "cannot resume \(path): photos of \(data) have the names of those of the run that wrote it and "
        + "other bytes; give the same data, take these from here on with --change data=\(data), or "
        + "start a new run with another --out"
    case .nothingToResume(let folder):
      "\(folder) holds no run to go on with; check --out, or give the options of a new run"
    case .otherData(let path, let data):
      "cannot resume \(path): \(data) does not hold the photos of the run that wrote it; "
        + "give the same data, or start a new run with another --out"
    case .otherOldNetwork(let path, let old):
      "cannot resume \(path): \(old) is not the network that the run was made compatible with; "
        + "give that one to --compatible-with, or start a new run with another --out"
    case .otherTeacher(let path, let teacher):
      "cannot resume \(path): what \(teacher) says of the photos is not what the run was taught by; "
        + "give that teacher to --teacher, or start a new run with another --out"
    case .furtherOn(let path, let step, let wanted):
      "\(path) stands at step \(step), further than the \(wanted) steps asked for; "
        + "raise --epochs or --steps, or start a new run with another --out"
    case .missing(let path):
      "--resume \(path): there is no such file or folder"
    case .runExists(let folder):
      "\(folder) already holds a run; go on with --resume auto, or give another --out"
    case .checkpointsGone(let folder, let sign):
      "\(folder) has lost its checkpoints: log.txt says '\(sign)', and none is left in "
        + "\(folder)/checkpoints; put them back there, or begin anew with another --out or after "
        + "removing \(folder)"
    case .emptyConfiguration(let path):
      "\(path) has no options and there is no checkpoint, so nobody knows what the run was; give "
        + "its options with another --out"
    case .finished(let path, let step, let changes):
      "\(path) stands at step \(step), the last one: \(changes.joined(separator: ", ")) would change "
        + "nothing; give a longer --steps or --epochs too"
    case .outOfPatience(let path, let step, let evaluations, let changes):
      "\(path) stands at step \(step), where the run has ended after \(evaluations) evaluations "
        + "without a better figure: \(changes.joined(separator: ", ")) would change nothing; give "
        + "a --patience of more than \(evaluations) too, or --patience 0"
    }
  }

  /// What `--change` can do about options that differ, as "lr was 0.1, is 0.2" says.
  private static func changing(_ keys: [String]) -> String {
    let changes = keys.map { key in
      let words = key.components(separatedBy: ", is ")
      return (name: String(key.prefix { $0 != " " }), value: words.last ?? "")
    }
    guard changes.allSatisfy({ ConfigurationOption.changeable.contains($0.name) }) else {
      return ""
    }
    return "take \(keys.count == 1 ? "it" : "them") from here on with "
      + changes.map { "--change \($0.name)=\($0.value)" }.joined(separator: " ") + ", "
  }
}
