internal import Collectives
private import Foundation
private import Glibc
internal import Interchange

/// The folder of a run: `config.yaml`, `changes.tsv`, `log.txt`, `metrics.jsonl`, `checkpoints/`,
/// `report.html`.
package struct RunFolder: Sendable {
  /// The folder itself, as given with `--out`.
  package let path: String

  /// The folder at `path`, which need not be there.
  package init(path: String) { self.path = path }

  /// The resolved configuration of the run.
  package var configuration: String { path + "/config.yaml" }
  /// All that has become otherwise on the way, as of the last start; absent for nothing.
  package var changes: String { path + "/changes.tsv" }
  /// A line of JSON a step and an evaluation.
  package var metrics: String { path + "/metrics.jsonl" }
  /// What was printed, and more.
  package var log: String { path + "/log.txt" }
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

  /// A line of the log that only a run with a checkpoint writes, the last one; nil where there is
  /// none. A run that `isForked` has been resumed before its first one.
  package func signOfCheckpoint(isForked: Bool) -> String? {
    guard let bytes = FileManager.default.contents(atPath: log) else { return nil }
    let signs = ["checkpoint: ", "weights: "] + (isForked ? [] : ["resumed: step "])
    // Behind the time.
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      .map { $0.drop { $0 != " " }.dropFirst() }
      .last { line in signs.contains { line.hasPrefix($0) } }
      .map(String.init)
  }

  /// The step that the first resumed start in the folder went on from, as the log has it; 0 for
  /// none. Of a run that has begun elsewhere those before it are not here.
  var stepOfFirstStart: Int {
    let sign = "resumed: step "
    var first: Int?
    // A log that cannot be read excuses nothing.
    try? TextLines.forEach(log) { line, _, _ in
      guard first == nil else { return }
      // Behind the time.
      let words = line.withoutWhiteSpaceBehind.drop { $0 != UInt8(ascii: " ") }.dropFirst()
      guard words.starts(with: sign.utf8) else { return }
      first = Int(String(decoding: words.dropFirst(sign.utf8.count), as: UTF8.self))
    }
    return first ?? 0
  }

  /// Removes files that a killed process was writing here; the folder is this job's alone.
  func removeLeftovers() {
    for folder in [path, path + "/tensorboard"] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      for name in names where Self.isLeftover(name) { unlink(folder + "/" + name) }
    }
  }

  /// Whether `name` is `OWN.PID.tmp`, as `AtomicFile` names what is not whole yet.
  private static func isLeftover(_ name: String) -> Bool {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count > 2, parts[parts.count - 1] == "tmp", Int32(parts[parts.count - 2]) != nil
    else { return false }
    let own: Set = [
      "config.yaml", "changes.tsv", "metrics.jsonl", "metrics.csv", "evaluations.csv",
      "report.html", "embeddings.tsv", "photos.tsv", "projector_config.pbtxt",
    ]
    return own.contains(parts.dropLast(2).joined(separator: "."))
  }
}
