private import ArgumentParser
internal import Configuration
private import Foundation
internal import Sessions

@main
private enum Main {
  static func main() {
    CrashLine.install(speaker: LaunchedRank.rank.map { "rank \($0)" } ?? "")
    StandardOutput.reserve()
    let arguments = CommandWords.joiningNegativeNumbers(Array(CommandLine.arguments.dropFirst()))
    var command: any ParsableCommand
    do {
      command = try DDPTrain.parseAsRoot(arguments)
      try RepeatedOptions.check(arguments)
    } catch {
      end(parsing: arguments, with: error)
    }
    checkProcessor()
    do {
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

  private static func checkProcessor() {
    #if arch(x86_64)
      guard ProcessInfo.processInfo.environment["DDP_TRAIN_SKIP_CPU_CHECK"] == nil,
        let bytes = FileManager.default.contents(atPath: "/proc/cpuinfo")
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
