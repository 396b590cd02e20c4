import ArgumentParser
import Configuration
import Foundation
import Testing

@testable import ddp_train

/// `ddp-train compare` ends as diff and cmp do: 0 for alike, 1 for different, 2 for trouble.
@Suite struct CompareStatusTests {
  private static func withFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  /// What a run of one step with this `loss` leaves before its first checkpoint.
  private static func writeRun(_ path: String, loss: Double) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try Data(RunConfiguration.demo.yamlText().utf8)
      .write(to: URL(fileURLWithPath: path + "/config.yaml"))
    let line =
      "{\"step\":1,\"samples\":64,\"loss\":\(loss),\"skipped_samples\":0,\"skipped\":false,"
      + "\"gradient_hash\":\"00\",\"weights_hash\":\"01\"}\n"
    try Data(line.utf8).write(to: URL(fileURLWithPath: path + "/metrics.jsonl"))
    try Data().write(to: URL(fileURLWithPath: path + "/log.txt"))
  }

  private static func status(_ first: String, _ second: String) throws -> Int32 {
    var command = try DDPTrain.parseAsRoot(["compare", first, second])
    do {
      try command.run()
      return 0
    } catch {
      return DDPTrain.exitCode(for: error).rawValue
    }
  }

  @Test func alikeIsZeroAndDifferentIsOne() throws {
    try Self.withFolder { folder in
      try Self.writeRun(folder + "/one", loss: 1.5)
      try Self.writeRun(folder + "/same", loss: 1.5)
      try Self.writeRun(folder + "/other", loss: 1.25)
      #expect(try Self.status(folder + "/one", folder + "/same") == 0)
      #expect(try Self.status(folder + "/one", folder + "/other") == 1)
    }
  }

  @Test func whatCannotBeReadIsTwo() throws {
    try Self.withFolder { folder in
      try Self.writeRun(folder + "/one", loss: 1.5)
      for other in ["/nothing", "", "/one/config.yaml"] {
        #expect(try Self.status(folder + "/one", folder + other) == 2, "\(other)")
        #expect(try Self.status(folder + other, folder + "/one") == 2, "\(other)")
      }
      let file = folder + "/one/config.yaml"
      #expect(try Self.status(file, file) == 2)
    }
  }
}
