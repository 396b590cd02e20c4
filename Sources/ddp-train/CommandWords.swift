internal import ArgumentParser
internal import Configuration
private import Foundation

/// The words of the command line, before and after ArgumentParser sees them.
enum CommandWords {
  /// `words` with a number below zero joined to the option before it: `--lr -1` is one word
  /// `--lr=-1`, whose value can then be judged.
  static func joiningNegativeNumbers(_ words: [String]) -> [String] {
    var joined: [String] = []
    var isOptions = true
    for word in words {
      if word == "--" { isOptions = false }
      if isOptions, isNegativeNumber(word), let last = joined.last, last.hasPrefix("--"),
        last.count > 2, !last.contains("=")
      {
        joined[joined.count - 1] = "\(last)=\(word)"
      } else {
        joined.append(word)
      }
    }
    return joined
  }

  /// `-1`, `-.5`, `-1e`, `-inf`, `-nan`: no option begins with these.
  private static func isNegativeNumber(_ word: String) -> Bool {
    guard word.hasPrefix("-"), let next = word.dropFirst().first else { return false }
    let rest = word.dropFirst().lowercased()
    return next.isNumber || next == "." || rest.hasPrefix("inf") || rest.hasPrefix("nan")
  }

  /// Throws `ValidationError` for a file's name that begins with a dash, which would be read as
  /// options: a word before `--` with an ending, such as `-1.jpg`.
  static func checkNames(_ words: [String]) throws {
    for word in words.prefix(while: { $0 != "--" }) where word.hasPrefix("-") {
      guard !word.contains("="), let point = word.lastIndex(of: ".") else { continue }
      let ending = word[word.index(after: point)...]
      guard ending.count > 1, ending.first?.isLetter == true,
        ending.allSatisfy({ $0.isLetter || $0.isNumber })
      else { continue }
      throw ValidationError(
        "'\(word)' begins with a dash and is read as an option; for a file of that name write "
          + "'./\(word)', or put '--' before the names")
    }
  }

  /// What ArgumentParser says of each argument of `command`.
  static func arguments(of command: any ParsableCommand.Type) -> [[String: Any]] {
    let document = try? JSONSerialization.jsonObject(with: Data(command._dumpHelp().utf8))
    let tool = (document as? [String: Any])?["command"] as? [String: Any]
    return tool?["arguments"] as? [[String: Any]] ?? []
  }

  /// The long names of an argument, with their dashes.
  static func names(of argument: [String: Any]) -> [String] {
    (argument["names"] as? [[String: Any]] ?? []).compactMap { name in
      (name["name"] as? String).map { "--\($0)" }
    }
  }

  /// `message` of ArgumentParser about an unknown option, with what the field's usual name for it
  /// means in `command`.
  static func withUsualNames(_ message: String, of command: any ParsableCommand.Type) -> String {
    let start = "Unknown option '--"
    guard message.hasPrefix(start) else { return message }
    let name = String(message.dropFirst(start.count).prefix { $0 != "'" })
    let known = arguments(of: command).flatMap(names).map { String($0.dropFirst(2)) }
    guard let meaning = UsualNames.meaning(of: name, among: known) else { return message }
    return "Unknown option '--\(name)'. Did you mean '--\(meaning)'?"
  }
}
