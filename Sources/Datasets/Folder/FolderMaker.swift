#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// Why a folder of photos could not be written.
package enum FolderError: Error, CustomStringConvertible, Equatable, Sendable {
  case notEmpty(path: String)
  case notAFolder(path: String)
  case unwritable(path: String, reason: String)

  package var description: String {
    switch self {
    case .notEmpty(let path):
      "\(path) is not empty: name a folder that does not exist yet, or empty this one"
    case .notAFolder(let path):
      "\(path) is a file, not a folder: name a folder that does not exist yet"
    case .unwritable(let path, let reason):
      "cannot write \(path): \(reason)"
    }
  }
}

/// Makes folders.
enum FolderMaker {
  /// Makes the folder `path` with those above it; throws `FolderError.unwritable`.
  static func make(_ path: String) throws {
    var made = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: false) {
      made += (made.isEmpty ? "" : "/") + part
      if made.isEmpty {
        made = "/"
      } else if mkdir(made, 0o777) != 0, errno != EEXIST {
        throw FolderError.unwritable(path: path, reason: FileReader.reason(errno))
      }
    }
  }
}
