private import Foundation

/// The folder of a run: `config.yaml`, `log.txt`, `metrics.jsonl`, `checkpoints/`, `report.html`.
package struct RunFolder: Sendable {
  package let path: String

  package init(path: String) { self.path = path }

  package var configuration: String { path + "/config.yaml" }
  package var metrics: String { path + "/metrics.jsonl" }
  package var checkpoints: String { path + "/checkpoints" }
  package var report: String { path + "/report.html" }

  /// Whether a run has been here.
  package var holdsRun: Bool {
    FileManager.default.fileExists(atPath: configuration)
      || !CheckpointStore.steps(in: checkpoints).isEmpty
  }

  /// Makes the folder and its checkpoints folder; throws `RunFolderError.unwritable`.
  package func create() throws {
    do {
      try FileManager.default.createDirectory(
        atPath: checkpoints, withIntermediateDirectories: true)
    } catch {
      throw RunFolderError.unwritable(path: path, code: Int32((error as NSError).posixCode))
    }
  }

  /// Writes a text file whole or not at all; throws `RunFolderError.unwritable`.
  package func write(_ text: String, to path: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw RunFolderError.unwritable(path: path, code: Int32((error as NSError).posixCode))
    }
  }

  /// A name under `runs/` that no run has yet: the time and the model.
  package static func fresh(model: String) -> RunFolder {
    let formatter = DateFormatter()
    formatter.dateFormat = "yyyyMMdd-HHmmss"
    formatter.locale = Locale(identifier: "en_US_POSIX")
    let base = "runs/\(formatter.string(from: Date()))-\(model)"
    var folder = RunFolder(path: base)
    var number = 2
    while FileManager.default.fileExists(atPath: folder.path) {
      folder = RunFolder(path: "\(base)-\(number)")
      number += 1
    }
    return folder
  }
}

extension NSError {
  fileprivate var posixCode: Int {
    if domain == NSPOSIXErrorDomain { return code }
    if let inner = userInfo[NSUnderlyingErrorKey] as? NSError { return inner.posixCode }
    return Int(ENOENT)
  }
}
