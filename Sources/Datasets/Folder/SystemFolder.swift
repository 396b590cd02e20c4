/// Folders that file systems, network storage and desktops put among people's own, with thumbnails
/// and deleted files in them.
enum SystemFolder {
  /// What the folder called `name` (the last part of its path) is, for the count of what is passed
  /// over, such as `@eaDir (folder of a network storage)`; nil for one that is somebody's own.
  static func keeper(of name: some Collection<UInt8>) -> String? {
    guard name.count <= longest else { return nil }
    let text = String(decoding: name, as: UTF8.self).lowercased()
    guard let (known, keeper) = keepers[text] else { return nil }
    return "\(known) (folder of \(keeper))"
  }

  /// Whether one of the folders in `path` is such a one.
  static func holds(_ path: String) -> Bool {
    let folders = path.utf8.split(separator: UInt8(ascii: "/")).dropLast()
    return folders.contains { keeper(of: $0) != nil }
  }

  private static let longest = keepers.keys.map(\.utf8.count).max() ?? 0

  private static let keepers: [String: (name: String, keeper: String)] = {
    let names = [
      // Synology, QNAP, NetApp and others that serve snapshots.
      "a network storage": [
        "@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot", "@tmp", "@__thumb",
        "@SynoResource", "~snapshot",
      ],
      "Windows": [
        "$RECYCLE.BIN", "RECYCLER", "RECYCLED", "System Volume Information", "FOUND.000",
      ],
      "macOS": ["__MACOSX", "Network Trash Folder", "Temporary Items", "TheVolumeSettingsFolder"],
      "a file system": ["lost+found"],
    ]
    return Dictionary(
      uniqueKeysWithValues: names.flatMap { keeper, names in
        names.map { ($0.lowercased(), ($0, keeper)) }
      })
  }()
}
