private import Glibc

/// What control groups (cgroups(7)) leave this process of its host, as containers and batch systems
/// limit it.
package struct ControlGroup: Sendable, Equatable {
  /// Processors' worth of time, such as 0.5; nil for no limit.
  package let processors: Double?
  /// Bytes that the group may still take, of its memory and of its swap; nil for no limit.
  package let freeBytes: Int?
  /// The bytes that it may have in all; nil for no limit.
  package let limitBytes: Int?
  /// Tells the groups of one host apart: ranks of one share its limits.
  package let name: String

  package init(
    processors: Double?, freeBytes: Int? = nil, limitBytes: Int? = nil, name: String = ""
  ) {
    self.processors = processors
    self.freeBytes = freeBytes
    self.limitBytes = limitBytes
    self.name = name
  }

  /// That of this process, at this moment.
  package static var current: ControlGroup { ControlGroup(reading: contents(of:)) }

  /// The strictest limits of a process's groups and of those above them. `read` gives the text of a
  /// file, nil where there is none.
  package init(reading read: (String) -> String?) {
    let mounts = Self.mounts(read("/proc/self/mountinfo") ?? "")
    let groups = read("/proc/self/cgroup") ?? ""
    var processors: [Double] = []
    var memory: [(limit: Int, used: Int)] = []
    for line in groups.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let controllers = fields[1].split(separator: ",").map(String.init)
      for mount in mounts where mount.serves(controllers) {
        for folder in mount.folders(of: String(fields[2])) where mount.isUnified {
          processors += Self.quota(read(folder + "/cpu.max")).map { [$0] } ?? []
          if let limit = Self.bytes(read(folder + "/memory.max")) {
            memory.append(
              (limit, Self.used(read(folder + "/memory.current"), read(folder + "/memory.stat"))))
          }
        }
        for folder in mount.folders(of: String(fields[2])) where !mount.isUnified {
          if controllers.contains("cpu") {
            let text = [read(folder + "/cpu.cfs_quota_us"), read(folder + "/cpu.cfs_period_us")]
            processors +=
              Self.quota(text.compactMap(\.self).joined(separator: " "))
              .map { [$0] } ?? []
          }
          if controllers.contains("memory"),
            let limit = Self.bytes(read(folder + "/memory.limit_in_bytes"))
          {
            memory.append(
              (
                limit,
                Self.used(read(folder + "/memory.usage_in_bytes"), read(folder + "/memory.stat"))
              ))
          }
        }
      }
    }
    self.processors = processors.min()
    freeBytes = memory.map { max(0, $0.limit - $0.used) }.min()
    limitBytes = memory.map(\.limit).min()
    name = groups
  }

  /// Whole processors to compute on without being held up: the time that there is, rounded down.
  package var wholeProcessors: Int? { processors.map { max(1, Int($0)) } }

  // MARK: Files

  /// A place where groups are files.
  private struct Mount {
    /// The group that is its root, and the folder that shows it.
    let root, folder: String
    /// Version 2, all controllers in one tree.
    let isUnified: Bool
    let options: [String]

    /// Whether the groups of `controllers` are here; version 2 names none.
    func serves(_ controllers: [String]) -> Bool {
      isUnified ? controllers.isEmpty : controllers.contains { options.contains($0) }
    }

    /// The folders of `group` and of those above it; the root alone where a container shows no
    /// more.
    func folders(of group: String) -> [String] {
      var rest = group
      if root != "/" {
        guard rest == root || rest.hasPrefix(root + "/") else { return [folder] }
        rest = String(rest.dropFirst(root.count))
      }
      var folders = [folder]
      for part in rest.split(separator: "/") where part != ".." {
        folders.append(folders[folders.count - 1] + "/" + part)
      }
      return folders
    }
  }

  /// The mounts of groups in the text of /proc/self/mountinfo, as proc(5) describes it.
  private static func mounts(_ text: String) -> [Mount] {
    text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ").map(String.init)
      guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3,
        ["cgroup", "cgroup2"].contains(fields[dash + 1])
      else { return nil }
      return Mount(
        root: fields[3], folder: fields[4], isUnified: fields[dash + 1] == "cgroup2",
        options: fields[dash + 3].split(separator: ",").map(String.init))
    }
  }

  /// `QUOTA PERIOD` in microseconds as processors; nil for none, which is `max` or -1.
  private static func quota(_ text: String?) -> Double? {
    let words = (text ?? "").split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let quota = Double(words[0]), let period = Double(words[1]),
      quota > 0, period > 0
    else { return nil }
    return quota / period
  }

  /// A limit in bytes; nil for none, which is `max`, or in version 1 about 2^63.
  private static func bytes(_ text: String?) -> Int? {
    guard let text, let bytes = Int(text.filter { !$0.isWhitespace }), bytes < 1 << 60 else {
      return nil
    }
    return bytes
  }

  /// Bytes in use, without the files that the system keeps in memory and gives up when asked to.
  private static func used(_ usage: String?, _ statistics: String?) -> Int {
    let used = bytes(usage) ?? 0
    let files = (statistics ?? "").split(separator: "\n").compactMap { line -> Int? in
      let words = line.split(separator: " ")
      guard words.count == 2, ["inactive_file", "active_file"].contains(words[0]) else {
        return nil
      }
      return Int(words[1])
    }
    return max(0, used - files.reduce(0, +))
  }

  /// The text of a file of proc(5) or of a group; nil where there is none.
  static func contents(of path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 65_536) { buffer in
      while true {
        let count = fread(buffer.baseAddress, 1, buffer.count, file)
        if count == 0 { return }
        bytes += buffer[..<count]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
