#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// Makes folders.
enum FolderMaker {
  /// Makes the folder `path` with those above it; throws `SyntheticFolderError.unwritable`.
  static func make(_ path: String) throws {
    var made = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: false) {
      made += (made.isEmpty ? "" : "/") + part
      if made.isEmpty {
        made = "/"
      } else if mkdir(made, 0o777) != 0, errno != EEXIST {
        throw SyntheticFolderError.unwritable(path: path, reason: FileReader.reason(errno))
      }
    }
  }
}
