/// Why a folder of photos could not be written.
package enum FolderError: Error, CustomStringConvertible, Equatable, Sendable {
  case notEmpty(path: String)
  case unfinished(path: String)
  case notAFolder(path: String)
  case unwritable(path: String, reason: String)

  package var description: String {
    switch self {
    case .notEmpty(let path):
      "\(path) is not empty: name a folder that does not exist yet, or empty this one"
    case .unfinished(let path):
      "\(path) has photos of a command that was ended before its end, or is still at work: remove "
        + "it, or name another"
    case .notAFolder(let path):
      "\(path) is a file, not a folder: name a folder that does not exist yet"
    case .unwritable(let path, let reason):
      "cannot write \(path): \(reason)"
    }
  }
}
