#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif
internal import Threads

/// Walks a tree of folders with one system call a folder, and one more for a symbolic link or for a
/// file whose name does not tell what it is; finds photos in the order of the bytes of their paths.
struct FolderWalk {
  let root: String
  /// The relative paths of the photos, in the order of their bytes.
  private(set) var photos = TextTable()
  /// The place of each photo's folder in `folders`.
  private(set) var folderOfPhoto: [Int32] = []
  /// The relative paths of the folders that directly hold photos.
  private(set) var folders = TextTable()
  private(set) var passedOver: PassedOver
  /// Tables called `metadata` of a kind that is not read.
  private(set) var unreadMetadata: [String] = []
  /// Folders without a photo in them or below: how many, and the first.
  private(set) var barren: (count: Int, example: String) = (0, "")
  /// Photos that have the name of the one before but for the ending: how many, and the first.
  private(set) var twins: (count: Int, example: String) = (0, "")
  /// Links without the ending of a photo that lead nowhere: how many, and the first.
  private(set) var deadLinks: (count: Int, example: String) = (0, "")
  /// Files that might be photos by their names and cannot be opened: how many, and the first, with
  /// the system's reason.
  private(set) var closed: (count: Int, example: String) = (0, "")
  /// Links to folders whose photos are listed by another path too: how many, and the first.
  private(set) var repeatedFolders: (count: Int, example: String) = (0, "")
  private var links: [[UInt8]] = []
  private let meter: WorkMeter?

  /// Walks the folder at `root`, where the files at the paths `used` have another use; `meter`
  /// counts photos as they are found.
  init(root: String, besides used: [String] = [], meter: WorkMeter? = nil) {
    self.root = root
    passedOver = PassedOver(in: root, besides: used)
    self.meter = meter
  }

  /// A thing to take or to enter.
  private struct Entry {
    /// The name; of a folder with a slash, so that names sort as the paths below them.
    var key: [UInt8]
    var isFolder: Bool { key.last == UInt8(ascii: "/") }
  }

  /// A folder on the way down.
  private struct Frame {
    var path: [UInt8]
    var entries: [Entry]
    var next = 0
    var folder: Int32 = -1
    var holdsPhoto = false
    var lastStem: ArraySlice<UInt8> = []
  }

  /// Walks; throws `DatasetError`.
  mutating func run() throws(DatasetError) {
    var facts = stat()
    guard stat(root, &facts) == 0 else {
      if errno == ENOENT { throw .noSuchFolder(root) }
      throw .unreadable(path: root, reason: FileReader.reason(errno))
    }
    guard facts.st_mode & S_IFMT == S_IFDIR else { throw .notAFolder(root) }
    var frames = [Frame(path: [], entries: try list([]))]
    while let depth = frames.indices.last {
      guard frames[depth].next < frames[depth].entries.count else {
        let done = frames.removeLast()
        if done.holdsPhoto {
          if depth > 0 { frames[depth - 1].holdsPhoto = true }
        } else if depth > 0 {
          if barren.count == 0 { barren.example = String(decoding: done.path, as: UTF8.self) }
          barren.count += 1
        }
        continue
      }
      let entry = frames[depth].entries[frames[depth].next]
      frames[depth].next += 1
      let path = Self.join(frames[depth].path, entry.key)
      guard entry.isFolder else {
        take(path, named: entry.key, in: &frames[depth])
        continue
      }
      let folder = Array(path.dropLast())
      let entries = try list(folder)
      frames.append(Frame(path: folder, entries: entries))
    }
    findRepeatedFolders()
  }

  private mutating func findRepeatedFolders() {
    guard !links.isEmpty, let base = Self.place(root) else { return }
    var targets: Set<String> = []
    for link in links.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      guard let target = Self.place(absolute(link)) else { continue }
      let isListed =
        target.hasPrefix(base + "/")
        && !target.dropFirst(base.count).split(separator: "/").contains { $0.hasPrefix(".") }
      guard isListed || !targets.insert(target).inserted else { continue }
      if repeatedFolders.count == 0 {
        repeatedFolders.example = String(decoding: link, as: UTF8.self)
      }
      repeatedFolders.count += 1
    }
  }

  /// The absolute path of what is at `path`, without links.
  private static func place(_ path: String) -> String? {
    guard let target = realpath(path, nil) else { return nil }
    defer { free(target) }
    return String(cString: target)
  }

  private mutating func take(_ path: [UInt8], named name: [UInt8], in frame: inout Frame) {
    if frame.folder < 0 {
      frame.folder = Int32(folders.count)
      folders.append(frame.path)
    }
    let stem = name.lastIndex(of: UInt8(ascii: ".")).map { name[..<$0] } ?? name[...]
    if frame.holdsPhoto, stem == frame.lastStem {
      if twins.count == 0 { twins.example = String(decoding: path, as: UTF8.self) }
      twins.count += 1
    }
    frame.lastStem = stem
    frame.holdsPhoto = true
    photos.append(path)
    folderOfPhoto.append(frame.folder)
  }

  /// What is to be taken or entered of one folder (a relative path, empty for the root), sorted.
  private mutating func list(_ folder: [UInt8]) throws(DatasetError) -> [Entry] {
    let place = absolute(folder)
    guard let stream = opendir(place) else {
      throw .unreadable(path: place, reason: FileReader.reason(errno))
    }
    defer { closedir(stream) }
    var entries: [Entry] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno == 0 { break }
        throw .unreadable(path: place, reason: FileReader.reason(errno))
      }
      let kind = Int32(entry.pointee.d_type)
      let name = Self.name(of: entry)
      if name == [0x2E] || name == [0x2E, 0x2E] { continue }
      let path = Self.join(folder, name)
      guard name[0] != UInt8(ascii: ".") else {
        passedOver.add(String(decoding: path, as: UTF8.self), kind: "hidden")
        continue
      }
      switch try kindOf(path, name, kind) {
      case .folder:
        if let keeper = SystemFolder.keeper(of: name) {
          passedOver.add(String(decoding: path, as: UTF8.self), kind: keeper)
          continue
        }
        entries.append(Entry(key: name + [UInt8(ascii: "/")]))
        if kind == Int32(DT_LNK) { links.append(path) }
      case .photo:
        entries.append(Entry(key: name))
        meter?.add()
      case .other(let format):
        let text = String(decoding: path, as: UTF8.self)
        passedOver.add(text, format: format)
        if name.starts(with: "metadata.".utf8) { unreadMetadata.append(text) }
        continue
      case .deadLink:
        let text = String(decoding: path, as: UTF8.self)
        passedOver.add(text, kind: "link that leads nowhere")
        deadLinks = (
          deadLinks.count + 1, deadLinks.count == 0 ? text : min(deadLinks.example, text)
        )
        continue
      case .closed(let reason):
        let text = String(decoding: path, as: UTF8.self)
        passedOver.add(text, kind: "that cannot be opened")
        let example = "\(text): \(reason)"
        closed = (closed.count + 1, closed.count == 0 ? example : min(closed.example, example))
        continue
      case .circle:
        passedOver.add(String(decoding: path, as: UTF8.self), kind: "link back up")
        continue
      }
      guard String(validating: path, as: UTF8.self) != nil else {
        throw .notUTF8(path: absolute(path))
      }
    }
    entries.sort { $0.key.lexicographicallyPrecedes($1.key) }
    return entries
  }

  private enum Kind {
    case folder, photo, circle, deadLink
    case other(ImageFormat?)
    case closed(reason: String)
  }

  private func kindOf(
    _ path: [UInt8], _ name: [UInt8], _ type: Int32
  ) throws(DatasetError) -> Kind {
    if type == Int32(DT_DIR) { return .folder }
    if type == Int32(DT_LNK) || type == Int32(DT_UNKNOWN) {
      var target = stat()
      let isThere = stat(absolute(path), &target) == 0
      if isThere, target.st_mode & S_IFMT == S_IFDIR {
        return leadsUp(path, target) ? .circle : .folder
      }
      // A photo that is not there is told as one.
      if !isThere, type == Int32(DT_LNK), PhotoName(name) != .photo { return .deadLink }
    }
    switch PhotoName(name) {
    case .photo: return .photo
    case .other: return .other(nil)
    case .unknown:
      do throws(ImageError) {
        let format = try FileReader.format(of: absolute(path))
        return format?.isRead == true ? .photo : .other(format)
      } catch {
        // Whoever may not read it may not want it read; what a disk loses is not to be missed.
        guard error.isOfMachine else { return .closed(reason: error.description) }
        throw .unreadable(path: absolute(path), reason: error.description)
      }
    }
  }

  /// Whether the folder `target` that is found at `path` is one of those above it.
  private func leadsUp(_ path: [UInt8], _ target: stat) -> Bool {
    var above = path[...]
    while let cut = above.lastIndex(of: UInt8(ascii: "/")) {
      above = above[..<cut]
      if isSame(target, absolute(Array(above))) { return true }
    }
    return isSame(target, root)
  }

  private func isSame(_ target: stat, _ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_ino == target.st_ino
      && facts.st_dev == target.st_dev
  }

  private func absolute(_ path: [UInt8]) -> String {
    path.isEmpty ? root : root + "/" + String(decoding: path, as: UTF8.self)
  }

  private static func join(_ folder: [UInt8], _ name: [UInt8]) -> [UInt8] {
    folder.isEmpty ? name : folder + [UInt8(ascii: "/")] + name
  }

  private static func name(of entry: UnsafeMutablePointer<dirent>) -> [UInt8] {
    let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
    let start = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: UInt8.self)
    return Array(UnsafeBufferPointer(start: start, count: strlen(start)))
  }

  /// The photos and people found, both sorted bytewise.
  func makeIndex() -> PhotoIndex {
    let order = (0..<folders.count).sorted {
      folders.slice($0).lexicographicallyPrecedes(folders.slice($1))
    }
    var person = [Int32](repeating: 0, count: folders.count)
    for (rank, folder) in order.enumerated() { person[folder] = Int32(rank) }
    let people = order.map { folders.slice($0).isEmpty ? "." : folders[$0] }
    let paths = photos
    return PhotoIndex(
      photos: PhotoList(people: folderOfPhoto.map { person[Int($0)] }) { paths[$0] },
      people: people)
  }
}
