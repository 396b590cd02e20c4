private import ArgumentParser
internal import Configuration
private import Foundation
internal import Sessions

@main
private enum Main {
  static func main() {
    CrashLine.install(speaker: LaunchedRank.rank.map { "rank \($0)" } ?? "")
    StandardOutput.reserve()
    // The standard library reads arguments there.
    if access("/proc/self/cmdline", R_OK) != 0 {
      fail(
        "/proc is not mounted, from where a program reads its arguments; mount it, also in a chroot",
        code: ExitCode.failure.rawValue)
    }
    if let complaint = StackLimit.complaint {
      fail(complaint, code: ExitCode.failure.rawValue)
    }
    if let word = unreadable(CommandLine.unsafeArgv) {
      fail(
        "'\(word)' is not UTF-8, as names on the command line have to be; rename the file, or give a "
          + "link to it", code: ExitCode.validationFailure.rawValue)
    }
    let arguments = CommandWords.joiningNegativeNumbers(Array(CommandLine.arguments.dropFirst()))
    var command: any ParsableCommand
    do {
      try CommandWords.checkNames(arguments)
      command = try DDPTrain.parseAsRoot(arguments)
      try RepeatedOptions.check(arguments)
    } catch {
      end(parsing: arguments, with: error)
    }
    let environment = ProcessInfo.processInfo.environment
    if LaunchedRank.isFirst {
      for complaint in EnvironmentVariables.complaints(environment) {
        StandardOutput.complain("ddp-train: warning: \(complaint)")
      }
    }
    checkProcessor(environment)
    do {
      if command is any WorkForOne,
        !Dispatch.isForThisProcess(type(of: command).configuration.commandName ?? "")
      {
        finish(code: 0)
      }
      try command.run()
      finish(code: 0)
    } catch let code as ExitCode {
      finish(code: code.rawValue)
    } catch let error as ConfigurationError {
      // Every rank reads the same command line; a rank that waited and still lives is the only one
      // to see the error, such as a file that its host alone lacks.
      if !LaunchedRank.isFirst { sleep(10) }
      fail("\(error)", code: ExitCode.validationFailure.rawValue)
    } catch {
      if DDPTrain.exitCode(for: error) == .success { end(parsing: arguments, with: error) }
      fail("\(error)", code: ExitCode.failure.rawValue)
    }
  }

  /// Ends the process with help, version, completions or a usage error, spoken by the first rank
  /// alone.
  private static func end(parsing arguments: [String], with error: any Error) -> Never {
    let code = DDPTrain.exitCode(for: error)
    guard LaunchedRank.isFirst else {
      // A launcher ends the job at the first failure: the first rank must have spoken by then.
      if code != .success { sleep(1) }
      exit(code.rawValue)
    }
    if code == .success {
      StandardOutput.print(DDPTrain.fullMessage(for: error))
      finish(code: code.rawValue)
    }
    let names = DDPTrain.configuration.subcommands.compactMap { $0.configuration.commandName }
    let word = arguments.first { !$0.hasPrefix("-") }
    if let word, word == arguments.first, !names.contains(word) {
      fail(
        NearestName.complaint("command", word, among: names) + "; see 'ddp-train --help'",
        code: code.rawValue)
    }
    let command =
      DDPTrain.configuration.subcommands.first { $0.configuration.commandName == word }
      ?? Train.self
    let message = CommandWords.withUsualNames(DDPTrain.message(for: error), of: command)
    fail(
      "\(message); see 'ddp-train \(command.configuration.commandName ?? "") --help'",
      code: code.rawValue)
  }

  /// Ends the process with `code`, or with 1 where that says that all is well and a result has not
  /// arrived.
  private static func finish(code: Int32) -> Never {
    guard let complaint = StandardOutput.complaint else { exit(code) }
    fail(complaint, code: code == 0 ? ExitCode.failure.rawValue : code)
  }

  /// The first argument whose bytes are no UTF-8, which Swift would repair: another file's name.
  private static func unreadable(
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<Int8>?>
  ) -> String? {
    var argument = arguments + 1
    while let bytes = argument.pointee {
      if String(validatingCString: bytes) == nil { return String(cString: bytes) }
      argument += 1
    }
    return nil
  }

  private static func checkProcessor(_ environment: [String: String]) {
    #if arch(x86_64)
      let isSkipped = EnvironmentVariables.isOn(
        "DDP_TRAIN_SKIP_CPU_CHECK", in: environment, unset: false)
      guard !isSkipped, let bytes = FileManager.default.contents(atPath: "/proc/cpuinfo")
      else { return }
      let missing = ProcessorRequirements.missing(in: String(decoding: bytes, as: UTF8.self))
      if !missing.isEmpty {
        fail(ProcessorRequirements.complaint(missing: missing), code: ExitCode.failure.rawValue)
      }
    #endif
  }

  /// Says what is wrong in one line on standard error, with rank and host behind the first rank.
  private static func fail(_ message: String, code: Int32) -> Never {
    let line = message.split(separator: "\n").joined(separator: " ")
    StandardOutput.complain("ddp-train: \(LaunchedRank.prefix)\(line)")
    exit(code)
  }
}
