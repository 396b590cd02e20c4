#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif
internal import Threads

/// Walks a tree of folders with one system call a folder, and one more for a symbolic link.
struct FolderWalk {
  let root: String
  private(set) var found: [(path: [UInt8], folder: Int)] = []
  private var folders: [[UInt8]] = []

  private let meter: WorkMeter?

  /// `meter` counts photos as they are found.
  init(root: String, meter: WorkMeter? = nil) {
    self.root = root
    self.meter = meter
  }

  mutating func run() throws(DatasetError) {
    var facts = stat()
    guard stat(root, &facts) == 0 else {
      if errno == ENOENT { throw .noSuchFolder(root) }
      throw .unreadable(path: root, reason: FileReader.reason(errno))
    }
    guard facts.st_mode & S_IFMT == S_IFDIR else { throw .notAFolder(root) }
    var pending: [[UInt8]] = [[]]
    while let folder = pending.popLast() { try list(folder, pending: &pending) }
  }

  /// Lists one folder (a relative path, empty for the root).
  private mutating func list(
    _ folder: [UInt8], pending: inout [[UInt8]]
  ) throws(DatasetError) {
    guard let stream = opendir(absolute(folder)) else {
      throw .unreadable(path: absolute(folder), reason: FileReader.reason(errno))
    }
    defer { closedir(stream) }
    var holdsPhotos = false
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno == 0 { break }
        throw .unreadable(path: absolute(folder), reason: FileReader.reason(errno))
      }
      let kind = Int32(entry.pointee.d_type)
      let name = Self.name(of: entry)
      guard name[0] != UInt8(ascii: ".") else { continue }
      let isPhoto = Self.endsLikePhoto(name)
      let mayBeFolder =
        kind == Int32(DT_DIR) || kind == Int32(DT_LNK) || kind == Int32(DT_UNKNOWN)
      guard isPhoto || mayBeFolder else { continue }
      let path = folder.isEmpty ? name : folder + [UInt8(ascii: "/")] + name
      let isFolder = mayBeFolder && isFolder(path, kind: kind)
      guard isFolder || isPhoto else { continue }
      guard String(validating: path, as: UTF8.self) != nil else {
        throw .notUTF8(path: absolute(path))
      }
      if isFolder {
        pending.append(path)
      } else {
        if !holdsPhotos { folders.append(folder) }
        holdsPhotos = true
        found.append((path, folders.count - 1))
        meter?.add()
      }
    }
  }

  /// Whether `path` is a folder to walk: not one that a link leads back up to.
  private func isFolder(_ path: [UInt8], kind: Int32) -> Bool {
    if kind == Int32(DT_DIR) { return true }
    var target = stat()
    guard stat(absolute(path), &target) == 0 else { return false }
    guard target.st_mode & S_IFMT == S_IFDIR else { return false }
    var above = path[...]
    while true {
      guard let cut = above.lastIndex(of: UInt8(ascii: "/")) else { break }
      above = above[..<cut]
      if isSame(target, absolute(Array(above))) { return false }
    }
    return !isSame(target, root)
  }

  private func isSame(_ target: stat, _ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_ino == target.st_ino
      && facts.st_dev == target.st_dev
  }

  private func absolute(_ path: [UInt8]) -> String {
    path.isEmpty ? root : root + "/" + String(decoding: path, as: UTF8.self)
  }

  private static func name(of entry: UnsafeMutablePointer<dirent>) -> [UInt8] {
    let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
    let start = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: UInt8.self)
    var count = 0
    while start[count] != 0 { count += 1 }
    return Array(UnsafeBufferPointer(start: start, count: count))
  }

  /// Whether `name` ends in .jpg or .jpeg, in any case.
  static func endsLikePhoto(_ name: [UInt8]) -> Bool {
    func ends(_ suffix: StaticString) -> Bool {
      let count = suffix.utf8CodeUnitCount
      guard name.count > count else { return false }
      for i in 0..<count {
        let byte = name[name.count - count + i]
        let isCapital = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
        if (isCapital ? byte | 0x20 : byte) != suffix.utf8Start[i] { return false }
      }
      return true
    }
    return ends(".jpg") || ends(".jpeg")
  }

  /// The photos and people found, both sorted bytewise.
  func makeIndex() -> PhotoIndex {
    let order = folders.indices.sorted { folders[$0].lexicographicallyPrecedes(folders[$1]) }
    var person = [Int](repeating: 0, count: folders.count)
    for (rank, folder) in order.enumerated() { person[folder] = rank }
    let people = order.map { folder -> String in
      folders[folder].isEmpty ? "." : String(decoding: folders[folder], as: UTF8.self)
    }
    let photos = found.sorted { $0.path.lexicographicallyPrecedes($1.path) }.map {
      Photo(path: String(decoding: $0.path, as: UTF8.self), person: person[$0.folder])
    }
    return PhotoIndex(photos: photos, people: people)
  }
}
