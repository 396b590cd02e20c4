import Foundation
import Glibc
import Interchange
import TestSupport
import Testing

/// A file's hashes stand before the bytes that they are of.
@Suite struct SafetensorsWritingTests {
  private final class Lent: @unchecked Sendable {
    var count = 0
  }

  private static func tensors(_ lent: Lent) -> [SafetensorsTensor] {
    [3, 70_000].map { count in
      let floats = (0..<count).map { Float($0) / 7 }
      return SafetensorsTensor(name: "of-\(count)", type: .float32, shape: [count]) { lend in
        lent.count += 1
        try floats.withUnsafeBytes(lend)
      }
    }
  }

  private static let metadata = ["what": "ever", "longer": String(repeating: "x", count: 300)]

  /// A file gets them at the end and its bytes are lent once; a pipe, in which nothing can be put
  /// right later, twice: the same bytes.
  @Test func aPipeGetsTheBytesOfAFile() throws {
    let folder = try TemporaryFolder()
    let (plain, pipe) = (folder.file("file"), folder.file("pipe"))
    let (toFile, toPipe) = (Lent(), Lent())
    try SafetensorsFile.write(
      tensors: Self.tensors(toFile), metadata: Self.metadata, to: plain)
    #expect(mkfifo(pipe, 0o600) == 0)
    let arrived = TestEvent()
    nonisolated(unsafe) var bytes = Data()
    Thread {
      bytes = FileHandle(forReadingAtPath: pipe)?.readDataToEndOfFile() ?? Data()
      arrived.set()
    }.start()
    try SafetensorsFile.write(
      tensors: Self.tensors(toPipe), metadata: Self.metadata, to: pipe)
    #expect(arrived.wait())
    #expect(toFile.count == 2 && toPipe.count == 4)
    #expect(try Data(contentsOf: URL(fileURLWithPath: plain)) == bytes)
    let file = try SafetensorsFile(path: plain)
    try file.verify(requiresChecksums: true)
    #expect(file.metadata["what"] == "ever")
  }
}
