internal import Training

/// The way from a command to the program: the one place that the commands call.
enum Dispatch {
  struct NotWired: Error, CustomStringConvertible {
    let command: String
    var description: String { "\(command) is not wired to the program yet" }
  }

  /// The names of the networks that `--model` takes.
  static let modelNames = [
    "aix-resnet18", "aix-resnet34", "aix-resnet50", "resnet18", "resnet34", "resnet50",
    "iresnet18", "iresnet34", "iresnet50", "iresnet100",
  ]

  /// Trains; the exit code is 0, or 85 when stopped in time with more to do.
  static func train(_ configuration: RunConfiguration) throws -> Int32 {
    throw NotWired(command: "train")
  }

  static func evaluate(_ request: EvaluateRequest) throws { throw NotWired(command: "evaluate") }

  static func embed(_ request: EmbedRequest) throws { throw NotWired(command: "embed") }

  static func inspect(_ request: InspectRequest) throws { throw NotWired(command: "inspect") }

  static func synthesize(_ request: SynthesizeRequest) throws {
    throw NotWired(command: "synthesize")
  }
}
