private import ArgumentParser
private import Foundation

/// Options that are given more often than they have values: the parser itself would take the last
/// one without a word.
enum RepeatedOptions {
  /// What a command knows of its options.
  private struct Names {
    /// Those that take a value, and those of them that may be repeated.
    var valued: Set<String> = []
    var repeating: Set<String> = []
    var flags: Set<String> = []
  }

  /// Throws `ValidationError` where `arguments`, which the parser has accepted, give an option of
  /// one value twice, or a flag and its opposite.
  static func check(_ arguments: [String]) throws {
    // Most command lines repeat nothing, and need no look at the table of options.
    let words = arguments.filter { $0.hasPrefix("--") }.map { positive(name($0)) }
    guard Set(words).count < words.count else { return }
    let (names, start) = try names(for: arguments)
    var seen: Set<String> = []
    var at = start
    while at < arguments.count, arguments[at] != "--" {
      let word = arguments[at]
      let name = name(word)
      at += 1
      if names.valued.contains(name) {
        if !word.contains("=") { at += 1 }
        guard seen.insert(name).inserted || names.repeating.contains(name) else {
          throw ValidationError("--\(name) is given twice and has one value; remove one of them")
        }
      } else if names.flags.contains(name) {
        seen.insert(name)
        let opposite = positive(name) == name ? "no-" + name : positive(name)
        if seen.contains(opposite) {
          throw ValidationError("--\(name) and --\(opposite) are both given; remove one of them")
        }
      }
    }
  }

  /// `--name=value` and `--name` without dashes and value.
  private static func name(_ word: String) -> String {
    guard word.hasPrefix("--") else { return "" }
    return String(word.dropFirst(2).prefix { $0 != "=" })
  }

  private static func positive(_ name: String) -> String {
    name.hasPrefix("no-") ? String(name.dropFirst(3)) : name
  }

  /// The options of the command that `arguments` name, and where they begin.
  private static func names(for arguments: [String]) throws -> (Names, start: Int) {
    let commands = DDPTrain.configuration.subcommands
    let word = arguments.first.flatMap { first in
      commands.first { $0.configuration.commandName == first }
    }
    let command = word ?? DDPTrain.configuration.defaultSubcommand ?? Train.self
    // The parser's own description of a command, made for programs that write completions.
    let described = try JSONDecoder().decode(Tool.self, from: Data(command._dumpHelp().utf8))
    var names = Names()
    for argument in described.command.arguments ?? [] {
      let long = (argument.names ?? []).filter { $0.kind == "long" }.map(\.name)
      switch argument.kind {
      case "option":
        names.valued.formUnion(long)
        if argument.isRepeating { names.repeating.formUnion(long) }
      case "flag": names.flags.formUnion(long)
      default: break
      }
    }
    return (names, word == nil ? 0 : 1)
  }

  private struct Tool: Decodable {
    struct Command: Decodable {
      let arguments: [Argument]?
    }
    struct Argument: Decodable {
      struct Name: Decodable {
        let kind: String
        let name: String
      }
      let kind: String
      let isRepeating: Bool
      let names: [Name]?
    }
    let command: Command
  }
}
