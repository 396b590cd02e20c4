import Datasets
import Foundation
import Synchronization
import Testing

@Suite struct ReadAheadTests {
  /// Photos whose bytes tell their number; every seventh cannot be read; counts what is read.
  private final class CountingSource: PhotoSource {
    let reads = Mutex<[Int: Int]>([:])
    let count = 1000
    func name(of photo: Int) -> String { "photo \(photo)" }
    func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
      reads.withLock { $0[photo, default: 0] += 1 }
      guard photo % 7 != 6 else { throw ImageError(description: "number \(photo)") }
      [UInt8](repeating: UInt8(photo % 251), count: 50 + photo).withUnsafeBytes { buffer.set($0) }
    }
    var total: Int { reads.withLock { $0.values.reduce(0, +) } }
  }

  private func expect(_ photo: Int, from source: any PhotoSource, _ buffer: ByteBuffer) {
    do throws(ImageError) {
      try source.read(photo, into: buffer)
      #expect(photo % 7 != 6)
      #expect(buffer.bytes.count == 50 + photo)
      #expect(buffer.bytes.allSatisfy { $0 == UInt8(photo % 251) })
    } catch {
      #expect(photo % 7 == 6 && error.description == "number \(photo)")
    }
  }

  private func wait(until condition: () -> Bool) {
    let end = ContinuousClock.now + .seconds(20)
    while !condition(), ContinuousClock.now < end { Thread.sleep(forTimeInterval: 0.002) }
    #expect(condition())
  }

  @Test func bringsWhatIsScheduledOnceAndWithinItsBounds() {
    let source = CountingSource()
    let ahead = ReadAhead(source, photoLimit: 8)
    let wanted = (0..<100).filter { $0 % 7 != 6 }
    ahead.schedule(wanted)
    wait { source.total == 8 }
    Thread.sleep(forTimeInterval: 0.02)
    #expect(source.total == 8)
    let buffer = ByteBuffer()
    for photo in wanted { expect(photo, from: ahead, buffer) }
    #expect(source.reads.withLock { $0.values.allSatisfy { $0 == 1 } })
    #expect(source.total == wanted.count)
    let counts = ahead.counts
    #expect(counts.ready + counts.awaited + counts.missed == wanted.count)
    #expect(counts.ready >= 8)
  }

  @Test func waitingEndsWithAllThatThereIsRoomForInMemory() {
    let source = CountingSource()
    let ahead = ReadAhead(source, photoLimit: 8)
    let buffer = ByteBuffer()
    ahead.waitUntilFetched()
    #expect(source.total == 0)
    ahead.schedule(0..<5)
    #expect(ahead.waitUntilFetched() == 5)
    #expect(source.total == 5)
    for photo in 0..<5 { expect(photo, from: ahead, buffer) }
    #expect(ahead.counts.ready == 5 && ahead.counts.missed == 0)
    // Bad ones take no room.
    ahead.schedule(6..<40)
    #expect(ahead.waitUntilFetched() == 8)
    for photo in 7..<13 { expect(photo, from: ahead, buffer) }
    #expect(ahead.counts.ready == 11 && ahead.counts.missed == 0)
  }

  @Test func stopsFetchingAboveItsByteLimit() {
    let source = CountingSource()
    let ahead = ReadAhead(source, photoLimit: 500, byteLimit: 300)
    ahead.schedule(100..<105)
    wait { source.total == 2 }
    Thread.sleep(forTimeInterval: 0.02)
    #expect(source.total == 2)
    let buffer = ByteBuffer()
    for photo in [100, 101, 102, 103] { expect(photo, from: ahead, buffer) }
  }

  @Test func severalWorkersGetTheRightBytesInAnyOrder() {
    let source = CountingSource()
    let ahead = ReadAhead(source, photoLimit: 16)
    let wanted = Array(0..<400)
    ahead.schedule(wanted)
    DispatchQueue.concurrentPerform(iterations: 4) { worker in
      let buffer = ByteBuffer()
      // Some ask from the end, for photos the reader has not come to, and for unscheduled ones.
      let mine = (0..<100).map { $0 * 4 + worker }
      for photo in worker % 2 == 0 ? mine : mine.reversed() { expect(photo, from: ahead, buffer) }
      expect(900 + worker, from: ahead, buffer)
    }
    let counts = ahead.counts
    #expect(counts.ready + counts.awaited + counts.missed == 404)
  }

  @Test func discardingMakesRoomAgain() {
    let source = CountingSource()
    let ahead = ReadAhead(source, photoLimit: 4)
    ahead.schedule(0..<4)
    wait { source.total == 4 }
    ahead.discardAll()
    ahead.schedule(10..<13)
    wait { source.total == 7 }
    let buffer = ByteBuffer()
    for photo in 10..<13 { expect(photo, from: ahead, buffer) }
    expect(0, from: ahead, buffer)
    #expect(source.reads.withLock { $0[0] } == 2)
  }
}
