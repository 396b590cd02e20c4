#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// Whether files may be written, asked before the work whose result they are to hold.
package enum WritableFolder {
  /// Throws `InterchangeError.unwritable` where the folder of the file at `path` takes no new file,
  /// as one of a file system that is read alone.
  package static func require(for path: String) throws {
    let folder = FilePlace.folder(of: FilePlace.of(path))
    guard FilePlace.isFolder(folder), faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0
    else { return }
    throw InterchangeError.unwritable(path: path, reason: SystemReason.text(errno))
  }
}
