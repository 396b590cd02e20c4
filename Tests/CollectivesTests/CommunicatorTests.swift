import Collectives
import Testing
import TestSupport

@Suite struct SoloCommunicatorTests {
  @Test func soloWorldIsANoOp() throws {
    let solo = SoloCommunicator()
    #expect(solo.rank == 0 && solo.size == 1 && solo.localRank == 0 && solo.localSize == 1)
    #expect(!solo.hostName.isEmpty)
    #expect(try solo.agreeOnMaximum(-7) == -7)
    var values: [Double] = [0.1, -.infinity, 3]
    try values.withUnsafeMutableBufferPointer { try solo.allReduceSum($0) }
    #expect(values == [0.1, -.infinity, 3])
    #expect(try solo.allGather([1, 2]) == [[1, 2]])
    #expect(try solo.broadcast([3], from: 0) == [3])
    try solo.barrier()
  }
}

@Suite struct CollectiveLawTests {
  @Test(arguments: [1, 2, 3, 4, 8])
  func collectivesKeepTheirLaws(size: Int) throws {
    for limits in [MessageLimits(), CollectiveLaw.shortMessages] {
      let failures = try ThreadCommunicator.run(size: size, limits: limits) { communicator in
        try CollectiveLaw.all.flatMap { law in
          try law.failures(communicator).map { "rank \(communicator.rank): \(law.name): \($0)" }
        }
      }
      #expect(failures.flatMap(\.self) == [])
    }
  }

  @Test func soloRanksKeepThemToo() throws {
    for law in CollectiveLaw.all {
      #expect(try law.failures(SoloCommunicator()) == [])
      let short = LimitedCommunicator(SoloCommunicator(), limits: CollectiveLaw.shortMessages)
      #expect(try law.failures(short) == [])
    }
  }
}

@Suite struct CollectiveOperationTests {
  static let operations: [CollectiveOperation] = [
    .agreement, .sum(count: 0), .sum(count: 1), .sum(count: 1 << 58), .exchange(count: 1),
    .allGather(bytes: 0), .allGather(bytes: 1 << 58), .allGatherOfAnyLength,
    .gather(root: 0, bytes: 1), .gather(root: 1, bytes: 0), .gatherOfAnyLength(root: 3),
    .broadcast(root: 0, bytes: 1 << 39), .broadcast(root: (1 << 19) - 1, bytes: (1 << 40) - 1),
    .broadcast(root: 0, bytes: 0), .broadcastOfAnyLength(root: 0), .broadcastOfAnyLength(root: 511),
    .barrier, .farewell,
  ]

  @Test func signaturesTellOperationsApart() {
    #expect(Set(Self.operations.map(\.signature)).count == Self.operations.count)
    for operation in Self.operations {
      #expect(operation.signature >= 0)
      #expect(CollectiveOperation(signature: operation.signature) == operation)
    }
    #expect(CollectiveOperation(signature: 15 << 59) == nil)
  }

  @Test func aDisagreementNamesOperationsAndRanks() {
    let operations: [CollectiveOperation?] =
      Array(repeating: .sum(count: 10), count: 10) + [.barrier, nil]
    let text = "\(CollectiveError.disagreement(operations))"
    #expect(text.contains("allReduceSum of 10 values on rank 0,1,2,3,4,5,6,7 and 2 more"))
    #expect(text.contains("barrier on rank 10;"))
    #expect(text.contains("an unknown operation on rank 11"))
  }

  @Test func aTimeoutNamesTheOperationAndTheAbsent() {
    let error = CollectiveError.timedOut(
      .barrier, seconds: 30.2, absent: ["rank 3 on node7", "rank 4 on node8"])
    #expect("\(error)".hasPrefix("waited 30 s for rank 3 on node7, rank 4 on node8 in barrier;"))
  }
}
