import Datasets
import Foundation
import Synchronization
import Testing

@Suite struct ReadAheadTests {
  /// Photos whose bytes tell their number; every seventh cannot be read; counts what is read.
  private final class CountingSource: PhotoSource {
    let reads = Mutex<[Int: Int]>([:])
    private let sequence = Mutex<[Int]>([])
    let count = 1000
    func name(of photo: Int) -> String { "photo \(photo)" }
    func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
      reads.withLock { $0[photo, default: 0] += 1 }
      sequence.withLock { $0.append(photo) }
      guard photo % 7 != 6 else { throw ImageError(description: "number \(photo)") }
      [UInt8](repeating: UInt8(photo % 251), count: 50 + photo).withUnsafeBytes { buffer.set($0) }
    }
    /// The photos in the order in which they were read.
    var order: [Int] { sequence.withLock { $0 } }
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

  @Test func bringsWhatIsScheduledOnceAndWithinItsBounds() {
    let source = CountingSource()
    let ahead = ReadAhead(source, photoLimit: 8)
    let wanted = (0..<100).filter { $0 % 7 != 6 }
    ahead.schedule(wanted)
    // The reader says itself that it has nothing to do, and what it has done is counted elsewhere.
    #expect(ahead.waitUntilFetched() == 8)
    #expect(source.order == Array(wanted.prefix(8)))
    let buffer = ByteBuffer()
    for (place, photo) in wanted.enumerated() {
      expect(photo, from: ahead, buffer)
      // As soon as there is room the next one is brought, and no more.
      ahead.waitUntilFetched()
      #expect(source.total == min(place + 9, wanted.count))
    }
    #expect(source.order == wanted)
    #expect(source.reads.withLock { $0.values.allSatisfy { $0 == 1 } })
    #expect(source.total == wanted.count)
    let counts = ahead.counts
    #expect(counts.ready == wanted.count && counts.awaited == 0 && counts.missed == 0)
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
    // 150 and 151 bytes are above the limit together, and the first of them is not.
    #expect(ahead.waitUntilFetched() == 2)
    #expect(source.order == [100, 101])
    let buffer = ByteBuffer()
    for (place, photo) in [100, 101, 102, 103].enumerated() {
      expect(photo, from: ahead, buffer)
      ahead.waitUntilFetched()
      // The last one, which cannot be read, takes no room.
      #expect(source.total == min(place + 3, 5))
    }
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
    #expect(ahead.waitUntilFetched() == 4)
    ahead.discardAll()
    ahead.schedule(10..<13)
    #expect(ahead.waitUntilFetched() == 3)
    #expect(source.total == 7)
    let buffer = ByteBuffer()
    for photo in 10..<13 { expect(photo, from: ahead, buffer) }
    expect(0, from: ahead, buffer)
    #expect(source.reads.withLock { $0[0] } == 2)
  }
}
