#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

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

  package init() {}

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
  package func check() throws {
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

/// Something that a command reads.
struct CommandInput: Sendable {
  let option: String
  let path: String
  /// Where it is; of shards in braces what stands before these.
  private let place: String
  /// Of shards in braces what stands behind these.
  private var shardEnding: String?
  private var isData = false

  init(option: String, path: String, place: String) {
    self.option = option
    self.path = path
    self.place = place
  }

  /// Photos in any form.
  init(option: String, data path: String) {
    self.option = option
    self.path = path
    isData = true
    let prefix = "folder:"
    if path.hasPrefix(prefix), !FilePlace.exists(path) {
      let rest = String(path.dropFirst(prefix.count))
      place = FilePlace.of((try? UserPath.read(rest)) ?? rest)
    } else if !FilePlace.exists(path), let open = path.firstIndex(of: "{"),
      let close = path[open...].lastIndex(of: "}")
    {
      // No shard's name ends before the brace, and no folder's name behind a slash.
      place = String(FilePlace.of(path[..<open] + "-").dropLast())
      shardEnding = String(path[path.index(after: close)...])
    } else {
      place = FilePlace.of(path)
    }
  }

  /// Whether the file at `output` is this input, or a part of it.
  func holds(_ output: String) -> Bool {
    if let shardEnding { return output.hasPrefix(place) && output.hasSuffix(shardEnding) }
    if output == place { return true }
    guard isData, FilePlace.exists(output) else { return false }
    if FilePlace.isFolder(place) {
      return output.hasPrefix(place == "/" ? "/" : place + "/") && Self.mayBeData(output)
    }
    let folder = FilePlace.folder(of: place)
    guard output.hasPrefix(folder + "/") else { return false }
    // A list names photos below its folder; a pack has its index, its list and more beside it.
    return Self.isPhoto(output) || output == folder + "/property"
      || FilePlace.folder(of: output) == folder && Self.stem(output) == Self.stem(place)
        && Self.packEndings.contains(Self.ending(output))
  }

  /// Whether `folder` is the folder of these data, or lies in it.
  func holdsFolder(_ folder: String) -> Bool {
    isData && shardEnding == nil && FilePlace.isFolder(place)
      && (folder == place || folder.hasPrefix(place == "/" ? "/" : place + "/"))
  }

  /// Whether a file that is not there yet, at `output`, would be read as data from then on: a photo
  /// anywhere in the folder, a pack right in it, metadata there or one folder deeper.
  func wouldTake(_ output: String) -> Bool {
    let folder = FilePlace.folder(of: output)
    guard holdsFolder(folder), !FilePlace.exists(output) else { return false }
    let name = output.split(separator: "/").last ?? ""
    if Self.isPhoto(output) { return true }
    if ["metadata.csv", "metadata.jsonl"].contains(name) {
      return folder == place || FilePlace.folder(of: folder) == place
    }
    return folder == place && (name == "data.mdb" || Self.packs.contains(Self.ending(output)))
  }

  /// Endings of packs that make a folder a pack.
  private static let packs: Set = ["rec", "tar", "lmdb"]
  /// Endings of what commands write and no form of data reads, but for metadata.
  private static let results: Set = [
    "csv", "txt", "json", "html", "htm", "npy", "npz", "onnx", "safetensors", "prom",
  ]
  private static let packEndings: Set = ["rec", "idx", "lst", "tsv", "people", "mdb"]
  private static let photoEndings: Set = ["jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp"]

  private static func mayBeData(_ path: String) -> Bool {
    let name = path.split(separator: "/").last ?? ""
    return name.hasPrefix("metadata.") || !results.contains(ending(path))
  }

  private static func isPhoto(_ path: String) -> Bool { photoEndings.contains(ending(path)) }

  private static func ending(_ path: String) -> String {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: ".") else { return "" }
    return name[name.index(after: dot)...].lowercased()
  }

  private static func stem(_ path: String) -> Substring {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: ".") else { return name }
    return name[..<dot]
  }
}

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

/// Where paths lead.
enum FilePlace {
  /// The absolute path of what `path` names, without links and dots; of what is not there yet, that
  /// of the folder that is and the rest.
  static func of(_ path: String) -> String {
    if let target = realpath(path, nil) {
      defer { free(target) }
      return String(cString: target)
    }
    var rest = path[...]
    while rest.count > 1, rest.hasSuffix("/") { rest.removeLast() }
    guard !rest.isEmpty, rest != "/", rest != "." else { return rest == "/" ? "/" : "." }
    let cut = rest.lastIndex(of: "/")
    let name = cut.map { rest[rest.index(after: $0)...] } ?? rest
    let above = cut.map { $0 == rest.startIndex ? "/" : String(rest[..<$0]) } ?? "."
    let folder = of(above)
    switch name {
    case ".": return folder
    case "..": return self.folder(of: folder)
    default: return folder == "/" ? "/\(name)" : "\(folder)/\(name)"
    }
  }

  /// The folder that an absolute path is in.
  static func folder(of place: String) -> String {
    guard let cut = place.lastIndex(of: "/"), cut > place.startIndex else { return "/" }
    return String(place[..<cut])
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func isFolder(_ path: String) -> Bool { kind(path) == S_IFDIR }

  /// Whether what is at `path` holds nothing that could be lost: a device or a pipe.
  static func isNoFile(_ path: String) -> Bool {
    if ["/dev/std", "/dev/fd/", "/proc/"].contains(where: path.hasPrefix) { return true }
    return kind(path).map { $0 != S_IFREG && $0 != S_IFDIR } ?? false
  }

  /// The names in a folder; none where it cannot be listed.
  static func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        names.append(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
      }
    }
    return names
  }

  private static func kind(_ path: String) -> mode_t? {
    var facts = stat()
    return stat(path, &facts) == 0 ? facts.st_mode & S_IFMT : nil
  }
}
