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
