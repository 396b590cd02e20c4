import Collectives
import Glibc
import TestSupport

/// Every collective against values known in advance, at any number of ranks.
let collectiveChecks: [Check] = [
  Check("ranks and hosts add up") { communicator, expect in
    let size = communicator.size
    let own = [communicator.rank, communicator.localRank, communicator.localSize]
    let table = try communicator.allGather(
      Array("\(own[0]) \(own[1]) \(own[2]) \(communicator.hostName)".utf8)
    ).map { String(decoding: $0, as: UTF8.self).split(separator: " ") }
    expect(table.count == size, "\(table.count) entries from \(size) ranks")
    expect(table.map { Int($0[0]) } == Array(0..<size), "ranks are not 0..<\(size)")
    let mates = table.filter { $0[3] == communicator.hostName }
    expect(mates.count == communicator.localSize, "\(mates.count) ranks are on this host")
    expect(
      Set(mates.compactMap { Int($0[1]) }) == Set(0..<communicator.localSize),
      "local ranks of this host are not 0..<\(communicator.localSize)")
  },
  Check("the maximum is the largest word, wherever it is") { communicator, expect in
    for holder in 0..<communicator.size {
      let word = communicator.rank == holder ? 1_000_000_007 + holder : -holder
      let agreed = try communicator.agreeOnMaximum(word)
      expect(agreed == 1_000_000_007 + holder, "\(agreed), held by rank \(holder)")
    }
    let low = try communicator.agreeOnMaximum(Int.min + communicator.rank)
    expect(low == Int.min + communicator.size - 1, "\(low) of the smallest words")
    let high = try communicator.agreeOnMaximum(Int.max - communicator.rank)
    expect(high == Int.max, "\(high) of the largest words")
  },
  Check("sums are exact, for any length") { communicator, expect in
    // No value, one, and lengths around the 8 MB pieces: 1 Mi doubles.
    for count in [0, 1, 7, 1 << 20, 1 << 20 + 1, 2_621_440] {
      try expectExactSums(count: count, communicator, expect)
    }
  },
  Check("sums keep NaN and infinity") { communicator, expect in
    var values = [Double.infinity, communicator.rank == 0 ? .nan : 1, 1]
    try values.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
    expect(values[0] == .infinity, "infinities add up to \(values[0])")
    expect(values[1].isNaN, "a NaN became \(values[1])")
    expect(values[2] == Double(communicator.size), "ones add up to \(values[2])")
  },
  Check("both halves of an exchange bring every byte to its place") { communicator, expect in
    for unit in [0, 1, 1000, 300_000] { try expectExchange(unit: unit, communicator, expect) }
  },
  Check("gathering keeps order and lengths") { communicator, expect in
    for unit in [0, 1, 3, 100_000] {
      // Rank 0 sends nothing; each further rank sends `unit` bytes more.
      let gathered = try communicator.allGather(
        pattern(communicator.rank, communicator.rank * unit))
      let expected = (0..<communicator.size).map { pattern($0, $0 * unit) }
      expect(gathered == expected, "\(gathered.map(\.count)) bytes at \(unit) a rank")
    }
  },
  Check("a broadcast reaches everyone from any root") { communicator, expect in
    for root in 0..<communicator.size {
      for count in [0, 1, 12_345, 20_000_001] {
        // What the others pass is longer, and must not matter.
        let own = communicator.rank == root ? pattern(root, count) : [1, 2, 3]
        let received = try communicator.broadcast(own, from: root)
        expect(received == pattern(root, count), "\(received.count) of \(count) from \(root)")
      }
    }
  },
  Check("nobody leaves a barrier before the last has come") { communicator, expect in
    for late in 0..<min(communicator.size, 3) {
      if communicator.rank == late { usleep(100_000) }
      let entered = monotonicMicroseconds()
      try communicator.barrier()
      let left = monotonicMicroseconds()
      // Clocks of different hosts differ, those of one host do not.
      let table = try communicator.allGather(Array("\(entered) \(communicator.hostName)".utf8))
      for line in table {
        let parts = String(decoding: line, as: UTF8.self).split(separator: " ")
        guard parts[1] == communicator.hostName, let peer = Int(parts[0]) else { continue }
        expect(left >= peer, "left \(peer - left) us before a peer entered")
      }
    }
  },
  Check("waiting for a late peer sleeps and runs its check") { communicator, expect in
    var checkCount = 0
    try communicator.whileWaiting({ checkCount += 1 }) {
      if communicator.rank == 0 { usleep(400_000) }
      _ = try communicator.agreeOnMaximum(1)
    }
    if communicator.size == 1 {
      expect(checkCount == 0, "the check ran \(checkCount) times, with nobody to wait for")
    } else if communicator.rank != 0 {
      // Once a nap: 500 us in a long wait; without naps it would run some hundred thousand times.
      expect(checkCount > 10 && checkCount < 20_000, "the check ran \(checkCount) times")
    }
  },
]

/// The laws of any communicator, over real ranks: in single transfers, and cut into many.
let lawChecks: [Check] = CollectiveLaw.all.flatMap { law in
  [nil, CollectiveLaw.shortMessages].map { limits in
    Check(law.name + (limits == nil ? "" : ", in rounds")) { communicator, expect in
      let ranks = limits.map { LimitedCommunicator(communicator, limits: $0) } ?? communicator
      for failure in try law.failures(ranks) { expect(false, failure) }
    }
  }
}

/// Each rank passes its own integers; their sums have a closed form.
private func expectExactSums(
  count: Int, _ communicator: any Communicator, _ expect: Expectations
) throws {
  let size = communicator.size
  var values = (0..<count).map { Double(($0 + 1) * (communicator.rank + 1)) }
  try values.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
  let scale = size * (size + 1) / 2
  let wrong = values.indices.first { values[$0] != Double(($0 + 1) * scale) }
  expect(wrong == nil, "sum \(wrong ?? 0) of \(count) is \(wrong.map { values[$0] } ?? 0)")
}

/// Each rank sends (peer + 1) x `unit` bytes to each peer, then gathers what it got from the last.
private func expectExchange(
  unit: Int, _ communicator: any Communicator, _ expect: Expectations
) throws {
  let (rank, size) = (communicator.rank, communicator.size)
  func parts(_ length: (Int) -> Int) -> [Range<Int>] {
    var end = 0
    return (0..<size).map { peer in
      let count = peer == rank ? 0 : length(peer)
      defer { end += count }
      return end..<end + count
    }
  }
  let outgoing = parts { ($0 + 1) * unit }
  let incoming = parts { _ in (rank + 1) * unit }
  var sent = [UInt8](repeating: 0, count: outgoing.last!.upperBound + 1)
  for (peer, part) in outgoing.enumerated() {
    sent.replaceSubrange(part, with: pattern(10 * rank + peer, part.count))
  }
  var received = [UInt8](repeating: 0xEE, count: incoming.last!.upperBound + 1)
  let ownLength = 3 + rank
  let own = pattern(rank, ownLength)
  let places = (0..<size).map { 100 * $0..<100 * $0 + 3 + $0 }
  var all = [UInt8](repeating: 0, count: 100 * size)
  var word = 0
  try sent.withUnsafeBytes { sent in
    try received.withUnsafeMutableBytes { received in
      try own.withUnsafeBytes { own in
        try all.withUnsafeMutableBytes { all in
          try communicator.exchange(
            count: unit, word: rank,
            rounds: {
              word = $0
              return 2
            },
            allToAll: { _ in
              AllToAllMessages(
                outgoing: sent.baseAddress!, outgoingParts: outgoing,
                incoming: received.baseAddress!, incomingParts: incoming,
                longestPart: size * unit)
            },
            allGather: { _ in
              AllGatherMessages(own: own.baseAddress!, all: all.baseAddress!, parts: places)
            })
        }
      }
    }
  }
  expect(word == size - 1, "agreed on \(word)")
  for (peer, part) in incoming.enumerated() {
    let isRight = Array(received[part]) == pattern(10 * peer + rank, part.count)
    expect(isRight, "\(part.count) bytes from rank \(peer)")
  }
  for (peer, place) in places.enumerated() {
    expect(Array(all[place]) == pattern(peer, place.count), "the part of rank \(peer)")
  }
}

private func pattern(_ rank: Int, _ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ rank &* 7 &+ 1) }
}

func monotonicMicroseconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}
