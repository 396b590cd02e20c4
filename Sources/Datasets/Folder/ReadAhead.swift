private import Foundation
private import Preconditions
private import Threads

/// How often the bytes of a photo were already there when a worker asked.
package struct ReadAheadCounts: Equatable, Sendable {
  /// Photos that were in memory.
  package var ready = 0
  /// Photos that the reader was just bringing, so that the worker waited.
  package var awaited = 0
  /// Photos that the worker read itself.
  package var missed = 0
  /// Seconds that the reader thread and the workers spent in reading.
  package var readSeconds = 0.0
}

/// One thread that brings the bytes of coming photos into memory, so that workers do not wait for
/// a network file system; a worker whose photo is not there reads it itself.
package final class ReadAhead: PhotoSource, @unchecked Sendable {
  /// Where the bytes come from.
  package let source: any PhotoSource
  private let state: ReadAheadState

  /// Holds at most `photoLimit` photos of `source` and stops fetching above `byteLimit` bytes.
  package init(_ source: any PhotoSource, photoLimit: Int = 512, byteLimit: Int = 64 << 20) {
    require(
      photoLimit > 0 && byteLimit > 0,
      "ReadAhead: room for \(photoLimit) photos, \(byteLimit) bytes")
    self.source = source
    let state = ReadAheadState(photoLimit: photoLimit, byteLimit: byteLimit)
    self.state = state
    let code = DetachedWork.start { state.serve(source) }
    // Without a thread workers read all of it themselves.
    if code != 0 { state.stop() }
  }

  deinit { state.stop() }

  package var count: Int { source.count }
  package func name(of photo: Int) -> String { source.name(of: photo) }
  /// How photos have come so far.
  package var counts: ReadAheadCounts { state.snapshot }

  /// Appends photos, in the order in which they will be wanted.
  package func schedule(_ photos: some Sequence<Int>) { state.schedule(photos) }

  /// Waits until all that is scheduled, or as much as there is room for, is in memory; returns how
  /// many photos are there.
  @discardableResult package func waitUntilFetched() -> Int { state.waitUntilFetched() }

  /// Forgets what is scheduled and what was brought but never asked for.
  package func discardAll() { state.discardAll() }

  /// Takes the bytes of `photo` that were brought, or reads them here and now.
  package func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    if state.take(photo, into: buffer) { return }
    let start = Clock.seconds
    defer { state.note(readSeconds: Clock.seconds - start) }
    try source.read(photo, into: buffer)
  }
}

/// What the reader thread and the workers share, under one lock that no file access holds.
private final class ReadAheadState: @unchecked Sendable {
  private enum Progress {
    case scheduled, reading
    case ready(slot: Int)
  }

  private let condition = NSCondition()
  private let byteLimit: Int
  private let slots: [ByteBuffer]
  private var freeSlots: [Int]
  private var progress: [Int: Progress] = [:]
  private var queue: [Int] = []
  private var queueHead = 0
  private var readyBytes = 0
  private var counts = ReadAheadCounts()
  private var isStopped = false
  private var isReading = false
  /// Counts the calls of `discardAll`, so that what is being read then is not kept.
  private var generation = 0

  init(photoLimit: Int, byteLimit: Int) {
    self.byteLimit = byteLimit
    // All at once: how many are in use depends on the moment, and memory should not.
    slots = (0..<photoLimit).map { _ in ByteBuffer(capacity: 1 << 14) }
    freeSlots = Array(0..<photoLimit)
    progress.reserveCapacity(4 * photoLimit)
  }

  var snapshot: ReadAheadCounts {
    condition.lock()
    defer { condition.unlock() }
    return counts
  }

  func schedule(_ photos: some Sequence<Int>) {
    condition.lock()
    defer { condition.unlock() }
    if isStopped { return }
    if 2 * queueHead >= queue.count {
      queue.removeFirst(queueHead)
      queueHead = 0
    }
    for photo in photos where progress[photo] == nil {
      progress[photo] = .scheduled
      queue.append(photo)
    }
    condition.broadcast()
  }

  /// Whether the reader has a photo to fetch and room for it.
  private var hasWork: Bool {
    queueHead < queue.count && !freeSlots.isEmpty && readyBytes < byteLimit
  }

  func waitUntilFetched() -> Int {
    condition.lock()
    defer { condition.unlock() }
    while !isStopped, isReading || hasWork { condition.wait() }
    return slots.count - freeSlots.count
  }

  func discardAll() {
    condition.lock()
    for case .ready(let slot) in progress.values { freeSlots.append(slot) }
    progress.removeAll(keepingCapacity: true)
    queue.removeAll(keepingCapacity: true)
    queueHead = 0
    readyBytes = 0
    generation += 1
    condition.broadcast()
    condition.unlock()
  }

  func note(readSeconds: Double) {
    condition.lock()
    counts.readSeconds += readSeconds
    condition.unlock()
  }

  func stop() {
    condition.lock()
    isStopped = true
    condition.broadcast()
    condition.unlock()
  }

  /// Exchanges `buffer` for the one with the bytes of `photo`; false where they are not to be had.
  func take(_ photo: Int, into buffer: ByteBuffer) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    var waited = false
    while true {
      switch progress[photo] {
      case .ready(let slot):
        readyBytes -= slots[slot].bytes.count
        buffer.swap(with: slots[slot])
        freeSlots.append(slot)
        progress[photo] = nil
        if waited { counts.awaited += 1 } else { counts.ready += 1 }
        condition.broadcast()
        return true
      case .reading where !isStopped:
        waited = true
        condition.wait()
      default:
        // The reader finds it gone when its turn comes, and passes over it.
        progress[photo] = nil
        counts.missed += 1
        return false
      }
    }
  }

  /// The reader thread's whole life.
  func serve(_ source: any PhotoSource) {
    condition.lock()
    while !isStopped {
      guard hasWork else {
        condition.wait()
        continue
      }
      let photo = queue[queueHead]
      queueHead += 1
      guard case .scheduled = progress[photo] else {
        condition.broadcast()
        continue
      }
      progress[photo] = .reading
      isReading = true
      let slot = freeSlots.removeLast()
      let started = generation
      condition.unlock()
      let start = Clock.seconds
      let isGood = Self.read(source, photo, into: slots[slot])
      let seconds = Clock.seconds - start
      condition.lock()
      counts.readSeconds += seconds
      isReading = false
      if isGood, started == generation {
        readyBytes += slots[slot].bytes.count
        progress[photo] = .ready(slot: slot)
      } else {
        freeSlots.append(slot)
        // The worker reads a bad photo again, and learns the reason.
        if started == generation { progress[photo] = nil }
      }
      condition.broadcast()
    }
    condition.unlock()
  }

  private static func read(_ source: any PhotoSource, _ photo: Int, into buffer: ByteBuffer) -> Bool
  {
    do throws(ImageError) {
      try source.read(photo, into: buffer)
      return true
    } catch {
      return false
    }
  }
}
