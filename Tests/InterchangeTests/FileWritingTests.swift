import Foundation
import Interchange
import Testing

/// One way writes files, whole or not at all.
@Suite struct FileWritingTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// What writes to a file system, and how often who may do it beside `AtomicFile`.
  private static let patterns: [(pattern: String, allowed: [String: Int])] = [
    (#"\.write\(\s*to: URL|atomically:|options: \.atomic"#, [:]),
    (#"createFile\(|FileHandle\(for(Writing|Updating)|OutputStream\("#, [:]),
    (#"createDirectory|\bmkdir\("#, ["TextFile.swift": 1, "RunFolderClaim.swift": 2]),
    // The reason why a job is lost, written while its process ends.
    (#"\bfopen\([^)]*, "[wa]"#, ["JobEnd.swift": 1]),
    // Files that grow, files that are locks or are overwritten in place, and a probe of the disk.
    (
      #"\bopen\([^;]{0,80}?(O_CREAT|O_APPEND|O_TRUNC)"#,
      [
        "AtomicFile.swift": 2, "CSVLog.swift": 1, "DoctorProbes.swift": 1, "EventFile.swift": 1,
        "RunFolderClaim.swift": 1, "RunLog.swift": 2, "RunOwnership.swift": 1,
      ]
    ),
  ]

  @Test func nothingElseWritesFiles() throws {
    var seen: Set<String> = []
    for folder in ["Sources", "Benchmarks"] {
      let files = try #require(
        FileManager.default.enumerator(atPath: Self.root.appending(path: folder).path))
      for case let name as String in files where name.hasSuffix(".swift") {
        let file = Self.root.appending(path: folder).appending(path: name)
        let text = try String(contentsOf: file, encoding: .utf8)
        for (pattern, allowed) in Self.patterns {
          let found = try NSRegularExpression(pattern: pattern).numberOfMatches(
            in: text, range: NSRange(text.startIndex..., in: text))
          guard found > 0 else { continue }
          seen.insert(pattern)
          #expect(
            found <= allowed[file.lastPathComponent, default: 0],
            "\(folder)/\(name) writes by itself (\(pattern)); take TextFile, BytesFile or Folders")
        }
      }
    }
    // What is looked for is written as it is looked for.
    #expect(seen.isSuperset(of: Self.patterns.filter { !$0.allowed.isEmpty }.map(\.pattern)))
  }

  @Test func aLinkStaysAndItsFileIsReplaced() throws {
    let folder = try TemporaryFolder()
    let target = try folder.write([1], "target")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link"), withDestinationPath: "target")
    try BytesFile.write([2, 3], to: folder.file("link"))
    #expect(try folder.bytes("target") == [2, 3])
    let kind = try FileManager.default.attributesOfItem(atPath: folder.file("link"))[.type]
    #expect(kind as? FileAttributeType == .typeSymbolicLink)
    #expect(folder.names == ["link", "target"], "\(target)")
  }

  @Test func aDeviceIsWrittenToAndStaysADevice() throws {
    try TextFile.write("x", to: "/dev/null")
    #expect(throws: InterchangeError.noSpace(path: "/dev/full")) {
      try TextFile.write("x", to: "/dev/full")
    }
    for device in ["/dev/null", "/dev/full"] {
      let kind = try FileManager.default.attributesOfItem(atPath: device)[.type]
      #expect(kind as? FileAttributeType == .typeCharacterSpecial, "\(device)")
    }
  }

  @Test func aFolderIsNoPlaceForAFile() throws {
    let folder = try TemporaryFolder()
    #expect {
      try TextFile.write("x", to: folder.path)
    } throws: {
      "\($0)".contains("it is a folder")
    }
    #expect(folder.names == [])
  }

  @Test func theLongestNameThatTheSystemAllowsIsWritten() throws {
    let folder = try TemporaryFolder()
    let name = String(repeating: "ä", count: 125) + ".jpg"
    try BytesFile.write([7], to: folder.file(name))
    #expect(folder.names == [name])
  }

  @Test func whatIsNotFinishedLeavesWhatWasThere() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1], "old")
    func half() throws {
      let file = try AtomicFile(path: path)
      try file.append([9, 9])
      throw CocoaError(.fileNoSuchFile)
    }
    #expect(throws: CocoaError.self) { try half() }
    #expect(try folder.bytes("old") == [1] && folder.names == ["old"])
  }

  @Test func foldersAreMadeWithThoseAboveThem() throws {
    let folder = try TemporaryFolder()
    try Folders.make(folder.file("a/b//c"))
    try Folders.make(folder.file("a/b/c"))
    _ = try folder.write([], "file")
    #expect(throws: InterchangeError.self) { try Folders.make(folder.file("file")) }
    #expect(throws: InterchangeError.self) { try Folders.make(folder.file("file/below")) }
  }
}
