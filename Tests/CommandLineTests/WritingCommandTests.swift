import ArgumentParser
import TestSupport
import Testing

@testable import ddp_train

/// Every path that a command takes is known to be read or written.
@Suite struct WritingCommandTests {
  /// The paths of a command: long names of options, and what words are called.
  private func paths(of command: any ParsableCommand.Type) -> Set<String> {
    var paths: Set<String> = []
    for argument in CommandWords.arguments(of: command) {
      let completion = argument["completionKind"] as? [String: Any] ?? [:]
      guard completion["file"] != nil || completion["directory"] != nil else { continue }
      let word = argument["valueName"] as? String ?? ""
      paths.insert(CommandWords.names(of: argument).first ?? word)
    }
    return paths
  }

  @Test func everyPathIsReadOrWritten() throws {
    var count = 0
    for command in DDPTrain.configuration.subcommands {
      let name = try #require(command.configuration.commandName)
      let kinds = [
        WritingOptions.files[name] ?? [], WritingOptions.folders[name] ?? [],
        WritingOptions.inputs[name] ?? [],
      ]
      let known = kinds.reduce(Set<String>()) { $0.union($1) }
      #expect(paths(of: command) == known, "\(name)")
      #expect(known.count == kinds.reduce(0) { $0 + $1.count }, "\(name)")
      count += known.count
    }
    #expect(count > 60)
  }

  /// What is called as outputs are, and is no path by its completion, would pass unseen.
  @Test func whatIsCalledAsOutputsAreIsAPath() throws {
    let words = ["out", "csv", "html", "json", "report", "file", "folder", "path"]
    for command in DDPTrain.configuration.subcommands {
      let name = try #require(command.configuration.commandName)
      let paths = paths(of: command)
      for argument in CommandWords.arguments(of: command)
      where argument["kind"] as? String != "flag" {
        let value = (argument["valueName"] as? String ?? "").split { !$0.isLetter }.map(String.init)
        let called = CommandWords.names(of: argument).first
        guard let called, value.contains(where: words.contains) else { continue }
        #expect(paths.contains(called), "\(name) \(called) takes \(value)")
      }
    }
  }

  @Test func noCommandIsKnownThatIsNone() {
    let commands = Set(
      DDPTrain.configuration.subcommands.compactMap { $0.configuration.commandName })
    for table in [WritingOptions.files, WritingOptions.folders, WritingOptions.inputs] {
      #expect(Set(table.keys).isSubset(of: commands))
    }
    #expect(Set(WritingOptions.inputs.keys) == commands)
  }
}
