import ArgumentParser
import Configuration
import Foundation
import Testing

@testable import ddp_train

/// Every path of every command is read in one way.
@Suite struct PathArgumentTests {
  /// A command line of each command that parses, with all of its positional words.
  private static let lines: [String: [String]] = [
    "train": [], "doctor": [], "evaluate": ["r", "--data", "d"],
    "embed": ["r", "--data", "d", "--out", "e.npy"], "verify": ["r", "a", "b"],
    "identify": ["r", "a", "--gallery", "g"], "cluster": ["r", "a"],
    "sweep": ["quantization", "r", "--data", "d"], "import": ["w.pth", "--out", "o"],
    "export": ["r", "--to", "onnx", "--out", "o"], "inspect": ["r"], "card": ["r"],
    "compare": ["a", "b"],
    "pack": ["d", "--to", "rec", "--out", "o"], "check": ["d"],
    "align": ["d", "o", "--landmarks", "l"], "synthesize": ["o"],
    "ijb": ["r", "f"], "tinyface": ["r", "f"], "pairs": ["d", "--out", "o"],
  ]

  private static var commands: [any ParsableCommand.Type] { DDPTrain.configuration.subcommands }

  private static func isPath(_ argument: [String: Any]) -> Bool {
    let completion = argument["completionKind"] as? [String: Any] ?? [:]
    return completion["file"] != nil || completion["directory"] != nil
  }

  /// What is said of `words`, by the parser or by the table of options; nil where they are good.
  private func complaint(_ words: [String]) -> String? {
    do {
      let command = try DDPTrain.parseAsRoot(words)
      let given = (command as? Train)?.given ?? (command as? Import)?.contract.given ?? []
      _ = try RunConfiguration.resolve(flags: given)
      return nil
    } catch {
      return DDPTrain.message(for: error)
    }
  }

  @Test func theseTestsKnowEveryCommand() throws {
    #expect(Set(Self.lines.keys) == Set(Self.commands.compactMap { $0.configuration.commandName }))
    for (name, words) in Self.lines { #expect(complaint([name] + words) == nil, "\(name)") }
  }

  @Test func everyOptionThatIsAPathIsReadAsOne() throws {
    var count = 0
    for command in Self.commands where command != Doctor.self {
      let name = try #require(command.configuration.commandName)
      for argument in CommandWords.arguments(of: command) where Self.isPath(argument) {
        guard let option = CommandWords.names(of: argument).first else { continue }
        var words = Self.lines[name] ?? []
        if let place = words.firstIndex(of: option) {
          words.removeSubrange(place...place + 1)
        }
        let message = complaint([name] + words + [option, "~nobody/x"])
        #expect(message?.contains("'./~nobody/x'") == true, "\(name) \(option): \(message ?? "-")")
        // Standard output and input have names of their own.
        let dash = complaint([name] + words + [option, "-"])
        #expect(dash?.contains("write /dev/stdout") == true, "\(name) \(option): \(dash ?? "-")")
        count += 1
      }
    }
    #expect(count > 30)
  }

  @Test func everyWordThatIsAPathIsReadAsOne() throws {
    var count = 0
    for (name, words) in Self.lines where !["train", "doctor"].contains(name) {
      // Positional words stand before the options.
      let positional = words.prefix { !$0.hasPrefix("-") }
      for place in positional.indices where !(name == "sweep" && place == 0) {
        var changed = words
        changed[place] = "~nobody/x"
        let message = complaint([name] + changed)
        #expect(message?.contains("'./~nobody/x'") == true, "\(name) \(place): \(message ?? "-")")
        count += 1
      }
    }
    #expect(count > 15)
  }

  @Test func theHomeFolderIsTheSameEverywhere() throws {
    let home = ProcessInfo.processInfo.environment["HOME"] ?? NSHomeDirectory()
    let words = ["embed", "~/r", "--data", "~/d", "--out", "~/e.npy"]
    let embed = try #require(try DDPTrain.parseAsRoot(words) as? Embed)
    #expect(embed.checkpoint == home + "/r" && embed.out == home + "/e.npy")
    #expect(embed.data == .folder(home + "/d"))
    let yaml = "data: ~/d\nsplit: people:~/p.txt\npairs: [~/a.txt, b.txt]\nout: ~/o\nresume: ~/r\n"
    let configuration = try RunConfiguration.parse(
      yaml: yaml, path: "f")
    #expect(configuration.data == .folder(home + "/d") && configuration.out == home + "/o")
    #expect(configuration.split == .people(file: home + "/p.txt"))
    #expect(configuration.pairs == [home + "/a.txt", "b.txt"])
    #expect(configuration.resume == .path(home + "/r"))
    // What is written down is read back as it is.
    let again = try RunConfiguration.parse(
      yaml: configuration.yamlText(), path: "f")
    #expect(again == configuration)
  }

  @Test func doctorTakesTheOptionsOfTheJob() throws {
    let job = [
      "--evaluate-every", "2e", "--pairs", "p.txt", "--resume", "auto", "--keep", "3", "--csv",
      "--out", "runs/x", "--stall", "60", "--dry-run", "--prometheus", "m.prom",
    ]
    let doctor = try #require(try DDPTrain.parseAsRoot(["doctor"] + job) as? Doctor)
    #expect(doctor.runOptions.given.map(\.key).contains("evaluate-every"))
    let help = DDPTrain.helpMessage(for: Doctor.self)
    for option in ConfigurationOption.all { #expect(help.contains("--\(option.name)")) }
  }
}
