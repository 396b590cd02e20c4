import Collectives
import Foundation
import Interchange
import Measuring
import RunSupport

/// A folder with stored embeddings of four photos of two people, and all pairs of one person and
/// two of two, for files that stand beside them.
final class MeasuredRows {
  let folder = SmallRun.temporaryFolder()
  let photos = ["a/0.jpg", "a/1.jpg", "b/0.jpg", "b/1.jpg"]

  init() throws {
    try Folders.make(folder)
    try NumPyFile.write([1, 0, 1, 0.1, 0, 1, 0.1, 1], shape: [4, 2], to: folder + "/faces.npy")
    try write("faces.txt", photos)
    try write(
      "pairs.txt",
      ["a/0.jpg\ta/1.jpg\t1", "b/0.jpg\tb/1.jpg\t1", "a/0.jpg\tb/0.jpg\t0", "a/1.jpg\tb/1.jpg\t0"])
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func write(_ name: String, _ lines: [String]) throws {
    try TextFile.write(lines.joined(separator: "\n") + "\n", to: "\(folder)/\(name)")
  }

  /// What is wrong with an evaluation that `change` asks for; nil where nothing is.
  func complaint(_ change: (inout EvaluateRequest) -> Void) -> String? {
    var request = EvaluateRequest(
      source: .embeddings(file: folder + "/faces.npy", names: folder + "/faces.txt"), quiet: true)
    request.pairs = [folder + "/pairs.txt"]
    change(&request)
    do {
      try request.run(over: SoloCommunicator())
      return nil
    } catch { return "\(error)" }
  }
}
