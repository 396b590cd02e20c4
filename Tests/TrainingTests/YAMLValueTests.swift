import Configuration
import Foundation
import Networks
import Testing
import TestSupport

/// Values of a YAML file that are lists, empty or from elsewhere.
@Suite struct YAMLValueTests {
  private func parse(_ yaml: String) throws -> RunConfiguration {
    try RunConfiguration.parse(yaml: yaml, path: "r.yaml")
  }

  private func complaint(_ yaml: String) throws -> String {
    "\(try #require(#expect(throws: ConfigurationError.self) { try parse(yaml) }))"
  }

  @Test(arguments: ["out", "timeline", "prometheus"])
  func aListIsNoPath(name: String) throws {
    let said = try complaint("\(name): [z1, z2]\n")
    #expect(said.contains("\(name): takes one path, not a list"), "\(said)")
  }

  @Test func aPathInAListMayHoldACommaAsOnTheCommandLine() throws {
    #expect(try parse("pairs: [\"p,2.txt\", q.txt]\n").pairs == ["p,2.txt", "q.txt"])
    #expect(try parse("margin: [1, 0.3, 0.2]\nloss: combined\n").margin == [1, 0.3, 0.2])
  }

  @Test(arguments: ["lr:\n", "lr: null\n", "batch: ~\n"])
  func anOptionWithoutAValueIsSaidToHaveNone(yaml: String) throws {
    let said = try complaint(yaml)
    #expect(said.contains("has no value; give one, or remove the line"), "\(said)")
    #expect(try parse("out: null\n").out == nil)
  }

  @Test func mergesAreNamed() throws {
    #expect(try complaint("<<: {lr: 0.1}\n").contains("merges are not read"))
  }

  @Test func aFileThatCannotBeReadIsSaidWithTheReason() throws {
    let said = try #require(
      #expect(throws: ConfigurationError.self) {
        try RunConfiguration.resolve(file: "/nowhere/r.yaml")
      })
    #expect("\(said)".contains("No such file"), "\(said)")
  }

  /// As a shell's `<(...)` hands it over.
  @Test func aPipeIsRead() throws {
    let pipe = Pipe()
    try pipe.fileHandleForWriting.write(contentsOf: Data("batch: 48\n".utf8))
    try pipe.fileHandleForWriting.close()
    let path = "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
    let found = try RunConfiguration.resolve(file: path)
    #expect(found.batch == 48)
  }

  /// The bound of the loss itself.
  @Test func aMarginOfHalfATurnIsRefused() throws {
    let said = try complaint("loss: arcface\nmargin: 3.1416\n")
    #expect(said.contains("from 0 to below pi"), "\(said)")
    #expect(try parse("loss: arcface\nmargin: 3.14\n").margin == [3.14])
  }
}
