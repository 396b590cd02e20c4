internal import Threads
internal import Timing

/// One worker's clock through a microbatch: what it did goes to its phases, and to the timeline
/// where there is one.
struct Lap {
  private let worker: Worker
  private let timeline: Timeline?
  private let lane: Int
  private let start: Double
  private var time: Double

  init(of worker: Worker, number index: Int, on timeline: Timeline?) {
    self.worker = worker
    self.timeline = timeline
    lane = index + 1
    start = Clock.seconds
    time = start
  }

  /// Counts the time since the last mark as `phase`.
  mutating func mark(_ phase: PhaseSeconds.Phase) {
    let now = Clock.seconds
    worker.seconds[phase] += now - time
    time = now
  }

  /// Runs `body` as `phase`, with a span of that name.
  mutating func measure<Result>(
    _ phase: PhaseSeconds.Phase, as span: StaticString? = nil, _ body: () throws -> Result
  ) rethrows -> Result {
    let begin = time
    let result = try body()
    mark(phase)
    if let span { timeline?.record(span, from: begin, to: time, lane: lane) }
    return result
  }

  /// A span over what `body`, which marks its phases itself, takes.
  mutating func span(
    _ name: StaticString, _ body: (inout Lap) throws -> Void
  ) rethrows {
    let begin = time
    try body(&self)
    timeline?.record(name, from: begin, to: time, lane: lane)
  }

  /// Closes the lap with a span over all of it.
  func end(_ name: StaticString, number: Int) {
    timeline?.record(name, from: start, lane: lane, number: number)
  }
}
