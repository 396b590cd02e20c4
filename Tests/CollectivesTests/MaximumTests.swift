import Collectives
import TestSupport
import Testing

@Suite struct MaximumTests {
  private static func value(_ rank: Int, _ place: Int) -> Float {
    Float((rank * 7_919 + place * 104_729 + rank * place * 31) % 1_009) - 500
  }

  /// Fewer places than ranks, and many.
  @Test(arguments: [1, 2, 3, 8], [0, 1, 5, 1_001])
  func everyRankGetsTheGreatestOfAll(ranks: Int, count: Int) throws {
    let results = try ThreadCommunicator.run(size: ranks) { communicator in
      var values = (0..<count).map { Self.value(communicator.rank, $0) }
      if count > 1 { values[1] = communicator.rank == 0 ? .nan : -.infinity }
      try values.withUnsafeMutableBufferPointer { try communicator.allReduceMaximum($0) }
      return values
    }
    for values in results {
      for place in 0..<count where place != 1 {
        #expect(values[place] == (0..<ranks).map { Self.value($0, place) }.max())
      }
      // What is not a number counts for nothing where a peer has one.
      if count > 1 { #expect(ranks == 1 ? values[1].isNaN : values[1] == -.infinity) }
    }
  }
}
