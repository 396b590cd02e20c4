#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// Where paths lead.
package enum FilePlace {
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

  /// Those of `paths` that lie in `folder` or below, as their paths from there.
  package static func names(of paths: [String], in folder: String) -> Set<String> {
    let root = of(folder)
    let start = root == "/" ? root : root + "/"
    var names: Set<String> = []
    for path in paths {
      // A link in the folder has a name there, wherever it leads.
      let cut = path.lastIndex(of: "/")
      let named = cut.map { of(String(path[..<$0])) + path[$0...] } ?? of(".") + "/" + path
      for place in [of(path), named] where place.hasPrefix(start) {
        names.insert(String(place.dropFirst(start.count)))
      }
    }
    return names
  }

  /// The folder that an absolute path is in.
  static func folder(of place: String) -> String {
    guard let cut = place.lastIndex(of: "/"), cut > place.startIndex else { return "/" }
    return String(place[..<cut])
  }

  /// Whether there is anything at `path`.
  package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Whether a folder is at `path`, or a link to one.
  package static func isFolder(_ path: String) -> Bool { kind(path) == S_IFDIR }

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
