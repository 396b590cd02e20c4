private import Collectives
private import MPICollectives
private import Networks
internal import Training

/// The way from a command to the program: the one place that the commands call.
enum Dispatch {
  /// The names of the networks that `--model` takes.
  static let modelNames = Models.names

  /// Trains; the exit code is 0, or 85 when stopped in time with more to do.
  static func train(_ configuration: RunConfiguration, injecting faults: [InjectedFault]) -> Int32 {
    // From here on a signal asks, and kills nobody.
    StopSignals.install()
    return MPIWorld.run { try Program.train(configuration, over: $0, injecting: faults) }
  }

  static func evaluate(_ request: EvaluateRequest) -> Int32 {
    MPIWorld.run {
      try Program.evaluate(request, over: $0)
      return 0
    }
  }

  static func embed(_ request: EmbedRequest) -> Int32 {
    MPIWorld.run {
      try Program.embed(request, over: $0)
      return 0
    }
  }

  static func verify(_ request: VerifyRequest) -> Int32 {
    answer { try Program.answer(request, over: $0) }
  }

  static func identify(_ request: IdentifyRequest) -> Int32 {
    answer { try Program.answer(request, over: $0) }
  }

  static func cluster(_ request: ClusterRequest) -> Int32 {
    answer { try Program.answer(request, over: $0) }
  }

  static func sweep(_ request: SweepRequest) -> Int32 {
    MPIWorld.run {
      guard let lines = try Program.answer(request, over: $0) else { return Program.moreToDo }
      for line in lines { print(line) }
      return 0
    }
  }

  /// Prints the lines that `body` gives on the first rank.
  private static func answer(_ body: (any Communicator) throws -> [String]) -> Int32 {
    MPIWorld.run {
      for line in try body($0) { print(line) }
      return 0
    }
  }

  static func doctor(_ request: DoctorRequest, asJSON: Bool) -> Int32 {
    answer { try Program.doctor(request, asJSON: asJSON, over: $0) }
  }

  static func inspect(_ request: InspectRequest) throws { try Program.inspect(request) }

  static func export(_ request: ExportRequest) throws {
    for line in try Program.export(request) { print(line) }
  }

  static func importWeights(_ request: ImportRequest) throws {
    for line in try Program.importWeights(request) { print(line) }
  }

  static func pack(_ request: PackRequest) throws {
    for line in try Program.pack(request) { print(line) }
  }

  /// Whether the data are without error.
  static func check(_ request: CheckRequest) throws -> Bool {
    let (lines, isGood) = try Program.check(request)
    for line in lines { print(line) }
    return isGood
  }

  /// Whether every photo was aligned.
  static func align(_ request: AlignRequest) throws -> Bool {
    let (lines, isGood) = try Program.align(request)
    for line in lines { print(line) }
    return isGood
  }

  static func synthesize(_ request: SynthesizeRequest) throws { try Program.synthesize(request) }
}
