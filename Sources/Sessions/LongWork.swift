package import Collectives
private import Dispatch
private import Synchronization
package import Threads

/// Work of this rank alone that may last: it can be left at any moment, and says how far it is.
package struct LongWork {
  /// Until then nothing is said of a work.
  private static let quietSeconds = 2.0
  private static let lookSeconds = 0.02
  private static let abandoned = Atomic<Bool>(false)

  private let console: Console
  private let progress: RankProgress
  private let stop: any StopRequests

  /// Work in a process that speaks through `console` and is left where `stop`, or another rank,
  /// wants the end.
  package init(console: Console, progress: RankProgress, stop: any StopRequests) {
    self.console = console
    self.progress = progress
    self.stop = stop
  }

  /// Whether a work was left that may still run, so that the process must end without its exit
  /// handlers.
  package static var isAbandoned: Bool { abandoned.load(ordering: .relaxed) }

  /// Whether the run is to end.
  package var isStopped: Bool { stop.wantsEnd || progress.peersWantEnd }

  /// Throws `Interruption` where the run is to end.
  package func check() throws {
    if isStopped { throw Interruption() }
  }

  /// Runs `body` on a thread of its own and returns what it returns; `what` it does and of which
  /// `unit` its meter counts is said once it lasts. Makes no collective. Throws what `body` throws,
  /// and `Interruption` at once where the run is to end: what `body` does then goes to waste.
  package func run<Result>(
    _ what: String, unit: String = "", _ body: @escaping (WorkMeter) throws -> Result
  ) throws -> Result {
    try check()
    let job = Job(body)
    job.start()
    let start = Clock.seconds
    var told = 0
    while job.done.wait(timeout: .now() + Self.lookSeconds) == .timedOut {
      if isStopped {
        Self.abandoned.store(true, ordering: .relaxed)
        throw Interruption()
      }
      let done = job.meter.doneCount
      if done != told { progress.tick() }
      told = done
      say(what, job.meter, unit: unit, since: start)
    }
    return try job.outcome!.get()
  }

  /// Runs `body` as `work` does or, without one, here.
  package static func run<Result>(
    in work: LongWork?, _ what: String, unit: String = "",
    _ body: @escaping (WorkMeter) throws -> Result
  ) throws -> Result {
    guard let work else { return try body(WorkMeter()) }
    return try work.run(what, unit: unit, body)
  }

  /// To be called often by who waits for `what`, which began at `start`: says so once it lasts, and
  /// throws `Interruption` where the run is to end.
  package func look(
    _ what: String, _ meter: WorkMeter? = nil, unit: String = "", since start: Double
  ) throws {
    try check()
    say(what, meter ?? WorkMeter(), unit: unit, since: start)
  }

  private func say(_ what: String, _ meter: WorkMeter, unit: String, since start: Double) {
    let seconds = Clock.seconds - start
    guard seconds > Self.quietSeconds else { return }
    console.progress(Self.line(what, meter, unit: unit, seconds: seconds), isLandmark: false)
  }

  /// "listing photos: 1200 of 3400 photos, 5 s"; from the tenth second on also how many a second
  /// and, where the end is known, the time left.
  package static func line(
    _ what: String, _ meter: WorkMeter, unit: String, seconds: Double
  ) -> String {
    let (done, total) = (meter.doneCount, meter.totalCount)
    let counted = meter.unit ?? unit
    let count = done == 0 ? "" : "\(done)" + (total > 0 ? " of \(total)" : "") + " \(counted), "
    return "\(what): \(count)\(Int(seconds)) s"
      + (meter.unit == nil ? rest(done, of: total, seconds: seconds) : "")
  }

  /// ", 120 a second, 18 s left"; nothing of what has hardly begun, or whose end nobody knows.
  private static func rest(_ done: Int, of total: Int, seconds: Double) -> String {
    guard seconds >= 10, done > 0, total >= done else { return "" }
    let rate = Double(done) / seconds
    let left = Double(total - done) / rate
    let time =
      left < 120
      ? "\(Int(left)) s" : left < 7200 ? "\(Int(left / 60)) min" : "\(Int(left / 3600)) h"
    return ", \(rate < 10 ? Console.fixed(rate, 1) : "\(Int(rate))") a second, \(time) left"
  }

  private final class Job<Result>: @unchecked Sendable {
    let body: (WorkMeter) throws -> Result
    let meter = WorkMeter()
    let done = DispatchSemaphore(value: 0)
    var outcome: Swift.Result<Result, any Error>?

    init(_ body: @escaping (WorkMeter) throws -> Result) { self.body = body }

    func start() { DetachedBody.start { self.run() } }

    private func run() {
      outcome = Swift.Result { try body(meter) }
      done.signal()
    }
  }
}

extension LongWork {
  /// Says on the first rank that it waits for the others, from the third second of a wait on: what
  /// is called while ranks meet.
  package func waitSayer() -> () throws -> Void {
    var began = 0.0
    var last = -Double.infinity
    return {
      let now = Clock.seconds
      if now - last > 0.5 { began = now }
      last = now
      guard now - began > Self.quietSeconds else { return }
      console.progress("waiting for the other ranks: \(Int(now - began)) s", isLandmark: false)
    }
  }
}

/// For work that a signal ends with its process.
package struct NeverAsked: StopRequests {
  package init() {}
  package var wantsEnd: Bool { false }
  package var wantsCheckpoint: Bool { false }
  package func forgetCheckpoint() {}
}

extension Session {
  /// What makes work of this rank say how far it is, in a command that a signal ends at once.
  package var work: LongWork {
    LongWork(console: console, progress: communicator.progress, stop: NeverAsked())
  }
}
