import Collectives
import Glibc
import Synchronization
import Testing
import TestSupport

@Suite struct ThreadCommunicatorTests {
  @Test(arguments: [1, 2, 3, 8])
  func everyCollectiveGivesItsFormula(size: Int) throws {
    let ranks = try ThreadCommunicator.run(size: size) { communicator in
      let rank = communicator.rank
      for round in 0..<20 {
        let word = try communicator.agreeOnMaximum((rank + round) % size)
        #expect(word == size - 1)
        var values = (0..<3000).map { Double(($0 + round) * (rank + 1)) }
        try values.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
        let scale = size * (size + 1) / 2
        #expect(values == (0..<3000).map { Double(($0 + round) * scale) })
        let gathered = try communicator.allGather([UInt8](repeating: UInt8(rank), count: rank))
        #expect(gathered == (0..<size).map { [UInt8](repeating: UInt8($0), count: $0) })
        let root = round % size
        let sent = try communicator.broadcast([UInt8(rank), UInt8(round)], from: root)
        #expect(sent == [UInt8(root), UInt8(round)])
        try communicator.barrier()
      }
      #expect(communicator.size == size && communicator.localSize == size)
      return rank
    }
    #expect(ranks == Array(0..<size))
  }

  @Test func aSumThatIsNotAssociativeShows() throws {
    func sums(of values: [Double], seed: UInt64) throws -> Set<Double> {
      let perRank = try ThreadCommunicator.run(size: values.count, seed: seed) { communicator in
        var results: [Double] = []
        for _ in 0..<50 {
          var own = [values[communicator.rank]]
          try own.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
          results.append(own[0])
        }
        return results
      }
      // Whatever the order, all ranks see the same bits.
      #expect(perRank.allSatisfy { $0 == perRank[0] })
      return Set(perRank[0])
    }
    #expect(try sums(of: [1e16, 1, -1e16, 1], seed: 3).count > 1)
    #expect(try sums(of: [4, 1, -4, 1], seed: 3) == [2])
    #expect(try sums(of: [0.1, 0.2, 0.3], seed: 3).count > 1)
  }

  @Test func nobodyLeavesABarrierBeforeTheLastHasCome() throws {
    let arrivedCount = Atomic<Int>(0)
    _ = try ThreadCommunicator.run(size: 5) { communicator in
      for round in 1...50 {
        if communicator.rank == round % 5 { usleep(500) }
        arrivedCount.add(1, ordering: .sequentiallyConsistent)
        try communicator.barrier()
        #expect(arrivedCount.load(ordering: .sequentiallyConsistent) >= 5 * round)
      }
    }
  }

  @Test func aRankThatThrowsReleasesItsPeers() throws {
    struct Cause: Error {}
    let failure = #expect(throws: ThreadWorldError.self) {
      try ThreadCommunicator.run(size: 4) { communicator in
        if communicator.rank == 2 { throw Cause() }
        try communicator.barrier()
      }
    }
    let errors = try #require(failure).errors
    #expect(errors.count == 4)
    #expect(errors[0].rank == 2 && errors[0].error is Cause)
    #expect(errors.dropFirst().allSatisfy { ($0.error as? PeerGone)?.rank == 2 })
  }

  @Test func aRankThatReturnsEarlyReleasesItsPeers() throws {
    let failure = #expect(throws: ThreadWorldError.self) {
      try ThreadCommunicator.run(size: 2) { communicator in
        if communicator.rank == 1 { try communicator.barrier() }
      }
    }
    #expect(try #require(failure).errors.map(\.rank) == [1])
  }

  @Test func ranksAtDifferentOperationsAllSayWhichTheyAreAt() throws {
    let failure = #expect(throws: ThreadWorldError.self) {
      try ThreadCommunicator.run(size: 3) { communicator in
        var values = [Double](repeating: 0, count: communicator.rank == 1 ? 5 : 6)
        try values.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
      }
    }
    let errors = try #require(failure).errors
    #expect(errors.count == 3)
    for (_, error) in errors {
      #expect(
        error as? CollectiveError
          == .disagreement([.sum(count: 6), .sum(count: 5), .sum(count: 6)]))
    }
  }

  /// The rank that is missing comes when its peer has given up: no time has to be guessed.
  @Test func theDeadlineNamesWhoIsMissing() throws {
    let hasGivenUp = Atomic<Bool>(false)
    let failure = #expect(throws: ThreadWorldError.self) {
      try ThreadCommunicator.run(size: 2) { communicator in
        if communicator.rank == 1 {
          while !hasGivenUp.load(ordering: .acquiring) { usleep(1000) }
          return
        }
        defer { hasGivenUp.store(true, ordering: .releasing) }
        communicator.progress.watch(limits: WatchLimits(silenceSeconds: nil, stallSeconds: 0.05))
        communicator.progress.enter(.evaluate)
        try communicator.barrier()
      }
    }
    let errors = try #require(failure).errors
    #expect(errors.map(\.rank) == [0])
    guard case .timedOut(.barrier, let seconds, let absent)? = errors[0].error as? CollectiveError
    else {
      Issue.record("\(errors[0].error)")
      return
    }
    #expect(absent == ["rank 1 on thread-host"])
    // An evaluation may last twice as long.
    #expect(seconds > 0.1)
  }

  @Test func waitingRunsTheCheckAndTakesItsError() throws {
    struct Stop: Error {}
    let hasStopped = Atomic<Bool>(false)
    let failure = #expect(throws: ThreadWorldError.self) {
      try ThreadCommunicator.run(size: 2) { communicator in
        if communicator.rank == 1 {
          while !hasStopped.load(ordering: .acquiring) { usleep(1000) }
          return
        }
        defer { hasStopped.store(true, ordering: .releasing) }
        var callCount = 0
        try communicator.whileWaiting({
          callCount += 1
          if callCount == 5 { throw Stop() }
        }) {
          // The inner check is in force while its body runs, and only then.
          communicator.whileWaiting({ Issue.record("the inner check") }) {}
          try communicator.barrier()
        }
      }
    }
    let first = try #require(failure).errors[0]
    #expect(first.rank == 0 && first.error is Stop)
  }
}
