internal import Collectives
private import Foundation
private import Glibc
internal import Interchange

/// The folder of a run: `config.yaml`, `log.txt`, `metrics.jsonl`, `checkpoints/`, `report.html`.
package struct RunFolder: Sendable {
  package let path: String

  package init(path: String) { self.path = path }

  package var configuration: String { path + "/config.yaml" }
  package var metrics: String { path + "/metrics.jsonl" }
  package var checkpoints: String { path + "/checkpoints" }
  /// Why ranks ended the last job that did not end by itself.
  package var failure: String { path + "/last-failure.txt" }
  package var report: String { path + "/report.html" }

  /// Makes the folder and its checkpoints folder; throws `RunFolderError.unwritable`.
  package func create() throws {
    if let code = Folders.failure(ofMaking: checkpoints) {
      throw RunFolderError.unwritable(path: path, code: code)
    }
    if access(checkpoints, W_OK) != 0 {
      throw RunFolderError.unwritable(path: checkpoints, code: errno)
    }
  }
}
