internal import Collectives
package import Sessions
private import Synchronization
internal import Threads

/// Work on photos one by one, on all workers of a rank.
package enum PhotoWork {
  /// What `body` gives for each photo of `share`, in their order; `what` it does is said with its
  /// rate and the time left once it lasts. Throws what `body` throws first: what is wrong with a
  /// disk is wrong with the next photo too, and none begins after it.
  package static func run<Outcome: Sendable>(
    _ what: String, on share: Range<Int>, in session: Session,
    _ body: @escaping (_ worker: Int, _ photo: Int) throws -> Outcome
  ) throws -> [Outcome] {
    nonisolated(unsafe) let body = body
    let outcomes = Mutex([Outcome?](repeating: nil, count: share.count))
    let failure = Mutex<(any Error)?>(nil)
    let meter = WorkMeter()
    meter.expect(share.count)
    let start = Clock.seconds
    try session.pool.forEach(share.count) {
      session.communicator.progress.tick()
      say(what, meter, since: start, in: session)
    } _: { worker, item in
      guard failure.withLock({ $0 == nil }) else { return }
      do {
        let outcome = try body(worker, share.lowerBound + item)
        outcomes.withLock { $0[item] = outcome }
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
      meter.add()
    }
    if let error = failure.withLock({ $0 }) { throw error }
    return outcomes.withLock { $0.compactMap(\.self) }
  }

  /// "aligning photos: 1200 of 3400 photos, 58 a second, 0:38 left", once it lasts.
  private static func say(
    _ what: String, _ meter: WorkMeter, since start: Double, in session: Session
  ) {
    let seconds = Clock.seconds - start
    let (done, total) = (meter.doneCount, meter.totalCount)
    guard seconds > 2, done > 0 else { return }
    let rate = Double(done) / seconds
    let unit = session.communicator.size > 1 ? "photos of the first rank" : "photos"
    session.console.progress(
      "\(what): \(done) of \(total) \(unit), \(Console.fixed(rate, rate < 10 ? 1 : 0)) a second, "
        + "\(Console.duration(Double(total - done) / rate)) left", isLandmark: false)
  }
}
