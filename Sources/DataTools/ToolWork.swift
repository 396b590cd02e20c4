internal import Collectives
internal import Datasets
internal import Sessions
internal import Threads

/// Work of a tool, which says what it does and how far it is once it lasts.
enum ToolWork {
  /// Runs `body`, whose meter counts `unit`. Throws what `body` throws, and `Interruption` at once
  /// where `stop` wants the end: what `body` does then goes to waste.
  static func run<Result>(
    _ what: String, unit: String = "photos", quietly: Bool = false,
    stop: any StopRequests = NeverAsked(), _ body: @escaping (WorkMeter) throws -> Result
  ) throws -> Result {
    let console = Console(isSpeaker: true, isQuiet: quietly, isLaunched: false)
    let work = LongWork(console: console, progress: RankProgress(), stop: stop)
    return try work.run(what, unit: unit, body)
  }

  /// What decoding `photos` of `set` finds, on `threads` threads, nil for the host's share. Throws
  /// `Interruption` where `stop` wants the end.
  static func decode<Photos: RandomAccessCollection<Int> & Sendable>(
    _ photos: Photos, of set: PhotoSet, threads: Int? = nil, quietly: Bool = false,
    stop: any StopRequests = NeverAsked()
  ) throws -> DecodedPhotos where Photos.Index == Int {
    try run("decoding photos", quietly: quietly) {
      try DecodedPhotos(
        photos, of: set, threads: ToolThreads.count(threads), meter: $0, stop: stop)
    }
  }
}

/// What ends a tool before its end.
enum ToolError: Error, CustomStringConvertible {
  /// Somebody has asked for the end.
  case interrupted(out: String)

  var description: String {
    switch self {
    case .interrupted(let out): "interrupted: nothing is written to '\(out)'"
    }
  }
}
