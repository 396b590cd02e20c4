private import Interchange
private import Glibc

/// What cannot be done with a run folder.
package enum RunFolderError: Error, CustomStringConvertible {
  case unwritable(path: String, code: Int32)
  case taken(path: String)
  /// The folder was this job's and is another's now.
  case lost(path: String, owner: String)
  /// The folder belongs to a later start of this very job.
  case superseded(path: String, owner: String)

  package var description: String {
    switch self {
    case .unwritable(let path, let code):
      "cannot write \(path): \(SystemReason.text(code)); check --out, permissions and space"
    case .lost(let path, let owner):
      "\(path) belongs to \(owner) by now, which goes on from its last checkpoint; this job was cut "
        + "off from it, ends and writes nothing more"
    case .superseded(let path, let owner):
      "\(path) belongs to \(owner), a later start of this job, which goes on; this one ends"
    case .taken(let path):
      "another job is writing to \(path); wait for it or end it, or give another --out"
    }
  }
}
