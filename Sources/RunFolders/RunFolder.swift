internal import Collectives
private import Foundation
private import Glibc
internal import Interchange

/// The folder of a run: `config.yaml`, `log.txt`, `metrics.jsonl`, `checkpoints/`, `report.html`.
package struct RunFolder: Sendable {
  /// The folder itself, as given with `--out`.
  package let path: String

  /// The folder at `path`, which need not be there.
  package init(path: String) { self.path = path }

  /// The resolved configuration of the run.
  package var configuration: String { path + "/config.yaml" }
  /// A line of JSON a step and an evaluation.
  package var metrics: String { path + "/metrics.jsonl" }
  /// The folder of the checkpoints.
  package var checkpoints: String { path + "/checkpoints" }
  /// Why ranks ended the last job that did not end by itself.
  package var failure: String { path + "/last-failure.txt" }
  /// The page that an evaluation and the end of a run write.
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
