#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// A path as people write it, on the command line, in YAML, in lists and in the environment.
///
/// `~` and what begins with `~/` are in the home folder. Nothing else of a shell is known here:
/// `~somebody`, variables and `-` are refused, since a file of that very name is never what was
/// meant.
package enum UserPath {
  /// Why a text is no path; the description says what to do.
  package struct Failure: Error, Equatable, CustomStringConvertible {
    package let description: String
  }

  /// The path that `text` means; throws `Failure` for one that is empty, that only a shell
  /// understands, or that other programs take for standard input and output.
  package static func read(_ text: String) throws(Failure) -> String {
    if text.isEmpty { throw Failure(description: "the path is empty") }
    if text == "-" {
      throw Failure(
        description: "'-' is no file here: write /dev/stdout or /dev/stdin for standard output or "
          + "input, or './-' for a file of that name")
    }
    if text.utf8.contains(0) {
      throw Failure(description: "the path has a zero byte in it, which no file name can have")
    }
    if let variable = variable(in: text) {
      throw Failure(
        description: "'\(text)' names the variable \(variable), which only a shell puts in; "
          + "write the path out")
    }
    guard text.hasPrefix("~") else { return text }
    guard text == "~" || text.hasPrefix("~/") else {
      throw Failure(
        description: "'\(text)' is in the home folder of somebody else; write the path out, or "
          + "'./\(text)' for a file of that name")
    }
    guard let home else {
      throw Failure(
        description: "'\(text)' is in the home folder, and neither HOME nor the system says where "
          + "that is; write the path out")
    }
    return home == "/" ? (text == "~" ? "/" : String(text.dropFirst())) : home + text.dropFirst()
  }

  /// A path of a list: where `text` is absolute or in the home folder that, else below `root`.
  package static func inList(_ text: String, below root: String) -> String {
    if text.hasPrefix("/") { return text }
    if text.hasPrefix("~/"), let path = try? read(text) { return path }
    return root + "/" + text
  }

  /// The first part of `text` that is a shell's variable, `$NAME` or `${NAME}`; nil for a file that
  /// is there under that name.
  private static func variable(in text: String) -> Substring? {
    guard text.contains("$") else { return nil }
    let part = text.split(separator: "/").first { part in
      guard part.first == "$", let next = part.dropFirst().first else { return false }
      return next == "{" || next == "_" || (next.isASCII && next.isLetter)
    }
    guard let part, access(text, F_OK) != 0 else { return nil }
    return part
  }

  /// The home folder of who runs the program, without a slash at its end.
  private static var home: String? {
    var path = getenv("HOME").map { String(cString: $0) } ?? ""
    if !path.hasPrefix("/"), let entry = getpwuid(getuid()), let folder = entry.pointee.pw_dir {
      path = String(cString: folder)
    }
    guard path.hasPrefix("/") else { return nil }
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }
}
