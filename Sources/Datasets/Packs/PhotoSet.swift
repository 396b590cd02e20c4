#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif
private import Interchange
package import Threads

/// A data set on disk, whatever holds it: its photos in order, their people, and where the bytes
/// are.
///
/// The same photos have the same order and the same people in every format that `pack` writes.
package struct PhotoSet: Sendable {
  /// What can hold photos.
  package enum Format: String, Sendable {
    case folder = "image folder"
    case recordIO = "MXNet RecordIO pack"
    case tar = "WebDataset shards"
    case metadata = "imagefolder with metadata"
    case lmdb = "LMDB of photos"
    case list = "list of photos"
  }

  /// What the path turned out to be.
  package let format: Format
  /// Its photos and people.
  package let index: PhotoIndex
  /// Where the bytes of the photos come from.
  package let source: any PhotoSource
  /// The label of each person, ascending, where the data call people by numbers.
  package let labels: [Int]?
  /// What is passed over, and what is most likely not meant.
  package let notes: DataNotes

  /// Opens what `path` names, and recognises it by itself:
  /// - a folder with `train.rec`, or one other `.rec`, in it, or such a file: a RecordIO pack;
  /// - a folder of `.tar` files, such a file, or several as `name-{000..146}.tar`: WebDataset
  ///   shards;
  /// - a file of LMDB, or a folder with `data.mdb` in it;
  /// - a folder with `metadata.csv` or `metadata.jsonl` in it or in its folders, or such a file;
  /// - any other file: a list of photos;
  /// - any other folder: `person/photo.jpg`.
  ///
  /// Throws `DatasetError`. `meter` counts photos as they are found.
  package init(path: String, meter: WorkMeter? = nil) throws(DatasetError) {
    if let shards = try Self.braces(path) {
      let found = try TarShards(paths: shards)
      self.init(.tar, found.index, found, found.labels, found.notes)
      return
    }
    var facts = stat()
    guard stat(path, &facts) == 0 else {
      if errno == ENOENT { throw .noSuchFolder(path) }
      throw .unreadable(path: path, reason: FileReader.reason(errno))
    }
    let isFolder = facts.st_mode & S_IFMT == S_IFDIR
    try self.init(isFolder ? Self.inFolder(path) : Self.ofFile(path), path, meter)
  }

  private enum Found {
    case records(String)
    case shards([String])
    case lmdb(String)
    case metadata([(part: String, name: String)], root: String)
    case list
    case folder
  }

  private init(_ found: Found, _ path: String, _ meter: WorkMeter?) throws(DatasetError) {
    switch found {
    case .records(let file):
      let pack = try RecordPack(path: file)
      self.init(.recordIO, pack.index, pack, pack.labels, try Self.notes(beside: file, path))
    case .shards(let files):
      let shards = try TarShards(paths: files)
      self.init(.tar, shards.index, shards, shards.labels, shards.notes)
    case .lmdb(let file):
      let pack = try LMDBPhotos(path: file, meter: meter)
      self.init(.lmdb, pack.index, pack, pack.labels, pack.notes)
    case .metadata(let files, let root):
      let listed = try ListedPhotos(metadata: files, in: root)
      self.init(
        .metadata, listed.index, listed, listed.labels,
        FolderNotes.ofMetadata(
          root, listed.paths, files: files.map { ($0.part.isEmpty ? "" : $0.part + "/") + $0.name },
          listed.index, meter))
    case .list:
      let listed = try ListedPhotos(list: path)
      self.init(.list, listed.index, listed, listed.labels, DataNotes())
    case .folder:
      let folder: FaceFolder
      do throws(DatasetError) {
        folder = try FaceFolder(root: path, meter: meter)
      } catch {
        guard case .noPhotos = error else { throw error }
        throw try Self.packedContents(of: path) ?? error
      }
      self.init(.folder, folder.index, FolderSource(folder), nil, folder.notes)
    }
  }

  private init(
    _ format: Format, _ index: PhotoIndex, _ source: any PhotoSource, _ labels: [Int]?,
    _ notes: DataNotes
  ) {
    self.format = format
    self.index = index
    self.source = source
    self.labels = labels
    self.notes = notes
  }

  /// What lies beside the pack `file` in the folder `root`, where that was given: other packs and
  /// folders, which are not read.
  private static func notes(
    beside file: String, _ root: String
  ) throws(DatasetError) -> DataNotes {
    var notes = DataNotes()
    guard file != root else { return notes }
    let (files, folders) = try contents(of: root)
    let own = file.split(separator: "/").last.map { String($0.dropLast(4)) } ?? ""
    for name in files
    where !["rec", "idx", "lst", "tsv"].contains(where: { name == own + "." + $0 })
      && name != "property"
    {
      notes.passedOver.add(name)
    }
    for name in folders { notes.passedOver.add(name, kind: "folder beside the pack") }
    return notes
  }

  private static func ofFile(_ path: String) throws(DatasetError) -> Found {
    let file = try RandomAccessFile(path: path)
    var start = [UInt8](repeating: 0, count: 512)
    let count: Int
    do throws(ImageError) {
      var failure: ImageError?
      count = start.withUnsafeMutableBytes { room in
        do throws(ImageError) {
          return try file.readSome(at: 0, into: room)
        } catch {
          failure = error
          return 0
        }
      }
      if let failure { throw failure }
    } catch {
      throw .unreadable(path: path, reason: error.description)
    }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    if let complaint = FileKind.complaint(aboutStart: start[..<max(0, count)]) {
      throw .unusable(path: path, reason: complaint)
    }
    if path.hasSuffix(".rec") { return .records(path) }
    if path.hasSuffix(".idx") { return .records(path.dropLast(4) + ".rec") }
    if LMDBFile.isOne(start.prefix(count)) { return .lmdb(path) }
    if path.hasSuffix(".tar") || start[257..<262].elementsEqual("ustar".utf8) {
      return .shards([path])
    }
    if count >= 4, start[..<4].elementsEqual([0x0A, 0x23, 0xD7, 0x3E]) { return .records(path) }
    if path.hasSuffix(".bin") || (count > 1 && start[0] == 0x80 && start[1] <= 5) {
      throw .badOption(
        name: "--data", text: path,
        reason: "is a verification set, which names no people; give it to --pairs")
    }
    if isMetadata(name) {
      let root = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
      return .metadata([("", name)], root: root.isEmpty ? "/" : root)
    }
    return .list
  }

  /// The first bytes of the file at `path`; throws `DatasetError`.
  private static func start(of path: String) throws(DatasetError) -> [UInt8] {
    let file = try RandomAccessFile(path: path)
    do throws(ImageError) {
      return try file.bytes(at: 0, count: min(file.byteCount, 512))
    } catch {
      throw .unreadable(path: path, reason: error.description)
    }
  }

  /// What to say of a folder without photos whose files hold them packed; nil where none does.
  private static func packedContents(of root: String) throws(DatasetError) -> DatasetError? {
    for name in try contents(of: root).files.prefix(64) {
      let path = root + "/" + name
      guard let start = try? start(of: path) else { continue }
      if let complaint = FileKind.complaint(aboutStart: start, packedOnly: true) {
        return .unusable(path: path, reason: complaint)
      }
    }
    return nil
  }

  private static func isMetadata(_ name: String) -> Bool {
    name == "metadata.csv" || name == "metadata.jsonl"
  }

  private static func inFolder(_ root: String) throws(DatasetError) -> Found {
    let (files, folders) = try contents(of: root)
    let packs = files.filter { $0.hasSuffix(".rec") }
    if packs.contains("train.rec") { return .records(root + "/train.rec") }
    if packs.count == 1 { return .records(root + "/" + packs[0]) }
    if packs.count > 1 {
      throw .badOption(
        name: "--data", text: root,
        reason: "holds \(packs.count) packs, none of them train.rec; name one")
    }
    if files.contains("data.mdb") { return .lmdb(root + "/data.mdb") }
    let bases = files.filter { $0.hasSuffix(".lmdb") }
    if bases.count == 1, folders.isEmpty { return .lmdb(root + "/" + bases[0]) }
    let shards = files.filter { $0.hasSuffix(".tar") }
    if !shards.isEmpty, folders.isEmpty { return .shards(shards.map { root + "/" + $0 }) }
    var found = files.filter(isMetadata).map { (part: "", name: $0) }
    if found.isEmpty {
      for folder in folders {
        found += ["metadata.csv", "metadata.jsonl"].filter {
          FileReader.exists(root + "/" + folder + "/" + $0)
        }.map { (part: folder, name: $0) }
      }
    }
    return found.isEmpty ? .folder : .metadata(found, root: root)
  }

  /// The names in a folder that are not hidden, sorted bytewise: files, and folders.
  private static func contents(
    of root: String
  ) throws(DatasetError) -> (files: [String], folders: [String]) {
    guard let stream = opendir(root) else {
      throw .unreadable(path: root, reason: FileReader.reason(errno))
    }
    defer { closedir(stream) }
    var files: [String] = []
    var folders: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(".") { continue }
      var isFolder = entry.pointee.d_type == UInt8(DT_DIR)
      if entry.pointee.d_type != UInt8(DT_REG), !isFolder {
        var facts = stat()
        isFolder = stat(root + "/" + name, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
      }
      if isFolder { folders.append(name) } else { files.append(name) }
    }
    func sorted(_ names: [String]) -> [String] {
      names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
    return (sorted(files), sorted(folders))
  }

  /// The shards that `name-{000000..000146}.tar` stands for; nil for a path without such braces.
  private static func braces(_ path: String) throws(DatasetError) -> [String]? {
    guard !FileReader.exists(path), let open = path.firstIndex(of: "{"),
      let close = path[open...].firstIndex(of: "}"), path.hasSuffix(".tar")
    else { return nil }
    let range = path[path.index(after: open)..<close].split(
      separator: ".", omittingEmptySubsequences: false)
    guard range.count == 3, range[1].isEmpty, let first = Int(range[0]), let last = Int(range[2]),
      first >= 0, first <= last, last - first < Int(UInt16.max)
    else {
      throw .badOption(
        name: "--data", text: path, reason: "shards are named as in name-{000000..000146}.tar")
    }
    return (first...last).map { number in
      let digits = String(number)
      return path[..<open] + String(repeating: "0", count: max(0, range[0].count - digits.count))
        + digits + path[path.index(after: close)...]
    }
  }
}
