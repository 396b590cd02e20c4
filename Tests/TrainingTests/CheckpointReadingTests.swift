import Foundation
import RunSupport
import Testing

/// What a run that goes on reads of its checkpoint.
@Suite struct CheckpointReadingTests {
  /// To verify it and to take its tensors is one pass over the file, by one of the ranks.
  @Test func aResumedRunReadsItsCheckpointOnce() async {
    await #expect(processExitsWith: .success) {
      let small = FlaggedRun.small.merging(["steps": "4", "width": "0.5", "embedding": "256"]) {
        $1
      }
      try FlaggedRun.withFolder { folder in
        try FlaggedRun.train(small, in: folder, ranks: 2)
        let path = try SmallRun.checkpoints(in: folder).last!
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
        #expect(size > 4_000_000)
        // What a start without a checkpoint reads, now that this process has read itself.
        let other = try FlaggedRun.withFolder { fresh in
          try Self.bytesRead { _ = try FlaggedRun.train(small, in: fresh, ranks: 2) }
        }
        let resumed = try Self.bytesRead {
          let steps = try FlaggedRun.train(
            ["resume": "auto", "steps": "8"], in: folder, ranks: 2
          ).steps
          #expect(steps == Array(5...8))
        }
        let read = resumed - other
        #expect(
          read >= size && read < size + size / 4, "\(read) bytes read of a file of \(size)")
      }
    }
  }

  /// Bytes that the calls of this process read while `body` runs.
  private static func bytesRead(_ body: () throws -> Void) throws -> Int {
    func all() throws -> Int {
      let text = try String(contentsOfFile: "/proc/self/io", encoding: .utf8)
      let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("rchar: ") })
      return try #require(Int(line.dropFirst(7)))
    }
    let before = try all()
    try body()
    return try all() - before
  }
}
