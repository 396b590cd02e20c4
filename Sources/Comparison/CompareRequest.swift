private import Foundation

/// What `ddp-train compare` is asked.
package struct CompareRequest: Sendable, Equatable {
  /// Run folders both, or checkpoint files both.
  package var first, second: String

  /// Compares the runs `first` and `second`.
  package init(first: String, second: String) {
    self.first = first
    self.second = second
  }

  /// Compares; returns what to say and whether they are alike. Throws what cannot be read.
  package func run() throws -> (lines: [String], isAlike: Bool) {
    if isFile(first), isFile(second) {
      let tensors = try TensorComparison(first, second)
      return (tensors.lines(title: "tensors"), tensors.isAlike)
    }
    let runs = try RunComparison(first, second)
    return (try runs.lines(), try runs.isAlike())
  }

  private func isFile(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && !isFolder.boolValue
  }
}
