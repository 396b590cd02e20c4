/// What is wrong with a checkpoint.
package enum CheckpointError: Error, Equatable, CustomStringConvertible {
  case foreign(path: String)
  case incomplete(path: String, what: String)
  case otherShape(path: String, tensor: String, found: String, expected: String)
  case nothingGood(folder: String, reasons: [String])
  /// A rank could not write its classes of the checkpoint of `step`; it says why.
  case partFailed(folder: String, step: Int)
  /// The file of a rank's classes is of another checkpoint.
  case otherPart(path: String, part: String)
  /// The file of a rank's classes is not beside the checkpoint.
  case missingPart(path: String, part: String)

  package var description: String {
    switch self {
    case .foreign(let path):
      "\(path) is a safetensors file but no checkpoint of ddp-train; "
        + "give a file of a run's checkpoints folder, or make one with ddp-train import"
    case .incomplete(let path, let what):
      "\(path) has no '\(what)'; it was written by another version or another model"
    case .otherShape(let path, let tensor, let found, let expected):
      "\(path): \(tensor) is \(found), this configuration wants \(expected)"
    case .nothingGood(let folder, let reasons):
      "no good checkpoint in \(folder)"
        + (reasons.isEmpty
          ? "; give a run folder or a checkpoint file"
          : ": " + reasons.joined(separator: "; "))
    case .partFailed(let folder, let step):
      "the checkpoint of step \(step) could not be written to \(folder) by another rank, which "
        + "says why"
    case .otherPart(let path, let part):
      "\(path) was written with other class weights than \(part) holds; copy the files of a "
        + "checkpoint together, or take an older one"
    case .missingPart(let path, let part):
      "\(path) lacks \(part): that is a part of its divided head, which belongs beside the "
        + "checkpoint; copy it there too"
    }
  }
}
