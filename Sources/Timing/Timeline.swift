package import Collectives
private import Foundation
internal import Interchange
internal import Threads

/// What the threads of a rank did when, for a picture of the run (`--timeline`).
///
/// Each lane is written by one thread, into memory that is there from the start and is emptied into
/// the file now and then; when it is full, later spans are counted and left out.
package final class Timeline: @unchecked Sendable {
  private struct Span {
    var name: StaticString
    var begin, end: Double
    var number: Int
  }

  private struct Lane {
    var spans: UnsafeMutablePointer<Span>
    var count = 0
    var dropped = 0
    /// Those that the file tells of.
    var toldDropped = 0
  }

  /// Spans that a thread can keep between two writes.
  package static let capacity = 100_000

  private let lanes: UnsafeMutablePointer<Lane>
  /// The second of rank 0's clock at which the file's times are 0; nil before it is written to.
  private var zero: Double?
  /// Whether the next write begins the file anew; of the first rank alone.
  private var beginsFile = false
  /// Whether the file has the names of the lanes.
  private var hasNames = false
  private let laneCount: Int

  /// A lane for the main thread, which is 0, and one for each of `threads` workers.
  package init(threads: Int) {
    laneCount = threads + 1
    lanes = .allocate(capacity: laneCount)
    for lane in 0..<laneCount {
      (lanes + lane).initialize(to: Lane(spans: .allocate(capacity: Self.capacity)))
    }
  }

  deinit {
    for lane in 0..<laneCount { lanes[lane].spans.deallocate() }
    lanes.deallocate()
  }

  /// Keeps a span of lane `lane` that began at `begin`, by `Clock.seconds`, and ends at `end`, or
  /// now.
  package func record(
    _ name: StaticString, from begin: Double, to end: Double? = nil, lane: Int = 0,
    number: Int = -1
  ) {
    guard lanes[lane].count < Self.capacity else {
      lanes[lane].dropped += 1
      return
    }
    (lanes[lane].spans + lanes[lane].count).initialize(
      to: Span(name: name, begin: begin, end: end ?? Clock.seconds, number: number))
    lanes[lane].count += 1
  }

  /// Keeps what a bucket of gradients went through.
  package func record(_ span: BucketSpan) {
    record("wait for peers", from: span.ready, to: span.agreed)
    record("sum bucket", from: span.agreed, to: span.end, number: span.bucket.count)
  }

  /// Whether a lane may be full before long.
  package var isFilling: Bool {
    (0..<laneCount).contains { lanes[$0].count > Self.capacity / 2 }
  }

  /// Puts the spans that all ranks have kept since the last call behind those in the file at
  /// `path`, on the clock of rank 0, and forgets them. The first call makes the file or, with
  /// `continuing`, goes on with the one that an earlier process has left there. Every rank calls
  /// it, while no worker works; throws where rank 0 cannot write.
  package func write(
    to path: String, continuing: Bool, over communicator: any Communicator
  ) throws {
    let alignment = try ClockAlignment.measure(over: communicator)
    // Whole microseconds, rounded down, so that no span begins before 0.
    let first = Int((firstSecond(alignment, communicator.rank) * 1e6).rounded(.down))
    let earliest = -Double(try communicator.agreeOnMaximum(-first)) / 1e6
    if zero == nil {
      let file = TimelineFile(path: path)
      let wallClock = Date().timeIntervalSince1970 - Clock.seconds
      let kept = continuing ? file.started.map { $0 - wallClock } : nil
      beginsFile = kept == nil
      zero = try communicator.share(kept ?? earliest, from: 0)
    }
    let own = Array(
      json(
        rank: communicator.rank, host: communicator.hostName,
        shift: alignment.offsets[communicator.rank] + (zero ?? earliest)
      ).utf8)
    hasNames = true
    for lane in 0..<laneCount { lanes[lane].count = 0 }
    guard let texts = try communicator.gather(own, at: 0) else { return }
    let events = texts.map { String(decoding: $0, as: UTF8.self) }.filter { !$0.isEmpty }
      .joined(separator: ",\n")
    let file = TimelineFile(path: path)
    if beginsFile {
      let wallClock = Date().timeIntervalSince1970 - Clock.seconds
      try file.write(
        events, started: wallClock + earliest, uncertainties: alignment.uncertainties)
      beginsFile = false
    } else if !events.isEmpty {
      try file.append(events)
    }
  }

  private func firstSecond(_ alignment: ClockAlignment, _ rank: Int) -> Double {
    // A span is kept when it ends: the first to begin may be anywhere.
    let beginnings = (0..<laneCount).lazy.flatMap { lane in
      (0..<self.lanes[lane].count).lazy.map { self.lanes[lane].spans[$0].begin }
    }
    return beginnings.min().map { $0 - alignment.offsets[rank] } ?? Clock.seconds
  }

  /// The events of this rank, with commas between; `shift` is taken from all times.
  private func json(rank: Int, host: String, shift: Double) -> String {
    var events: [String] = []
    if !hasNames {
      events.append(
        "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":\(rank),\"tid\":0,"
          + "\"args\":{\"name\":\"rank \(rank) on \(host)\"}}")
    }
    for lane in 0..<laneCount {
      let name = lane == 0 ? "main: sums and update" : "worker \(lane)"
      let dropped = lanes[lane].dropped
      if !hasNames || dropped != lanes[lane].toldDropped {
        lanes[lane].toldDropped = dropped
        events.append(
          "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":\(rank),\"tid\":\(lane),\"args\":{"
            + "\"name\":\"\(name)\(dropped > 0 ? " (\(dropped) spans left out)" : "")\"}}")
      }
      for index in 0..<lanes[lane].count {
        let span = lanes[lane].spans[index]
        let begin = ((span.begin - shift) * 1e7).rounded() / 10
        let end = ((span.end - shift) * 1e7).rounded() / 10
        let duration = ((end - begin) * 10).rounded() / 10
        events.append(
          "{\"name\":\"\(span.name)\",\"ph\":\"X\",\"pid\":\(rank),\"tid\":\(lane),"
            + "\"ts\":\(begin),\"dur\":\(duration)"
            + (span.number >= 0 ? ",\"args\":{\"number\":\(span.number)}" : "") + "}")
      }
    }
    return events.joined(separator: ",\n")
  }
}
