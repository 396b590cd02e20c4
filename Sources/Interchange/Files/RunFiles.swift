/// Which files in the folder of a run are the run's own.
package enum RunFiles {
  /// What lies right in the folder.
  private static let names: Set = [
    "config.yaml", "changes.tsv", "log.txt", "metrics.jsonl", "metrics.csv", "evaluations.csv",
    "report.html", "last-failure.txt", "checkpoints", "tensorboard", ".lock", ".owner",
  ]

  /// The folder of the run that keeps the file at `place`, whether it is there by now or not: one
  /// of `runs`, or one that is found on the disk; nil for a file of nobody.
  static func keeper(of place: String, among runs: [String]) -> String? {
    let folder = FilePlace.folder(of: place)
    let name = String(place.dropFirst(folder == "/" ? 1 : folder.count + 1))
    if names.contains(name), runs.contains(folder) || isRun(folder) { return folder }
    let above = FilePlace.folder(of: folder)
    if runs.contains(above) || isRun(above) {
      if folder == above + "/tensorboard" { return above }
      if folder == above + "/checkpoints", name.hasSuffix(".safetensors") { return above }
    }
    // A folder of checkpoints that was copied out of its run.
    let isCheckpoint =
      name == "best.safetensors" || name.hasPrefix("step-") && name.hasSuffix(".safetensors")
    guard isCheckpoint, FilePlace.exists(place) else { return nil }
    return FilePlace.names(in: folder).contains {
      $0.hasPrefix("step-") && $0.hasSuffix(".safetensors")
    } ? folder : nil
  }

  private static func isRun(_ folder: String) -> Bool {
    FilePlace.isFolder(folder + "/checkpoints")
      && [".owner", "config.yaml", "metrics.jsonl"].contains { FilePlace.exists(folder + "/" + $0) }
  }
}
