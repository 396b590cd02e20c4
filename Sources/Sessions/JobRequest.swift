package import Collectives

/// What the command line of one rank asks for, which all ranks compare before anything else: those
/// that go different ways would take each other's messages for what they are not.
package struct JobRequest: Sendable {
  /// The command, such as "train".
  let command: String
  /// One line for each option or word, without what ranks may have of their own.
  let lines: [String]
  /// Whether one process does the work, and ranks beside it have nothing to do.
  let isForOne: Bool

  /// A command that ranks do together, with `lines` that all of them must have.
  package init(together command: String, lines: [String]) {
    self.command = command
    self.lines = lines
    isForOne = false
  }

  /// The same by the words of the command line. Hosts may have files in different folders and
  /// threads of their own; the name of a file is the same.
  package init(together command: String, words: [String]) {
    var lines: [String] = []
    var isOwn = false
    for word in words {
      if isOwn {
        isOwn = false
      } else if word == "--threads" {
        isOwn = true
      } else if !word.hasPrefix("--threads=") {
        lines.append(Self.name(word))
      }
    }
    self.init(together: command, lines: lines)
  }

  /// A command that one process does, by the words of the command line, in the `folder` that they
  /// are relative to.
  package init(alone command: String, words: [String], in folder: String) {
    self.command = command
    lines = [folder] + words
    isForOne = true
  }

  /// The last part of a path.
  package static func name(_ path: String) -> String {
    String(path.split(separator: "/").last ?? "/")
  }

  /// Compares what all ranks ask for; a collective, and the first one. Returns the ranks
  /// that ask for the same as this one, which are all of them unless each asks for work of one
  /// process. Throws `WorldCheck.Failure` where ranks differ that have to work together.
  @discardableResult
  package func agree(over communicator: any Communicator) throws -> [Int] {
    guard communicator.size > 1 else { return [0] }
    let own = [
      communicator.hostName, WorldCheck.program, command, lines.joined(separator: "\n"),
      "\(isForOne)",
    ]
    let all = try communicator.allGather(value: own)
    if all.allSatisfy({ $0[4] == "true" }) {
      return all.indices.filter { all[$0][2] == own[2] && all[$0][3] == own[3] }
    }
    for (field, what) in [(1, "the program"), (2, "the command"), (3, "the configuration")]
    where Set(all.map { $0[field] }).count > 1 {
      var groups = WorldCheck.groups(all, by: field)
      if field > 1, let texts = WorldCheck.differences(all.map { $0[field] }) {
        groups += " (\(texts))"
      }
      throw WorldCheck.Failure.different(what: what, groups: groups)
    }
    return Array(all.indices)
  }
}
