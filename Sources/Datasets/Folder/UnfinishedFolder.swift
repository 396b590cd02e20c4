private import Foundation
private import Interchange

/// A folder of photos that a command has begun to write and has not ended: its photos are some of
/// those that were asked for. A hidden file in it says so until the end, however the command ends.
package enum UnfinishedFolder {
  /// The name of that file.
  static let mark = ".unfinished"

  /// Makes the folder `path`, or takes it where it is empty, and marks it as one that `command`
  /// writes. Throws `FolderError`, and `InterchangeError`.
  package static func begin(_ path: String, command: String) throws {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      guard isFolder.boolValue else { throw FolderError.notAFolder(path: path) }
      let contents: [String]
      do {
        contents = try FileManager.default.contentsOfDirectory(atPath: path)
      } catch {
        throw FolderError.unwritable(path: path, reason: error.localizedDescription)
      }
      if contents.contains(mark) { throw FolderError.unfinished(path: path) }
      guard contents.isEmpty else { throw FolderError.notEmpty(path: path) }
    } else {
      try Folders.make(path)
    }
    try TextFile.write("ddp-train \(command) is writing this folder\n", to: "\(path)/\(mark)")
  }

  /// Says that all photos of the folder `path` are there.
  package static func end(_ path: String) throws {
    guard unlink("\(path)/\(mark)") == 0 else {
      throw FolderError.unwritable(path: path, reason: SystemReason.text(errno))
    }
  }

  /// Throws `DatasetError` where the folder `path` is such a one.
  static func check(_ path: String) throws(DatasetError) {
    guard FileReader.isNamed("\(path)/\(mark)") else { return }
    throw .unusable(
      path: path,
      reason:
        "is not finished: the command that wrote it, align or synthesize, is still at work or "
        + "was ended; when it is not, remove the folder and run the command again")
  }
}
