/// Where the members of a tar archive are by their names, for those that are links to others.
struct TarLinks {
  private var members: [String: TarMember] = [:]
  private static let hopLimit = 16

  /// Goes through the archive once. Throws `DatasetError`.
  init(_ file: RandomAccessFile) throws(DatasetError) {
    var found: [String: TarMember] = [:]
    try TarArchive.forEach(file) { (member, _) throws(DatasetError) in
      found[Self.plain(member.name)] = member
    }
    members = found
  }

  /// The file that `link` leads to, under the link's name; nil where it leads out of the archive,
  /// to something else than a file, or nowhere.
  func file(of link: TarMember) -> TarMember? {
    var member = link
    for _ in 0..<Self.hopLimit {
      let target: String
      switch member.kind {
      case .file: return TarMember(name: link.name, range: member.range)
      case .other: return nil
      case .hardLink(let name): target = name
      case .symbolicLink(let path):
        let folder = member.name.lastIndex(of: "/").map { member.name[...$0] } ?? ""
        target = path.hasPrefix("/") ? path : folder + path
      }
      guard let next = members[Self.plain(target)] else { return nil }
      member = next
    }
    return nil
  }

  /// `path` without `.` and `..` in it.
  private static func plain(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == "..", parts.last.map({ $0 != ".." }) ?? false {
        parts.removeLast()
      } else {
        parts.append(part)
      }
    }
    return parts.joined(separator: "/")
  }
}
