/// The files that a command reads and those that it was asked to write, under the names of their
/// options.
///
/// What is written takes the place of what lies there. So no output may be an input, another output
/// or a file that a run keeps in its folder: `check` comes before any work, and before any file
/// is opened for writing.
package struct CommandFiles: Sendable {
  /// An output that would cost a file; the description says which and what to do.
  package struct Conflict: Error, Equatable, CustomStringConvertible {
    package let description: String
  }

  private struct Output {
    let option: String
    let path: String
    let place: String
    /// The output that it stands beside, under a name that nobody has given.
    let main: String?
  }

  private var inputs: [CommandInput] = []
  private var outputs: [Output] = []
  /// Folders of runs that this command itself makes or goes on with.
  private var runs: [String] = []
  /// Folders that this command makes before it writes.
  private var made: [String] = []
  /// Folders that this command fills with photos.
  private var photoFolders: [(option: String, path: String, place: String)] = []

  private init() {}

  /// Has `name` name the files of a command, and looks at them as `check` does: the one way to have
  /// a `CommandFiles`, so that no command names its files for nothing. Throws what `name` throws.
  package static func check(_ name: (inout CommandFiles) throws -> Void) throws {
    var files = CommandFiles()
    try name(&files)
    try files.check()
  }

  /// Notes that the file or folder at `path` is read; nothing of nil.
  package mutating func read(_ path: String?, as option: String) {
    guard let path else { return }
    inputs.append(CommandInput(option: option, path: path, place: FilePlace.of(path)))
  }

  /// Notes that photos are read from `path`, in any form of data: with a pack the files beside it
  /// that belong to it, of shards in braces each of them; nothing of nil.
  package mutating func readData(_ path: String?, as option: String) {
    guard let path else { return }
    inputs.append(CommandInput(option: option, data: path))
  }

  /// Notes that `path` is to be written; nothing of nil.
  package mutating func write(_ path: String?, as option: String) {
    guard let path else { return }
    outputs.append(
      Output(option: option, path: path, place: FilePlace.of(path), main: nil))
  }

  /// Notes that `path` is to be written because `main` is.
  package mutating func write(_ path: String, beside main: String, as option: String) {
    outputs.append(Output(option: option, path: path, place: FilePlace.of(path), main: main))
  }

  /// Notes that the folder at `path` is that of a run, which this command makes or goes on with.
  package mutating func keepRun(_ path: String) { runs.append(FilePlace.of(path)) }

  /// Notes that the folder at `path` is made, where it is not there, before anything is written.
  package mutating func make(_ path: String) { made.append(FilePlace.of(path)) }

  /// Notes that the folder at `path` is filled with photos.
  package mutating func writePhotos(into path: String, as option: String) {
    photoFolders.append((option, path, FilePlace.of(path)))
  }

  /// Throws `Conflict` for the first output that would take the place of an input, of another
  /// output or of what a run keeps, or would be taken for a part of the data itself when they are
  /// read again; and `InterchangeError.unwritable` for one that has no folder to be in.
  private func check() throws {
    for folder in photoFolders {
      guard let input = inputs.first(where: { $0.holdsFolder(folder.place) }) else { continue }
      throw Conflict(
        description:
          "\(folder.option) \(folder.path) lies in \(input.option) \(input.path), and its "
          + "photos would be taken for a part of them; give another folder")
    }
    for (number, output) in outputs.enumerated() {
      guard !FilePlace.isNoFile(output.path) else { continue }
      try requirePlace(of: output)
      if let input = inputs.first(where: { $0.holds(output.place) }) {
        throw Self.conflict(output, "which \(input.option) \(input.path) is read from")
      }
      if let input = inputs.first(where: { $0.wouldTake(output.place) }) {
        throw Conflict(
          description:
            "\(output.option) \(output.path) lies in \(input.option) \(input.path) and would "
            + "be taken for a part of it; give another \(output.option)")
      }
      if let other = outputs[..<number].first(where: { $0.place == output.place }) {
        throw Self.conflict(output, "which \(other.option) is written to")
      }
      if let run = RunFiles.keeper(of: output.place, among: runs) {
        throw Self.conflict(output, "which the run in \(run) keeps")
      }
      if let main = output.main, FilePlace.exists(output.path), !FilePlace.exists(main) {
        throw Conflict(
          description: "\(output.path) is there already and does not belong to \(main), which is "
            + "not there: it would be overwritten; give another \(output.option)")
      }
    }
  }

  private static func conflict(_ output: Output, _ reason: String) -> Conflict {
    Conflict(
      description: "\(output.option) \(output.path) would overwrite a file \(reason); give another "
        + output.option)
  }

  private func requirePlace(of output: Output) throws {
    if FilePlace.isFolder(output.place) {
      throw InterchangeError.unwritable(path: output.path, reason: "it is a folder")
    }
    let folder = FilePlace.folder(of: output.place)
    try WritableFolder.require(for: output.path)
    guard !FilePlace.isFolder(folder), !runs.contains(folder),
      !made.contains(where: { folder == $0 || folder.hasPrefix($0 + "/") })
    else { return }
    throw InterchangeError.unwritable(path: output.path, reason: "there is no folder \(folder)")
  }
}
