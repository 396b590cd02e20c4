import Collectives
import Testing

@Suite struct SoloCommunicatorTests {
  @Test func soloWorldIsANoOp() {
    let solo = SoloCommunicator()
    #expect(solo.rank == 0 && solo.size == 1 && solo.localRank == 0 && solo.localSize == 1)
    #expect(!solo.hostName.isEmpty)
    #expect(solo.agreeOnMaximum(-7) == -7)
    var values: [Double] = [0.1, -.infinity, 3]
    values.withUnsafeMutableBufferPointer { solo.allReduceSum($0) }
    #expect(values == [0.1, -.infinity, 3])
    #expect(solo.allGather([1, 2]) == [[1, 2]])
    #expect(solo.broadcast([3], from: 0) == [3])
    solo.barrier()
  }
}

@Suite struct CollectiveOperationTests {
  static let operations: [CollectiveOperation] = [
    .agreement, .sum(count: 0), .sum(count: 1), .sum(count: 1 << 47), .gather,
    .broadcast(root: 0), .broadcast(root: 511), .barrier, .farewell,
  ]

  @Test func signaturesTellOperationsApart() {
    #expect(Set(Self.operations.map(\.signature)).count == Self.operations.count)
    for operation in Self.operations {
      #expect(operation.signature >= 0)
      #expect(CollectiveOperation(signature: operation.signature) == operation)
    }
    #expect(CollectiveOperation(signature: 77 << 48) == nil)
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
