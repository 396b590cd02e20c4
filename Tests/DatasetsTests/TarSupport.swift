/// Tar archives (POSIX ustar) as tests need them.
enum Tar {
  struct Member {
    var name: String
    var bytes: [UInt8] = []
    /// `0` a file, `1` a hard link, `2` a symbolic link, `5` a folder, `S` GNU's sparse file.
    var kind: Character = "0"
    var link = ""
  }

  /// An archive of plain files; returns its path.
  @discardableResult
  static func write(
    _ files: [(name: String, bytes: [UInt8])], to folder: TemporaryFolder, _ name: String
  ) -> String {
    folder.write(name, archive(files.map { Member(name: $0.name, bytes: $0.bytes) }))
  }

  static func archive(_ members: [Member]) -> [UInt8] {
    members.flatMap(block) + [UInt8](repeating: 0, count: 1024)
  }

  private static func block(_ member: Member) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at place: Int) {
      for (offset, byte) in text.utf8.enumerated() { header[place + offset] = byte }
    }
    func octal(_ value: Int, _ width: Int) -> String {
      let digits = String(value, radix: 8)
      return String(repeating: "0", count: width - digits.count) + digits
    }
    put(member.name, at: 0)
    put("0000644", at: 100)
    put(octal(member.bytes.count, 11), at: 124)
    put(octal(0, 11), at: 136)
    put(String(repeating: " ", count: 8), at: 148)
    put(String(member.kind), at: 156)
    put(member.link, at: 157)
    put("ustar\0" + "00", at: 257)
    put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\0", at: 148)
    let padding = (512 - member.bytes.count % 512) % 512
    return header + member.bytes + [UInt8](repeating: 0, count: padding)
  }
}
