import Collectives
import Losses
import Testing

@Suite struct LedgerTests {
  @Test func slotsFollowEachOther() {
    var ledger = Ledger()
    let one = ledger.reserve("one")
    let three = ledger.reserve("three", count: 3)
    let none = ledger.reserve("none", count: 0)
    let last = ledger.reserve("last")
    #expect(ledger.count == 5 && three.count == 3 && none.count == 0)
    let page = LedgerPage(.allocate(capacity: ledger.count))
    defer { page.values.deallocate() }
    for i in 0..<ledger.count { page.values[i] = 0 }
    page[one] = 1
    for i in 0..<3 { page.pointer(to: three)[i] = Double(10 + i) }
    page[last] = 5
    #expect((0..<5).map { page.values[$0] } == [1, 10, 11, 12, 5])
    #expect(page[one] == 1 && page[last] == 5)
  }

  @Test(arguments: [0, 1, 0x3F_FFFF, 0x40_0000, 0xFEDC_BA98_7654_3210, .max] as [UInt64])
  func hashesArriveWholeInSums(hash: UInt64) {
    var sums = [Double](repeating: 0, count: HashSum.count)
    var own = sums
    HashSum.write(hash, to: &own)
    for i in sums.indices { sums[i] += own[i] }
    #expect(HashSum.read(sums) == hash)
    for ranks in [1, 3, 4096] {
      let all = own.map { $0 * Double(ranks) }
      #expect(HashSum.areAll(hash, sums: all, ranks: ranks))
      #expect(!HashSum.areAll(hash ^ 1, sums: all, ranks: ranks))
      #expect(!HashSum.areAll(hash ^ (1 << 63), sums: all, ranks: ranks))
    }
  }

  /// Hashes that lie as far above the right one as below it have the right sum: the ranks that
  /// differ see it all the same, since each holds its own against the sum.
  @Test(arguments: [[-1, 1], [-1, 0, 1], [-2, 1, 1], [-3, -1, 1, 3]])
  func differencesOfHashesDoNotCancel(differences: [Int]) {
    let middle: UInt64 = 0x0123_4567_89AB_CDEF
    // In each of the parts that a hash is cut into, and in all at once.
    for unit in [1, 1 << 22, 1 << 44, 1 + 1 << 22 + 1 << 44] {
      let hashes = differences.map { UInt64(Int(middle) + $0 * unit) }
      var sums = [Double](repeating: 0, count: HashSum.count)
      for hash in hashes {
        var own = sums
        HashSum.write(hash, to: &own)
        for i in sums.indices { sums[i] += own[i] }
      }
      for (hash, difference) in zip(hashes, differences) {
        let isSatisfied = HashSum.areAll(hash, sums: sums, ranks: hashes.count)
        #expect(isSatisfied == (difference == 0), "\(difference) x \(unit) of \(differences)")
      }
    }
  }

  @Test func stateOfALossIsReadByName() {
    var state = LossState(["mean": 20, "deviation": 100])
    state["mean"] = 3
    #expect(state.names == ["mean", "deviation"] && state.values == [3, 100])
    state.set([1, 2])
    #expect(state["mean"] == 1 && state["deviation"] == 2)
  }
}
